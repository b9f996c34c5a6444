"""A simulated kube-apiserver: deterministic, in plain Python, as faithful as tests/contract/api_server shows."""

from .admission import Attempt, Policy
from .authorization import Grant, User, grants_of
from .cluster import ApiServer, SimulatedCluster
from .statuses import ApiError, NotSimulated
from .store import Snapshot

__all__ = [
    "ApiError",
    "ApiServer",
    "Attempt",
    "Grant",
    "NotSimulated",
    "Policy",
    "SimulatedCluster",
    "Snapshot",
    "User",
    "grants_of",
]
