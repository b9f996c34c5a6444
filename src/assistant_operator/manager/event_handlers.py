"""What the feed and the watch of versions see: kept, recorded while leading, and told to whom it may concern."""

import asyncio
from dataclasses import dataclass

from cachetools import FIFOCache

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, position
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.version_table import (
    Bookmark,
    Deleted,
    Failing,
    Gone,
    Modified,
    Opened,
    Replaced,
    VersionEvent,
)
from assistant_operator.controllers.assistant.reconciler import AssistantReconciler
from assistant_operator.controllers.capture.capture import EditCapture
from assistant_operator.controllers.graph.reconciler import GraphReconciler
from assistant_operator.controllers.publication.probes import ServerProber
from assistant_operator.controllers.publication.reconciler import PublicationReconciler
from assistant_operator.runtime.logs import bind_object
from assistant_operator.store.store import Store

from .triggers import Triggers

_MOST_GONE = 10_000


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an object."""

    uid: str
    resource_version: str
    epoch: int = 0
    """See Positions: in which it was listed last."""
    lags: bool = False
    """Whether edits of it should have been recorded, and are not."""


class EventHandlers:
    """Takes in each state of each object, in order. It decides nothing."""

    def __init__(
        self,
        store: Store,
        triggers: Triggers,
        edit_capture: EditCapture,
        *,
        assistants: AssistantReconciler,
        graphs: GraphReconciler,
        publisher: PublicationReconciler,
        prober: ServerProber,
        resource_versions: ResourceVersions,
    ) -> None:
        self._store = store
        self._triggers = triggers
        self._edit_capture = edit_capture
        self._assistants = assistants
        self._graphs = graphs
        self._publisher = publisher
        self._prober = prober
        self._resource_versions = resource_versions
        self._leads: set[str] = set()
        self._gone: FIFOCache[str, None] = FIFOCache(_MOST_GONE)
        """UIDs of objects that were deleted: late events of them must not put them back."""
        self._epoch = 0
        self._versions_as_of: dict[str, int] = {}
        """By namespace, empty for all: the epoch in which versions were listed last."""
        self._versions_listed = asyncio.Event()
        # What is known of a storage that is no more must not be acted on: a version that is missing now never was.
        resource_versions.rewound = store.rewind

    @property
    def is_leading(self) -> bool:
        return bool(self._leads)

    async def lead(self, namespace: str) -> None:
        """From now on record edits in that namespace, empty for all: first what was seen before."""
        self._leads.add(namespace)

        async def catch_up(assistant: Assistant) -> None:
            bind_object("Assistant", assistant.key)
            await self._edit_capture.observe(assistant)

        seen = [each for key, each in self._store.seen.items() if namespace in ("", key[0])]
        await asyncio.gather(*(catch_up(each) for each in seen))

    async def record(self) -> None:
        """Record what was taken in while leading, until cancelled."""
        await self._edit_capture.run()

    def fill(self, namespace: str) -> None:
        """All objects of that namespace, empty for all, were seen."""
        self._store.filled.add(namespace)

    async def on_assistant_update(self, assistant: Assistant, epoch: int = 0) -> None:
        """An Assistant came or changed. While leading, its edits are recorded in the background.

        `epoch`: in which it was read, if it was listed or read alone; see Positions.
        """
        if self._is_of_new_epoch(assistant, epoch):
            self._forget_all(assistant.key)
            await self._versions_of(assistant.metadata.namespace, epoch)
            self._store.epochs[assistant.kind_name, assistant.key] = epoch
        elif assistant.metadata.uid in self._gone or self._store.is_outdated(assistant):
            return
        elif self._is_restored(assistant):
            self._resource_versions.rewind(f"Assistant {assistant.key[0]}/{assistant.key[1]} has an older generation")
            return  # it is listed anew
        before = self._store.see(assistant)
        if before and before.metadata.uid != assistant.metadata.uid:
            self._forget(before)
        self._triggers.enqueue_graphs_of(before, assistant)
        if self._may_record(assistant):
            bind_object("Assistant", assistant.key)
            await self._edit_capture.observe(assistant)

    def _may_record(self, assistant: Assistant) -> bool:
        return "" in self._leads or assistant.metadata.namespace in self._leads

    def _is_of_new_epoch(self, seen: Assistant | Graph, epoch: int) -> bool:
        if epoch > self._epoch:
            self._epoch = epoch
            self._gone.clear()  # what was deleted may be there again
        return epoch > self._store.epochs.get((seen.kind_name, seen.key), 0)

    def _is_restored(self, assistant: Assistant) -> bool:
        """Whether the storage went back though resource versions went on: a restore may raise them on purpose."""
        before = self._store.seen.get(assistant.key)
        if before is None or before.metadata.uid != assistant.metadata.uid:
            return False
        epoch = self._store.epochs.get((assistant.kind_name, assistant.key), 0)
        return before.metadata.generation > assistant.metadata.generation and epoch == self._resource_versions.epoch

    async def _versions_of(self, namespace: str, epoch: int) -> None:
        """Wait until versions were listed in that epoch: the number of the next one depends on them."""
        while max(self._versions_as_of.get(place, 0) for place in ("", namespace)) < epoch:
            await self._versions_listed.wait()

    def _forget_all(self, key: Key) -> None:
        """What was known of that Assistant, and what was written to it, was in a storage that is no more."""
        self._graphs.forget_default(key)
        if before := self._store.drop_assistant(key):
            self._forget(before)

    def gone(self, kind: type[Assistant] | type[Graph], key: Key, uid: str) -> None:
        """That object was deleted; one made since under the same name stays."""
        if kind is Assistant:
            self.on_assistant_delete(key, uid)
        else:
            self.on_graph_delete(key, uid)

    def on_assistant_delete(self, key: Key, uid: str) -> None:
        """An Assistant was deleted; one made since under the same name stays."""
        self._gone[uid] = None
        seen = self._store.seen.get(key)
        if seen and seen.metadata.uid != uid:
            return
        self._graphs.forget_default(key)
        if assistant := self._store.drop_assistant(key):
            self._forget(assistant)
            self._triggers.enqueue_awaiting_graphs(key)
            self._triggers.enqueue_graphs_of(assistant, None)

    def _forget(self, assistant: Assistant) -> None:
        self._edit_capture.forget(assistant)
        self._assistants.forget(assistant)
        self._publisher.forget(assistant)

    def on_graph_update(self, graph: Graph, epoch: int = 0) -> None:
        """A Graph came or changed: its assistants are looked at if they may see a difference. `epoch`: as above."""
        before = self._store.graphs.get(graph.key)
        if self._is_of_new_epoch(graph, epoch):
            self._graphs.forget(graph.key, graph.metadata.uid)
            self._store.written_graphs.drop(graph.key)
            self._store.epochs[graph.kind_name, graph.key] = epoch
        elif graph.metadata.uid in self._gone or (before and _is_newer(before, graph)):
            return
        graph = self._store.put_graph(graph)
        if graph.spec.server and self._prober.of(graph) is None:
            self._triggers.enqueue_probe(graph.key)
        if before:
            self._triggers.enqueue_assistants_of(before, graph)
        else:
            is_first_look = graph.status.observed_generation != graph.metadata.generation
            self._triggers.enqueue_revalidation(graph.key, include_kept_versions=is_first_look)
        self._triggers.enqueue_graph(graph.key)

    def on_graph_delete(self, key: Key, uid: str) -> None:
        """A Graph was deleted; one made since under the same name stays."""
        self._gone[uid] = None
        self._graphs.forget(key, uid)
        seen = self._store.graphs.get(key)
        if seen and seen.metadata.uid == uid:
            self._store.drop_graph(key)
            self._prober.forget(key)
            self._triggers.enqueue_revalidation(key, include_kept_versions=False)

    def on_version_event(self, namespace: str, event: VersionEvent) -> None:
        """What became of versions: only what nobody here did by itself is news."""
        match event:
            case Replaced(records, as_of, _, epoch):
                anew = epoch > self._versions_as_of.get(namespace, 0)
                self._triggers.enqueue_assistants(self._store.replace_versions(namespace, records, as_of, anew=anew))
                self._versions_as_of[namespace] = epoch
                self._versions_listed.set()
                self._versions_listed = asyncio.Event()
            case Modified(record):
                if self._store.put_version(record):
                    self._triggers.enqueue_assistant(record.key)
            case Deleted(record):
                if self._store.drop_version(record):
                    self._triggers.enqueue_assistant(record.key)
            case Bookmark() | Gone() | Opened() | Failing():
                pass

    def known(self, kind: type[Assistant] | type[Graph], namespace: str) -> dict[Key, Known]:
        """The objects of that kind and namespace, empty for all, that were seen and are not known to be gone."""
        objects = self._store.seen if kind is Assistant else self._store.graphs
        return {key: self._known(each) for key, each in objects.items() if namespace in ("", key[0])}

    def _known(self, seen: Assistant | Graph) -> Known:
        meta, epoch = seen.metadata, self._store.epochs.get((seen.kind_name, seen.key), 0)
        lags = isinstance(seen, Assistant) and self._may_record(seen) and self._edit_capture.lags(seen)
        return Known(meta.uid, meta.resource_version, epoch, lags)


def _is_newer(graph: Graph, than: Graph) -> bool:
    return position(graph.metadata.resource_version) > position(than.metadata.resource_version)
