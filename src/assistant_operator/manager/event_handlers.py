"""What the watches show is kept in the store, captured while this process leads, and enqueued where it matters."""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from cachetools import FIFOCache

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias, Published
from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, Resource
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
from assistant_operator.controllers.capture.capture import EditCapture
from assistant_operator.runtime.logs import bind_object
from assistant_operator.store.records import AliasRecord, AssistantRecord, GraphRecord
from assistant_operator.store.store import Kind, Store

from .triggers import Triggers

_MOST_DELETIONS = 10_000
_ANSWERED = 1.0
"""Seconds after which the answer to a create has come, as a rule. It enqueues the Assistant, and brings the content of
the version: until then the version would have to be read."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of an object."""

    uid: str
    resource_version: str
    lags: bool = False
    """Whether edits of it should have been captured, and are not."""


class EventHandlers:
    """Takes in each state of each object, in order. It decides nothing."""

    def __init__(
        self, store: Store, triggers: Triggers, edit_capture: EditCapture, resource_versions: ResourceVersions
    ) -> None:
        self._store = store
        self._triggers = triggers
        self._edit_capture = edit_capture
        self._resource_versions = resource_versions
        self._leads: set[str] = set()
        self._deleted: FIFOCache[str, None] = FIFOCache(_MOST_DELETIONS)
        """UIDs of objects that were deleted: late events of them must not put them back."""
        self._versions_as_of: dict[str, int] = {}
        """By namespace, empty for all: the epoch in which versions were listed last."""
        self._versions_listed = asyncio.Event()
        resource_versions.rewound = self._forget_everything

    @property
    def is_leading(self) -> bool:
        return bool(self._leads)

    async def lead(self, namespace: str) -> None:
        """From now on capture edits in that namespace, empty for all: first those that were seen before."""
        self._leads.add(namespace)
        for key, record in list(self._store.assistants.items()):
            if namespace in ("", key[0]):
                await self._capture(record.latest)

    async def capture(self) -> None:
        """Capture what was taken in while leading, until cancelled."""
        await self._edit_capture.run()

    def set_synced(self, namespace: str) -> None:
        """All objects of that namespace, empty for all, were seen."""
        self._store.synced.add(namespace)

    async def on_assistant_update(self, assistant: Assistant, epoch: int = 0) -> None:
        """An Assistant was created or changed. While leading, its edits are captured in the background.

        `epoch`: in which it was listed, watched or read; see ResourceVersions.
        """
        if self._is_lost(epoch):
            return
        await self._wait_for_versions(assistant.metadata.namespace, epoch)
        # During the wait another state may be read, or the storage be restored again.
        if self._is_late(assistant, epoch):
            return
        record = self._store.assistants.get(assistant.key)
        if record and self._is_restored(record, assistant):
            self._resource_versions.rewind(f"Assistant {assistant.key[0]}/{assistant.key[1]} has an older generation")
            return  # it is listed anew
        assistant = record.sharing_spec(assistant) if record else assistant
        before = self._store.latest(assistant.key)
        if former := self._store.upsert_assistant(assistant):
            self._triggers.enqueue_graphs_awaiting(former)
        self._triggers.enqueue_graphs_of(before, assistant)
        if before is None or before.metadata.uid != assistant.metadata.uid:
            self._triggers.enqueue_if_outdated(assistant)
            self._triggers.enqueue_aliases(assistant.key)
        if self._is_captured_here(assistant):
            await self._capture(assistant)

    async def _capture(self, assistant: Assistant) -> None:
        bind_object("Assistant", assistant.key)
        await self._edit_capture.observe(assistant)

    def _is_captured_here(self, assistant: Assistant) -> bool:
        return "" in self._leads or assistant.metadata.namespace in self._leads

    def _is_lost(self, epoch: int) -> bool:
        """Whether the storage was restored since: what was seen in it is not there any more."""
        return epoch < self._resource_versions.epoch

    def _is_late(self, assistant: Assistant, epoch: int) -> bool:
        return self._is_lost(epoch) or assistant.metadata.uid in self._deleted or self._store.is_outdated(assistant)

    def _forget_everything(self) -> None:
        """What is known of a former storage must not be acted on: a version that is missing now never existed."""
        self._store.rewind()
        self._deleted.clear()  # what was deleted may be there again

    def _is_restored(self, record: AssistantRecord, assistant: Assistant) -> bool:
        """Whether the storage went back though resource versions went on: a restore may raise them on purpose."""
        before = record.latest.metadata
        return before.uid == assistant.metadata.uid and before.generation > assistant.metadata.generation

    async def _wait_for_versions(self, namespace: str, epoch: int) -> None:
        """Wait until versions were listed in that epoch: the number of the next one depends on them."""
        while max(self._versions_as_of.get(place, 0) for place in ("", namespace)) < epoch:
            await self._versions_listed.wait()

    def on_delete(self, kind: Kind, key: Key, uid: str, epoch: int = 0) -> None:
        """That object was deleted; one created since under the same name stays. `epoch`: as above."""
        handlers: dict[Kind, Callable[[Key, str, int], None]] = {
            Assistant: self.on_assistant_delete,
            AssistantAlias: self.on_alias_delete,
            Graph: self.on_graph_delete,
        }
        handlers[kind](key, uid, epoch)

    async def on_update(self, resource: Published | Graph, epoch: int = 0) -> None:
        """That object was created or changed. `epoch`: as above."""
        match resource:
            case Assistant():
                await self.on_assistant_update(resource, epoch)
            case AssistantAlias():
                self.on_alias_update(resource, epoch)
            case Graph():
                self.on_graph_update(resource, epoch)

    def on_assistant_delete(self, key: Key, uid: str, epoch: int = 0) -> None:
        """As above."""
        if self._is_lost(epoch):
            return
        self._deleted[uid] = None
        latest = self._store.latest(key)
        if latest is None or latest.metadata.uid != uid:
            return
        if record := self._store.drop_assistant(key):
            self._triggers.enqueue_graphs_awaiting(record)
        self._triggers.enqueue_graphs_of(latest, None)
        self._triggers.enqueue_aliases(key)

    def on_graph_update(self, graph: Graph, epoch: int = 0) -> None:
        """A Graph was created or changed: its Assistants are enqueued if it differs for them. `epoch`: as above."""
        if self._is_lost(epoch):
            return
        before = self._store.graph(graph.key)
        if graph.metadata.uid in self._deleted or _is_older(graph, before):
            return
        record = self._store.upsert_graph(graph)
        if graph.spec.server and record.probe_result() is None:
            self._triggers.enqueue_probe(graph.key)
        if before:
            self._triggers.enqueue_assistants_of(before, record.latest)
        else:
            is_first = graph.status.observed_generation != graph.metadata.generation
            self._triggers.enqueue_revalidation(graph.key, include_kept_versions=is_first)
        self._triggers.enqueue_graph(graph.key)

    def on_graph_delete(self, key: Key, uid: str, epoch: int = 0) -> None:
        """As above."""
        if self._is_lost(epoch):
            return
        self._deleted[uid] = None
        latest = self._store.graph(key)
        if latest and latest.metadata.uid == uid:
            self._store.drop_graph(key)
            self._triggers.enqueue_revalidation(key, include_kept_versions=False)

    def on_alias_update(self, alias: AssistantAlias, epoch: int = 0) -> None:
        """An alias was created or changed. `epoch`: as above."""
        record = self._store.aliases.get(alias.key)
        if (
            self._is_lost(epoch)
            or alias.metadata.uid in self._deleted
            or _is_older(alias, record.latest if record else None)
        ):
            return
        is_edited = record is None or record.edits[-1].generation != alias.metadata.generation
        self._store.upsert_alias(alias)
        self._triggers.enqueue_alias(alias.key)
        if is_edited or alias.metadata.is_being_deleted:
            self._triggers.enqueue_aliased(alias.assistant_key)

    def on_alias_delete(self, key: Key, uid: str, epoch: int = 0) -> None:
        """As above."""
        if self._is_lost(epoch):
            return
        self._deleted[uid] = None
        record = self._store.aliases.get(key)
        if record and record.uid == uid:
            self._store.drop_alias(key)
            self._triggers.enqueue_aliased(record.latest.assistant_key)

    def on_version_event(self, namespace: str, event: VersionEvent) -> None:
        """Versions were created, changed or deleted. What this process did by itself enqueues nothing."""
        match event:
            case Replaced(records, as_of, _, epoch):
                anew = epoch > self._versions_as_of.get(namespace, 0)
                for key in self._store.versions.replace(namespace, records, as_of, anew=anew):
                    self._version_changed(key)
                self._versions_as_of[namespace] = epoch
                self._versions_listed.set()
                self._versions_listed = asyncio.Event()
            case Modified(record):
                if self._store.versions.put(record):
                    self._version_changed(record.key, _ANSWERED if self._is_being_created(record) else 0.0)
            case Deleted(record):
                if self._store.versions.drop(record):
                    self._version_changed(record.key)
            case Bookmark() | Gone() | Opened() | Failing():
                pass

    def _is_being_created(self, version: VersionRecord) -> bool:
        """Return whether this process may be creating that version, and the answer has not come yet."""
        record = self._store.assistants.get(version.key)
        return record is not None and record.capture.is_running and version.number > record.capture.latest

    def _version_changed(self, assistant: Key, delay: float = 0.0) -> None:
        self._triggers.enqueue_assistant(assistant, delay)
        self._triggers.enqueue_aliases(assistant, delay)

    def are_known(self, kind: Kind, keys: Iterable[Key]) -> bool:
        """Whether all those objects of that kind were seen."""
        records = self._store.records_of(kind)
        return all(key in records for key in keys)

    def known(self, kind: Kind, namespace: str) -> dict[Key, Known]:
        """The objects of that kind and namespace, empty for all, that were seen and are not known to be gone."""
        records = self._store.records_of(kind)
        return {key: self._known(record) for key, record in records.items() if namespace in ("", key[0])}

    def _known(self, record: AssistantRecord | AliasRecord | GraphRecord) -> Known:
        meta, lags = record.latest.metadata, False
        if isinstance(record, AssistantRecord) and self._is_captured_here(record.latest):
            lags = record.capture.lags_behind(meta.generation)
        return Known(meta.uid, meta.resource_version, lags)


def _is_older(state: Resource, known: Resource | None) -> bool:
    return known is not None and state.metadata.position < known.metadata.position
