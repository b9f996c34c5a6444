"""What was seen wakes whom, and the workers who then look. It turns; it decides nothing."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from ..gateways.api_server import ClusterRefused, ClusterUnavailable, NotLeading
from ..gateways.cluster import Cluster
from ..gateways.credentials import Credentials
from ..gateways.langgraph import LangGraphServers, NotALangGraphServer, ServerRefused, ServerUnavailable
from ..gateways.schemas import SchemaJudge
from ..gateways.version_table import Expired, Listed, Passed, Seen, Vanished, VersionEvent
from ..resources.assistant import Assistant
from ..resources.graph import Graph
from ..resources.meta import Key, condition
from ..resources.remote import Probe
from .cache import Cache
from .events import Events
from .inventory import Inventory
from .logs import concerning
from .metrics import Metrics
from .narrator import Narrator
from .probes import Probes
from .publisher import Publisher
from .reconcile_assistant import AssistantReconciler
from .reconcile_graph import GraphReconciler, judges_otherwise
from .recorder import Recorder
from .resync import Resync
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

WORKERS, PUBLISHERS = 16, 48
_INTERVAL = 0.05
_PAUSE = 1.0
_RECORDED_AT_ONCE, _LONGEST_TURN = 50, 5.0
_LONGEST_STANDSTILL = 300.0
_HERE, _THERE = "cluster", "servers"
_CONTROLLERS = {
    _HERE: {"Assistant": "assistant", "Graph": "graph"},
    _THERE: {"Assistant": "publication", "Graph": "probe"},
}

Subject = tuple[str, Key]
_TROUBLES = (ClusterUnavailable, ClusterRefused, NotLeading, ServerUnavailable, ServerRefused, NotALangGraphServer)


class Crank:
    """Takes in what the feed sees; records edits while leading; looks at what may have changed."""

    def __init__(
        self,
        cluster: Cluster,
        judge: SchemaJudge,
        servers: LangGraphServers,
        *,
        cluster_name: str,
        events: Events,
        metrics: Metrics,
    ) -> None:
        self._metrics = metrics
        self._queue = WorkQueue(interval=_INTERVAL, meter=metrics.queue(_HERE))
        self._publications = WorkQueue(interval=_INTERVAL, meter=metrics.queue(_THERE))
        self.cache = Cache()
        self._rejudging: dict[Key, set[Key]] = {}
        self._leading = asyncio.Event()
        narrator = Narrator(events)
        self._recorder = Recorder(cluster, self.cache, wake=self._wake_assistant, events=events, metrics=metrics)
        credentials = Credentials(cluster)
        self._probes = Probes(servers, credentials, cluster_name=cluster_name, changed=self._probed)
        self._publisher = Publisher(
            cluster,
            self.cache,
            self._recorder,
            judge,
            self._probes,
            narrator=narrator,
            metrics=metrics,
            told=self._wake_assistant,
        )
        self._resync = Resync(cluster, self.cache, self._publisher, self._probes, wake=self._publish)
        self._assistants = AssistantReconciler(
            cluster,
            self.cache,
            self._recorder,
            judge,
            self._publisher,
            narrator=narrator,
            metrics=metrics,
            settled=self._settled,
        )
        self._graphs = GraphReconciler(
            cluster,
            self.cache,
            judge,
            narrator=narrator,
            metrics=metrics,
            is_rejudging=lambda graph: bool(self._rejudging.get(graph)),
            rejudge=lambda graph: self._rejudge(graph, wholly=True),
            probe_of=self._probes.of,
        )
        metrics.workers(_HERE, WORKERS, self._queue)
        metrics.workers(_THERE, PUBLISHERS, self._publications)
        metrics.controllers(*(each for names in _CONTROLLERS.values() for each in names.values()))
        metrics.inventory(Inventory(self.cache, is_leading=self._leading.is_set).text)

    # What the feed sees

    async def assistant_seen(self, assistant: Assistant) -> None:
        """An Assistant came or changed. While leading, returns when its edits are recorded."""
        if self.cache.is_outdated(assistant):
            return
        before = self.cache.see(assistant)
        if before and before.metadata.uid != assistant.metadata.uid:
            self._forget(before)
        if before is None or _shown_to_graphs(before) != _shown_to_graphs(assistant):
            self._wake_graphs_of(assistant)
            self._wake_graphs_of(before or assistant)
        if self._leading.is_set():
            concerning("Assistant", assistant.key)
            await self._recorder.observe(assistant)

    def assistant_gone(self, key: Key, uid: str) -> None:
        """An Assistant was deleted; one made since under the same name stays."""
        seen = self.cache.seen.get(key)
        if seen and seen.metadata.uid != uid:
            return
        self._graphs.forget_default(key)
        if assistant := self.cache.drop_assistant(key):
            self._forget(assistant)
            self._settled(key)
            self._wake_graphs_of(assistant)

    def _forget(self, assistant: Assistant) -> None:
        self._recorder.forget(assistant)
        self._assistants.forget(assistant)
        self._publisher.forget(assistant)

    def graph_seen(self, graph: Graph) -> None:
        """A Graph came or changed: its assistants are looked at if they may see a difference."""
        before = self.cache.graphs.get(graph.key)
        if before and int(before.metadata.resource_version) > int(graph.metadata.resource_version):
            return
        self.cache.put_graph(graph)
        if graph.spec.server and self._probes.of(graph) is None:
            self._publications.add(("Graph", graph.key))
        if before and _leads_to(before) != _leads_to(graph):
            self._wake_assistants(self.cache.concerned_by(graph.key))
        first_look = before is None and graph.status.observed_generation != graph.metadata.generation
        changed_schemas = before is not None and judges_otherwise(before, graph)
        if before is None or changed_schemas:
            self._rejudge(graph.key, wholly=first_look or changed_schemas)
        self._queue.add(("Graph", graph.key))

    def graph_gone(self, key: Key, uid: str) -> None:
        """A Graph was deleted; one made since under the same name stays."""
        seen = self.cache.graphs.get(key)
        if seen and seen.metadata.uid == uid:
            self.cache.drop_graph(key)
            self._probes.forget(key)
            self._rejudge(key, wholly=False)

    def versions_seen(self, namespace: str, event: VersionEvent) -> None:
        """What became of versions: only what nobody here did by itself is news."""
        match event:
            case Listed(records, position):
                self._wake_assistants(self.cache.replace_versions(namespace, records, position))
            case Seen(record):
                if self.cache.put_version(record):
                    self._wake_assistant(record.key)
            case Vanished(record):
                if self.cache.drop_version(record):
                    self._wake_assistant(record.key)
            case Passed() | Expired():
                pass

    def known(self) -> tuple[dict[Key, str], dict[Key, str]]:
        """The Assistants and the Graphs that were seen and did not go, and their UIDs."""
        assistants = {key: each.metadata.uid for key, each in self.cache.seen.items()}
        return assistants, {key: each.metadata.uid for key, each in self.cache.graphs.items()}

    def trouble(self) -> str | None:
        """Why what is due is looked at by nobody; None while it is."""
        for name, queue in ((_HERE, self._queue), (_THERE, self._publications)):
            if queue.stuck_for() > _LONGEST_STANDSTILL:
                return f"the queue '{name}' has not turned for {queue.stuck_for():.0f} s"
        return None

    # Who does it

    async def lead(self) -> None:
        """From now on record: first what was seen while somebody else led."""
        self._leading.set()
        turns = asyncio.Semaphore(_RECORDED_AT_ONCE)

        async def catch_up(assistant: Assistant) -> None:
            concerning("Assistant", assistant.key)
            async with turns:
                recording = asyncio.ensure_future(self._recorder.observe(assistant))
                # What cannot be recorded for long must not keep the others waiting.
                await asyncio.wait({recording}, timeout=_LONGEST_TURN)
            await recording

        await asyncio.gather(*(catch_up(each) for each in list(self.cache.seen.values())))

    async def work(self) -> None:
        """One worker: look at what is due, until cancelled."""
        while True:
            subject = await self._queue.take()
            await self._look(subject, _HERE, self._queue, self._reconcile)  # type: ignore[arg-type]

    async def publish(self) -> None:
        """One worker for what is on servers: none of them, however slow, keeps the cluster's own work waiting."""
        while True:
            subject = await self._publications.take()
            await self._look(subject, _THERE, self._publications, self._attend)  # type: ignore[arg-type]

    async def _reconcile(self, kind: str, key: Key) -> float | None:
        if kind == "Graph":
            return await self._graphs.reconcile(key)
        rest = await self._assistants.reconcile(key)
        self._publish_if_concerned(key)
        return rest

    async def _attend(self, kind: str, key: Key) -> float | None:
        if kind == "Assistant":
            return await self._publisher.reconcile(key)
        graph = self.cache.graphs.get(key)
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
        self._metrics.reconciled(_CONTROLLERS[name][kind], result, asyncio.get_running_loop().time() - started)

    # Who is woken

    def _publish(self, key: Key) -> None:
        self._publications.add(("Assistant", key))

    def _publish_if_concerned(self, key: Key) -> None:
        assistant = self.cache.recorded.get(key)
        if assistant and self._publisher.concerns(assistant):
            self._publish(key)

    def _probed(self, graph: Graph, _: Probe) -> None:
        """Its server says something else than before."""
        self._queue.add(("Graph", graph.key))
        for key in self.cache.concerned_by(graph.key):
            self._publish_if_concerned(key)

    def _wake_assistant(self, key: Key) -> None:
        self._queue.add(("Assistant", key))

    def _wake_assistants(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self._wake_assistant(key)

    def _wake_graphs_of(self, assistant: Assistant) -> None:
        """The Graph that counts it, and those that it is or was the default of."""
        namespace = assistant.metadata.namespace
        graphs = {(namespace, assistant.spec.graph_ref.name), *self.cache.graphs_with_default(assistant.key)}
        if (owner := assistant.metadata.controller) and owner.kind == Graph.kind_name:
            graphs.add((namespace, owner.name))
        for graph in graphs & self.cache.graphs.keys():
            self._queue.add(("Graph", graph), _INTERVAL)

    def _rejudge(self, graph: Key, *, wholly: bool) -> None:
        concerned = self.cache.concerned_by(graph)
        if wholly:
            self._rejudging[graph] = set(concerned)
        for key in concerned:
            self._assistants.rejudge(key, wholly=wholly)
            self._queue.add(("Assistant", key))

    def _settled(self, key: Key) -> None:
        for graph, waiting in list(self._rejudging.items()):
            waiting.discard(key)
            if not waiting:
                del self._rejudging[graph]
                self._queue.add(("Graph", graph))


def _leads_to(graph: Graph) -> tuple[object, ...]:
    """What of a Graph says where its assistants belong."""
    return graph.spec.server, graph.graph_id, graph.default_name


def _shown_to_graphs(assistant: Assistant) -> tuple[object, ...]:
    """What of an Assistant its Graph goes by: of a default one, nearly everything."""
    meta = assistant.metadata
    counted = (meta.uid, meta.deletion_timestamp, meta.owner_references, assistant.spec.graph_ref)
    if meta.controller is None:
        ready = condition(assistant.status.conditions, "Ready")
        return (*counted, ready.status == "True" or ready.message if ready else None)
    return (*counted, meta.labels, meta.managed_fields, assistant.spec, assistant.status.conditions)
