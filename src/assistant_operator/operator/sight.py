"""What the feed and the watch of versions see: kept, recorded while leading, and told to whom it may concern."""

import asyncio

from ..gateways.version_table import Expired, Listed, Passed, Seen, Vanished, VersionEvent
from ..resources.assistant import Assistant
from ..resources.graph import Graph
from ..resources.meta import Key, condition
from .cache import Cache
from .crowd import Crowd
from .logs import concerning
from .probes import Probes
from .publisher import Publisher
from .reconcile_assistant import AssistantReconciler
from .reconcile_graph import GraphReconciler, judges_otherwise
from .recorder import Recorder
from .wakes import Wakes


class Sight:
    """Takes in each state of each object, in order. It decides nothing."""

    def __init__(
        self,
        cache: Cache,
        wakes: Wakes,
        recorder: Recorder,
        *,
        assistants: AssistantReconciler,
        graphs: GraphReconciler,
        publisher: Publisher,
        probes: Probes,
    ) -> None:
        self._cache = cache
        self._wakes = wakes
        self._recorder = recorder
        self._assistants = assistants
        self._graphs = graphs
        self._publisher = publisher
        self._probes = probes
        self._leading = asyncio.Event()

    @property
    def is_leading(self) -> bool:
        return self._leading.is_set()

    @property
    def crowd(self) -> Crowd:
        return self._recorder.crowd

    async def lead(self) -> None:
        """From now on record, until cancelled: first what was seen while another replica led."""
        self._leading.set()

        async def catch_up(assistant: Assistant) -> None:
            concerning("Assistant", assistant.key)
            await self._recorder.observe(assistant)

        await asyncio.gather(*(catch_up(each) for each in list(self._cache.seen.values())))
        await self._recorder.run()

    async def assistant_seen(self, assistant: Assistant) -> None:
        """An Assistant came or changed. While leading, its edits are recorded in the background."""
        if self._cache.is_outdated(assistant):
            return
        before = self._cache.see(assistant)
        if before and before.metadata.uid != assistant.metadata.uid:
            self._forget(before)
        if before is None or _shown_to_graphs(before) != _shown_to_graphs(assistant):
            self._wakes.graphs_of(assistant)
            self._wakes.graphs_of(before or assistant)
        if self._leading.is_set():
            concerning("Assistant", assistant.key)
            await self._recorder.observe(assistant)

    def assistant_gone(self, key: Key, uid: str) -> None:
        """An Assistant was deleted; one made since under the same name stays."""
        seen = self._cache.seen.get(key)
        if seen and seen.metadata.uid != uid:
            return
        self._graphs.forget_default(key)
        if assistant := self._cache.drop_assistant(key):
            self._forget(assistant)
            self._wakes.settled(key)
            self._wakes.graphs_of(assistant)

    def _forget(self, assistant: Assistant) -> None:
        self._recorder.forget(assistant)
        self._assistants.forget(assistant)
        self._publisher.forget(assistant)

    def graph_seen(self, graph: Graph) -> None:
        """A Graph came or changed: its assistants are looked at if they may see a difference."""
        before = self._cache.graphs.get(graph.key)
        if before and int(before.metadata.resource_version) > int(graph.metadata.resource_version):
            return
        graph = self._cache.put_graph(graph)
        if graph.spec.server and self._probes.of(graph) is None:
            self._wakes.probe(graph.key)
        if before and _leads_to(before) != _leads_to(graph):
            self._wakes.assistants(self._cache.concerned_by(graph.key))
        first_look = before is None and graph.status.observed_generation != graph.metadata.generation
        changed_schemas = before is not None and judges_otherwise(before, graph)
        if before is None or changed_schemas:
            self._wakes.rejudge(graph.key, wholly=first_look or changed_schemas)
        self._wakes.graph(graph.key)

    def graph_gone(self, key: Key, uid: str) -> None:
        """A Graph was deleted; one made since under the same name stays."""
        self._graphs.forget(key, uid)
        seen = self._cache.graphs.get(key)
        if seen and seen.metadata.uid == uid:
            self._cache.drop_graph(key)
            self._probes.forget(key)
            self._wakes.rejudge(key, wholly=False)

    def versions_seen(self, namespace: str, event: VersionEvent) -> None:
        """What became of versions: only what nobody here did by itself is news."""
        match event:
            case Listed(records, position):
                self._wakes.assistants(self._cache.replace_versions(namespace, records, position))
            case Seen(record):
                if self._cache.put_version(record):
                    self._wakes.assistant(record.key)
            case Vanished(record):
                if self._cache.drop_version(record):
                    self._wakes.assistant(record.key)
            case Passed() | Expired():
                pass

    def known(self) -> tuple[dict[Key, str], dict[Key, str]]:
        """The Assistants and the Graphs that were seen and did not go, and their UIDs."""
        assistants = {key: each.metadata.uid for key, each in self._cache.seen.items()}
        return assistants, {key: each.metadata.uid for key, each in self._cache.graphs.items()}


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
