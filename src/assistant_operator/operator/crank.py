"""The workers: each takes what is due and looks. They turn; they decide nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from ..decisions.publication import may_have_copies
from ..gateways.api_server import ClusterRefused, ClusterUnavailable, NotLeading
from ..gateways.wire import ServerTrouble
from ..resources.meta import Key
from .cache import Cache
from .logs import concerning
from .metrics import Metrics
from .probes import Probes
from .publisher import Publisher
from .reconcile_assistant import AssistantReconciler
from .reconcile_graph import GraphReconciler
from .resync import Resync
from .wakes import Subject, Wakes
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

HERE, THERE = "cluster", "servers"
"""The names of the two queues."""
CONTROLLERS = {
    HERE: {"Assistant": "assistant", "Graph": "graph"},
    THERE: {"Assistant": "publication", "Graph": "probe"},
}
_LONGEST_STANDSTILL = 300.0
_NOT_FILLED = 1.0

_TROUBLES = (ClusterUnavailable, ClusterRefused, NotLeading, ServerTrouble)


class Crank:
    """Looks at what may have changed, each object by one worker at a time."""

    def __init__(
        self,
        cache: Cache,
        wakes: Wakes,
        *,
        assistants: AssistantReconciler,
        graphs: GraphReconciler,
        publisher: Publisher,
        probes: Probes,
        resync: Resync,
        metrics: Metrics,
    ) -> None:
        self._cache = cache
        self._wakes = wakes
        self._assistants = assistants
        self._graphs = graphs
        self._publisher = publisher
        self._probes = probes
        self._resync = resync
        self._metrics = metrics

    def trouble(self) -> str | None:
        """Why what is due is looked at by nobody; None while it is."""
        for name, queue in ((HERE, self._wakes.here), (THERE, self._wakes.there)):
            if queue.stuck_for() > _LONGEST_STANDSTILL:
                return f"the queue '{name}' has not turned for {queue.stuck_for():.0f} s"
        return None

    async def work(self, leave: asyncio.Event) -> None:
        """One worker: look at what is due while `leave` is set, until cancelled."""
        while True:
            subject = await self._wakes.here.take(leave)
            await self._look(subject, HERE, self._wakes.here, self._reconcile)  # type: ignore[arg-type]

    async def publish(self) -> None:
        """One worker for what is on servers: none of them, however slow, keeps the cluster's own work waiting."""
        while True:
            subject = await self._wakes.there.take()
            await self._look(subject, THERE, self._wakes.there, self._attend)  # type: ignore[arg-type]

    async def _reconcile(self, kind: str, key: Key) -> float | None:
        if kind == "Graph":
            return await self._graphs.reconcile(key)
        rest = await self._assistants.reconcile(key)
        assistant = self._cache.recorded.get(key)
        if assistant and may_have_copies(assistant):
            self._wakes.copies(key)
        return rest

    async def _attend(self, kind: str, key: Key) -> float | None:
        if kind == "Assistant":
            return await self._publisher.reconcile(key)
        graph = self._cache.graphs.get(key)
        if graph is None or graph.spec.server is None:
            self._probes.forget(key)
            return None
        endpoint, later = await self._probes.ask(graph)
        if endpoint:
            await self._resync.run(graph, endpoint)
        return later

    async def _look(
        self, subject: Subject, name: str, queue: WorkQueue, reconcile: Callable[[str, Key], Awaitable[float | None]]
    ) -> None:
        kind, key = subject
        if not self._cache.is_filled(key[0]):  # what is not known yet must not be taken for what is not there
            queue.done(subject)
            queue.add(subject, _NOT_FILLED)
            return
        concerning(kind, key)
        started = asyncio.get_running_loop().time()
        try:
            rest = await reconcile(kind, key)
        except _TROUBLES as error:
            delay = queue.failed(subject)
            log.warning("%s %s/%s: %s; next try in %.1f s", kind, *key, error, delay)
            result = "error"
        except Exception:  # a bug that one object brings out must not stop the others
            delay = queue.failed(subject)
            log.exception("%s %s/%s; next try in %.1f s", kind, *key, delay)
            result = "panic"
        else:
            queue.done(subject)
            result = "success" if rest is None else "requeue_after"
            if rest is not None:
                queue.add(subject, rest)
        self._metrics.reconciled(CONTROLLERS[name][kind], result, asyncio.get_running_loop().time() - started)
