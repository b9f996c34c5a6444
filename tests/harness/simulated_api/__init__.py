"""A simulated kube-apiserver: deterministic, in plain Python, as faithful as tests/contract/api_server shows.

    cluster = SimulatedCluster(now, random.Random(seed), delay=lambda: 0.1)
    protocol_factory = cluster.server.front.server()  # an aiohttp web.Server: for a socket, or a network in memory
    asyncio.create_task(cluster.controllers.run())  # garbage collection, the end of namespaces

Nothing here knows the real time or has chance of its own: `now`, `random` and the clock of the event loop are all there
is. What a client may do to it: HTTP. What a test may do to it besides:

- `cluster.server.front.intercept`: a fault for a request, as of tests/harness/controlplane/faults.py; `cut_watches()`.
- `cluster.server.restart()`: every connection is cut, the watch cache is empty.
- `cluster.server.endpoint`: `hold()` and `release()` what watches and cached reads show of some resources or of all,
  `forget()` the window of the watch cache, `interrupt()` every watch with an error event.
- `cluster.add_server()`: a second API server before the same store.
- `cluster.snapshot()`, `restore()`, `compact()`; `cluster.store.advance()`: revisions that others write.
- `cluster.policies`: ValidatingAdmissionPolicies as predicates; `cluster.quotas`: how many objects may be created;
  `cluster.authorizer.users`: who may do what.

What is not simulated is answered with 501 and noted in `cluster.server.front.handlers.failures`, which a test must find
empty.
"""

from .admission import Attempt, Policy
from .authorization import Grant, User, grants_of
from .cluster import ApiServer, SimulatedCluster
from .quotas import Quota
from .statuses import ApiError, NotSimulated
from .store import Snapshot

__all__ = [
    "ApiError",
    "ApiServer",
    "Attempt",
    "Grant",
    "NotSimulated",
    "Policy",
    "Quota",
    "SimulatedCluster",
    "Snapshot",
    "User",
    "grants_of",
]
