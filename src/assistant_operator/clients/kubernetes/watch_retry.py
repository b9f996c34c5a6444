"""How a failed watch is retried. Shared by the watches of kopf and of AssistantVersions."""

from assistant_operator.clients.backoff import Backoff

from .transport import ClusterRefused, ClusterUnavailable

BACKOFF = Backoff(first=0.2, longest=5.0, jitter=0.2)
STEADY = 5.0
"""Seconds after which the end of a watch is normal. An earlier end counts as a failure."""
REPORTED_FAILURES = 3
"""Failures in a row after which the next one is reported, even if the watch was open before it failed."""


def must_relist(error: ClusterUnavailable | ClusterRefused) -> bool:
    """Return whether a watch that failed with `error` cannot be continued from its last resource version.

    A 401 or 403 concerns the credentials, not the events.
    """
    return isinstance(error, ClusterRefused) and error.status.code not in {401, 403}
