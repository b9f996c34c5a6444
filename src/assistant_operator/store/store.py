"""What has been seen of the cluster, and the indexes between the kinds. It decides nothing."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import TypeVar

from cachetools import FIFOCache

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import Key, position

from .assumed import AssumedFinalizers, AssumedStatuses

K = TypeVar("K")
V = TypeVar("V")

_MOST_DELETIONS = 2_000


class Store:
    """The newest that was seen: Graphs and Assistants whole, versions as a listing shows them."""

    def __init__(self) -> None:
        self.seen: dict[Key, Assistant] = {}
        """Assistants as they are."""
        self.recorded: dict[Key, Assistant] = {}
        """Assistants as of the newest recorded edit: what all but the recorder goes by."""
        self.graphs: dict[Key, Graph] = {}
        self.epochs: dict[tuple[str, Key], int] = {}
        """By kind and key: the epoch of Positions in which an object was listed last, if that is not the first."""
        self.filled: set[str] = set()
        """Namespaces of which all objects were seen; the empty one stands for all."""
        self._serving: dict[str, set[Key]] = defaultdict(set)
        self._by_default: dict[Key, set[Key]] = defaultdict(set)
        self.written: AssumedStatuses[Assistant, AssistantStatus] = AssumedStatuses()
        self.written_graphs: AssumedStatuses[Graph, GraphStatus] = AssumedStatuses()
        self.written_finalizers = AssumedFinalizers()
        self._versions: dict[Key, dict[int, VersionRecord]] = defaultdict(dict)
        self._versioned: dict[str, set[Key]] = defaultdict(set)
        """By namespace: the Assistants' names that have versions."""
        self._by_digest: dict[Key, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        self._by_graph: dict[Key, set[Key]] = defaultdict(set)
        self._by_controller: dict[str, set[Key]] = defaultdict(set)
        self._concerned: dict[Key, set[Key]] = defaultdict(set)
        self._concerns: dict[Key, set[Key]] = defaultdict(set)
        self._deleted: FIFOCache[tuple[Key, int], int] = FIFOCache(_MOST_DELETIONS)
        self._ending: dict[Key, Assistant] = {}
        """Assistants as they were read while they were being deleted, before the watch told of it."""

    def is_filled(self, namespace: str) -> bool:
        """Whether what is known of that namespace is all there is: only then can anything be decided there."""
        return "" in self.filled or namespace in self.filled

    def see(self, assistant: Assistant) -> Assistant | None:
        """Keep the newest state of an Assistant; returns the one before."""
        before = self._unsee(assistant.key)
        if before and before.metadata.uid != assistant.metadata.uid:
            self._ending.pop(assistant.key, None)
            self.written_finalizers.drop(assistant.key)
        self.seen[assistant.key] = strip_managed_fields(assistant)
        self._by_graph[_graph_of(assistant)].add(assistant.key)
        if controller := assistant.metadata.controller:
            self._by_controller[controller.uid].add(assistant.key)
        return before

    def has(self, which: Assistant | Graph) -> bool:
        """Whether that very object was seen and is not known to be gone."""
        seen = (self.seen if isinstance(which, Assistant) else self.graphs).get(which.key)
        return seen is not None and seen.metadata.uid == which.metadata.uid

    def is_outdated(self, assistant: Assistant) -> bool:
        """Whether that is an older state than the one seen; of an object before it of the same name, too."""
        seen = self.seen.get(assistant.key)
        return seen is not None and _position(seen) > _position(assistant)

    def is_replaced(self, assistant: Assistant) -> bool:
        """Whether another object of its name was seen since: its own history goes with it."""
        seen = self.seen.get(assistant.key)
        return seen is not None and seen.metadata.uid != assistant.metadata.uid and self.is_outdated(assistant)

    def drop_assistant(self, key: Key) -> Assistant | None:
        self.recorded.pop(key, None)
        self._ending.pop(key, None)
        self.written.drop(key)
        self.written_finalizers.drop(key)
        self.epochs.pop((Assistant.kind_name, key), None)
        for graph in self._concerns.pop(key, ()):
            _discard(self._concerned, graph, key)
        return self._unsee(key)

    def rewind(self) -> None:
        """The storage went back: what is recorded, and what is being deleted, is to be found again."""
        self.recorded.clear()
        self._ending.clear()

    def drop_state(self, state: Assistant) -> None:
        """Nothing more is to be done to what it says before there is news of it. Its deletion may have come since."""
        kept = self.recorded.get(state.key)
        if kept and kept.metadata.is_being_deleted == state.metadata.is_being_deleted:
            self.drop_recorded(state)

    def drop_recorded(self, assistant: Assistant) -> None:
        """That very one seems to be gone: nothing more is to be done to it before there is news of it."""
        kept = self.recorded.get(assistant.key)
        if kept and kept.metadata.uid == assistant.metadata.uid:
            del self.recorded[assistant.key]

    def mark_deletion(self, live: Assistant) -> None:
        """Record that this Assistant is being deleted, before its watch event: then only its copies are withdrawn.

        It holds for earlier states, too, which may be recorded after it: no edit takes a deletion back.
        """
        if self.has(live):
            self._ending[live.key] = live
        if kept := self.recorded.get(live.key):
            self.recorded[live.key] = self.written_finalizers.overlaid(_as_ending(kept, live))

    def _unsee(self, key: Key) -> Assistant | None:
        if before := self.seen.pop(key, None):
            _discard(self._by_graph, _graph_of(before), key)
            if controller := before.metadata.controller:
                _discard(self._by_controller, controller.uid, key)
        return before

    def record(self, assistant: Assistant) -> bool:
        """Keep this state of an Assistant, whose edits are recorded, unless a later one of its name is kept already.

        Whether it shows that a status which was not stored whole is stored now, or the reverse.
        """
        if live := self._ending.get(assistant.key):
            assistant = _as_ending(assistant, live)
        before, unstored = self.recorded.get(assistant.key), self.written.unstored(assistant)
        if not (before and _position(before) > _position(assistant)):
            assumed = self.written_finalizers.overlaid(self.written.overlaid(assistant))
            self.recorded[assistant.key] = strip_managed_fields(assumed)
        return (unstored is None) != (self.written.unstored(assistant) is None)

    def reported(self, assistant: Assistant, status: AssistantStatus, position: int) -> None:
        """We wrote that status, and it stands at `position`: states seen before that have not got it yet."""
        self.written.wrote(assistant.key, assistant.metadata.uid, status, position)
        if newest := self.recorded.get(assistant.key):
            self.recorded[assistant.key] = self.written.overlaid(newest)

    def finalizer_written(self, assistant: Assistant, position: int, *, on: bool) -> None:
        """Our finalizer was added or removed, and that stands at `position`: states seen before that do not show it.

        Without it, an event in which somebody else changed that again would show nothing new.
        """
        if self.has(assistant):
            self.written_finalizers.wrote(assistant, position, on=on)
        if newest := self.recorded.get(assistant.key):
            self.recorded[assistant.key] = self.written_finalizers.overlaid(newest)

    def outrun(self, key: Key) -> None:
        """Somebody else wrote the status: what we wrote is not what stands there."""
        self.written.outrun(key)

    def put_graph(self, graph: Graph) -> Graph:
        """Keep this state of a Graph: as it is kept, with the status that was written to it since."""
        graph = self.written_graphs.overlaid(graph)
        self._unlist_graph(graph.key)
        self.graphs[graph.key] = graph
        if graph.spec.server:
            self._serving[graph.key[0]].add(graph.key)
        if graph.default_name:
            self._by_default[graph.key[0], graph.default_name].add(graph.key)
        return graph

    def graph_reported(self, graph: Graph, status: GraphStatus, at: int) -> Graph | None:
        """That status was written, and stands at `at`: the Graph as it is kept since; None if it is gone."""
        self.written_graphs.wrote(graph.key, graph.metadata.uid, status, at)
        newest = self.graphs.get(graph.key)
        return self.put_graph(newest) if newest else None

    def drop_graph(self, key: Key) -> None:
        self.written_graphs.drop(key)
        self.epochs.pop((Graph.kind_name, key), None)
        self._unlist_graph(key)

    def _unlist_graph(self, key: Key) -> None:
        _discard(self._serving, key[0], key)
        if (before := self.graphs.pop(key, None)) and before.default_name:
            _discard(self._by_default, (key[0], before.default_name), key)

    def graphs_with_default(self, assistant: Key) -> frozenset[Key]:
        """The Graphs whose default assistant has that name, or is to have it."""
        return frozenset(self._by_default.get(assistant, ()))

    def graphs_that_concern(self, assistant: Assistant) -> frozenset[Key]:
        """The Graphs that count it, made it, or whose default assistant it is or is to be."""
        namespace = assistant.metadata.namespace
        found = {(namespace, assistant.spec.graph_ref.name), *self.graphs_with_default(assistant.key)}
        if (owner := assistant.metadata.controller) and owner.kind == Graph.kind_name:
            found.add((namespace, owner.name))
        return frozenset(found & self.graphs.keys())

    def has_servers(self, namespace: str) -> bool:
        """Whether any Graph there declares a server."""
        return bool(self._serving.get(namespace))

    def assistants_of(self, graph: Key) -> frozenset[Key]:
        """The Assistants that reference a Graph, whether it exists or not."""
        return frozenset(self._by_graph.get(graph, ()))

    def concern(self, assistant: Key, graph: Key) -> None:
        """A version of the Assistant depends on that Graph, whatever the Assistant references now."""
        self._concerned[graph].add(assistant)
        self._concerns[assistant].add(graph)

    def validated_by(self, graph: Key) -> frozenset[Key]:
        """The Assistants to look at when a Graph comes, changes or goes."""
        return self.assistants_of(graph) | (self._concerned.get(graph, set()) & self.seen.keys())

    def controlled_by(self, graph: Graph) -> list[Assistant]:
        """The Assistants that the operator made for a Graph."""
        return [self.seen[key] for key in sorted(self._by_controller.get(graph.metadata.uid, ()))]

    def versions_of(self, assistant: Key) -> tuple[VersionRecord, ...]:
        """Every version of that name, whoever owns it, oldest first."""
        kept = self._versions.get(assistant, {})
        return tuple(kept[number] for number in sorted(kept))

    def count_versions(self) -> int:
        """How many versions there are."""
        return sum(map(len, self._versions.values()))

    def newest_number(self, assistant: Key) -> int:
        """The highest number of that name, whoever's it is; 0 for none."""
        kept = self._versions.get(assistant)
        return max(kept) if kept else 0

    def versions_like(self, assistant: Key, digest: str) -> list[VersionRecord]:
        """Those whose digest is that, or not known, newest first."""
        kept = self._versions.get(assistant, {})
        digests = self._by_digest.get(assistant, {})
        numbers = {*digests.get(digest, ()), *digests.get("", ())}
        return [kept[number] for number in sorted(numbers, reverse=True)]

    def put_version(self, record: VersionRecord) -> bool:
        """Whether that was news: what is seen late must not replace what was seen since."""
        before = self._versions.get(record.key, {}).get(record.number)
        if before and position(before.resource_version) >= position(record.resource_version) + (
            before.uid != record.uid
        ):
            return False
        if self._deleted.get((record.key, record.number), 0) > position(record.resource_version):
            return False  # an answer from before the deletion that was seen since
        if before:
            _discard(self._by_digest[record.key], before.digest, before.number)
        self._versions[record.key][record.number] = record
        self._versioned[record.key[0]].add(record.key)
        self._by_digest[record.key][record.digest].add(record.number)
        return True

    def drop_version(self, record: VersionRecord) -> bool:
        """Whether it was there: a version made since under the same name stays.

        A record that is newer than the one kept is that of the deletion, whose resource version is remembered.
        """
        kept = self._versions.get(record.key, {})
        before = kept.get(record.number)
        if before is None or before.uid != record.uid:
            return False
        if position(record.resource_version) > position(before.resource_version):
            self._deleted[record.key, record.number] = position(record.resource_version)
        del kept[record.number]
        _discard(self._by_digest[record.key], before.digest, record.number)
        if not kept:
            del self._versions[record.key], self._by_digest[record.key]
            _discard(self._versioned, record.key[0], record.key)
        return True

    def deletion_of(self, assistant: Key, number: int) -> int | None:
        """The resource version at which that version was deleted, if that was seen and is remembered."""
        return self._deleted.get((assistant, number))

    def replace_versions(
        self, namespace: str, records: Iterable[VersionRecord], as_of: str, *, anew: bool = False
    ) -> set[Key]:
        """All versions of a namespace (empty: of all) at that resource version: the Assistants for which that was news.

        `anew`: the storage went back; what is listed replaces what is known, whatever the resource versions are.
        """
        listed = {(record.key, record.number): record for record in records}
        held = self._versions_in(namespace)
        before = {(record.key, record.number): record for record in held}
        if anew:
            self._deleted.clear()  # those positions were of a storage that is no more
            for record in held:
                self.drop_version(record)
            for record in listed.values():
                self.put_version(record)
            return {key for key, number in listed.keys() | before.keys() if _differ(before, listed, (key, number))}
        changed = {record.key for record in listed.values() if self.put_version(record)}
        for record in held:
            gone = (record.key, record.number) not in listed
            if gone and position(record.resource_version) <= position(as_of) and self.drop_version(record):
                changed.add(record.key)
        return changed

    def _versions_in(self, namespace: str) -> list[VersionRecord]:
        keys = list(self._versioned.get(namespace, ()) if namespace else self._versions)
        return [record for key in keys for record in self._versions[key].values()]


def _differ(
    before: Mapping[tuple[Key, int], VersionRecord],
    listed: Mapping[tuple[Key, int], VersionRecord],
    which: tuple[Key, int],
) -> bool:
    return before.get(which) != listed.get(which)


def _discard(index: dict[K, set[V]], key: K, member: V) -> None:
    """Take one out of an index that keeps no empty sets."""
    if members := index.get(key):
        members.discard(member)
        if not members:
            del index[key]


def _as_ending(state: Assistant, live: Assistant) -> Assistant:
    """An earlier state of an Assistant that is being deleted, as `live` shows: with its deletion, and its status.

    The state itself may be from before the copies were written down.
    """
    if state.metadata.uid != live.metadata.uid or _position(state) >= _position(live):
        return state
    told = {"deletion_timestamp": live.metadata.deletion_timestamp, "finalizers": live.metadata.finalizers}
    return state.model_copy(update={"metadata": state.metadata.model_copy(update=told), "status": live.status})


def strip_managed_fields(assistant: Assistant) -> Assistant:
    """Without who owns which field, unless an edit is still to be recorded or a Graph follows those fields."""
    meta = assistant.metadata
    if meta.controller or meta.generation != assistant.status.observed_generation or not meta.managed_fields:
        return assistant
    return assistant.model_copy(update={"metadata": meta.model_copy(update={"managed_fields": ()})})


def _position(assistant: Assistant) -> int:
    return position(assistant.metadata.resource_version)


def _graph_of(assistant: Assistant) -> Key:
    return assistant.metadata.namespace, assistant.spec.graph_ref.name
