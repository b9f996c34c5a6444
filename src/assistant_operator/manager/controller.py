"""The workers: each takes what is due and looks. They turn; they decide nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from assistant_operator.api.meta import Key
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading
from assistant_operator.clients.langgraph.transport import ServerTrouble
from assistant_operator.controllers.assistant.reconciler import AssistantReconciler
from assistant_operator.controllers.graph.reconciler import GraphReconciler
from assistant_operator.controllers.publication.drift import DriftDetector
from assistant_operator.controllers.publication.probes import ServerProber
from assistant_operator.controllers.publication.reconciler import PublicationReconciler
from assistant_operator.controllers.triggers import Subject, Triggers
from assistant_operator.policy.publication import may_have_copies
from assistant_operator.runtime.logs import bind_object
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store

log = logging.getLogger(__name__)

CLUSTER, SERVERS = "cluster", "servers"
"""The names of the two queues."""
CONTROLLERS = {
    CLUSTER: {"Assistant": "assistant", "Graph": "graph"},
    SERVERS: {"Assistant": "publication", "Graph": "probe"},
}
_LONGEST_STANDSTILL = 300.0
_NOT_FILLED = 1.0

_TROUBLES = (ClusterUnavailable, ClusterRefused, NotLeading, ServerTrouble)


class Controller:
    """Looks at what may have changed, each object by one worker at a time."""

    def __init__(
        self,
        cache: Store,
        triggers: Triggers,
        *,
        assistants: AssistantReconciler,
        graphs: GraphReconciler,
        publisher: PublicationReconciler,
        prober: ServerProber,
        resync: DriftDetector,
        metrics: Metrics,
    ) -> None:
        self._cache = cache
        self._triggers = triggers
        self._assistants = assistants
        self._graphs = graphs
        self._publisher = publisher
        self._prober = prober
        self._resync = resync
        self._metrics = metrics

    def trouble(self) -> str | None:
        """Why what is due is looked at by nobody; None while it is."""
        for name, queue in ((CLUSTER, self._triggers.here), (SERVERS, self._triggers.there)):
            if queue.stuck_for() > _LONGEST_STANDSTILL:
                return f"the queue '{name}' has not turned for {queue.stuck_for():.0f} s"
        return None

    async def work(self, leave: asyncio.Event) -> None:
        """One worker: look at what is due while `leave` is set, until cancelled."""
        while True:
            subject = await self._triggers.here.take(leave)
            await self._look(subject, CLUSTER, self._triggers.here, self._reconcile)  # type: ignore[arg-type]

    async def publish(self) -> None:
        """One worker for what is on servers: none of them, however slow, keeps the cluster's own work waiting."""
        while True:
            subject = await self._triggers.there.take()
            await self._look(subject, SERVERS, self._triggers.there, self._reconcile_server)  # type: ignore[arg-type]

    async def _reconcile(self, kind: str, key: Key) -> float | None:
        if kind == "Graph":
            return await self._graphs.reconcile(key)
        rest = await self._assistants.reconcile(key)
        assistant = self._cache.recorded.get(key)
        if assistant and may_have_copies(assistant):
            self._triggers.copies(key)
        return rest

    async def _reconcile_server(self, kind: str, key: Key) -> float | None:
        if kind == "Assistant":
            return await self._publisher.reconcile(key)
        graph = self._cache.graphs.get(key)
        if graph is None or graph.spec.server is None:
            self._prober.forget(key)
            return None
        endpoint, later = await self._prober.ask(graph)
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
        bind_object(kind, key)
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
