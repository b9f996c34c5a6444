"""A real Kubernetes control plane on loopback, for tests, demo and benchmarks; not a cluster: nothing runs a pod."""

from .api import ApiRefused
from .build import BuildFailed
from .component import ComponentFailed
from .kubectl import KubectlFailed
from .plane import ControlPlane
from .proxy import Answer, CutStream, Delay, DropAfter, DropBefore, Fault, FaultProxy, Hang, Page, Request

__all__ = [
    "Answer",
    "ApiRefused",
    "BuildFailed",
    "ComponentFailed",
    "ControlPlane",
    "CutStream",
    "Delay",
    "DropAfter",
    "DropBefore",
    "Fault",
    "FaultProxy",
    "Hang",
    "KubectlFailed",
    "Page",
    "Request",
]
