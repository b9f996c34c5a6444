"""What was seen of the cluster: one record an object, and the indexes between the kinds. It decides nothing."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias, Published, alias_of
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import Key

from .records import AliasRecord, AssistantRecord, GraphRecord, strip_managed_fields
from .version_index import VersionIndex

Kind = type[Assistant] | type[AssistantAlias] | type[Graph]
"""The kinds whose objects are kept as records."""

K = TypeVar("K")
V = TypeVar("V")


class Store:
    """Assistants, their aliases and Graphs as records, versions as a listing shows them."""

    def __init__(self) -> None:
        self.assistants: dict[Key, AssistantRecord] = {}
        self.graphs: dict[Key, GraphRecord] = {}
        self.aliases: dict[Key, AliasRecord] = {}
        self.versions = VersionIndex()
        self.synced: set[str] = set()
        """Namespaces of which all objects were listed; the empty one stands for all."""
        self._with_server: dict[str, set[Key]] = defaultdict(set)
        self._by_default: dict[Key, set[Key]] = defaultdict(set)
        self._by_graph: dict[Key, set[Key]] = defaultdict(set)
        self._by_controller: dict[str, set[Key]] = defaultdict(set)
        self._by_validating_graph: dict[Key, set[Key]] = defaultdict(set)
        self._by_assistant: dict[Key, set[Key]] = defaultdict(set)
        """By Assistant, whether it exists or not: the keys of its aliases."""

    def is_synced(self, namespace: str) -> bool:
        """Whether every object of that namespace is known: only then does absence prove anything."""
        return "" in self.synced or namespace in self.synced

    def are_versions_read(self, namespace: str) -> bool:
        """Whether the Graph of every version of that namespace is known."""
        return self.is_synced(namespace) and self.versions.is_read(namespace)

    def records_of(self, kind: Kind) -> Mapping[Key, AssistantRecord | AliasRecord | GraphRecord]:
        """The records of that kind, by key."""
        records: dict[Kind, Mapping[Key, AssistantRecord | AliasRecord | GraphRecord]]
        records = {Assistant: self.assistants, AssistantAlias: self.aliases, Graph: self.graphs}
        return records[kind]

    # Assistants

    def latest(self, assistant: Key) -> Assistant | None:
        """The newest state that the watch showed; None if there is no such Assistant."""
        record = self.assistants.get(assistant)
        return record.latest if record else None

    def captured(self, assistant: Key) -> Assistant | None:
        """The newest state whose edits are captured; None if there is none, or nothing is to be done to it."""
        record = self.assistants.get(assistant)
        return record.captured if record else None

    def record_of(self, assistant: Assistant) -> AssistantRecord:
        """The record of that very object; one that is not in the store if the object is gone."""
        record = self.assistants.get(assistant.key)
        if record and record.uid == assistant.metadata.uid:
            return record
        return AssistantRecord(assistant, is_gone=True)

    def has(self, resource: Published | Graph) -> bool:
        """Whether that very object was seen and is not known to be gone."""
        record = self.records_of(type(resource)).get(resource.key)
        return record is not None and record.uid == resource.metadata.uid

    def is_outdated(self, assistant: Assistant) -> bool:
        """Whether a later state was seen, or a later object of its name."""
        latest = self.latest(assistant.key)
        return latest is not None and latest.metadata.position > assistant.metadata.position

    def is_replaced(self, assistant: Assistant) -> bool:
        """Whether a later object of its name was seen: it has a history of its own."""
        return self.is_outdated(assistant) and not self.has(assistant)

    def upsert_assistant(self, assistant: Assistant) -> AssistantRecord | None:
        """Keep the newest state of an Assistant. Returns the record of a former object of its name, which is gone."""
        record, former = self.assistants.get(assistant.key), None
        if record and record.uid != assistant.metadata.uid:
            record, former = None, self.drop_assistant(assistant.key)
        if record:
            self._unindex(record.latest)
            record.latest = strip_managed_fields(assistant)
        else:
            self.assistants[assistant.key] = AssistantRecord(strip_managed_fields(assistant))
            if self.versions.count_of(assistant.key):  # which Graphs validate them was known of the former record
                self.versions.set_unread(assistant.metadata.namespace)
        self._by_graph[_graph_of(assistant)].add(assistant.key)
        if controller := assistant.metadata.controller:
            self._by_controller[controller.uid].add(assistant.key)
        return former

    def drop_assistant(self, key: Key) -> AssistantRecord | None:
        """The Assistant is gone. Returns its record."""
        record = self.assistants.pop(key, None)
        if record is None:
            return None
        self._unindex(record.latest)
        self.versions.release(key)
        for graph in record.validating_graphs:
            _discard(self._by_validating_graph, graph, key)
        for graph in self._by_default.get(key, ()):
            self.graphs[graph].applied = None  # what was applied to it says nothing about the next one of its name
        record.mark_gone()
        return record

    def rewind(self) -> None:
        """The storage went back: nothing is known until everything is listed again, as at the start."""
        for key, record in list(self.assistants.items()):
            record.is_lost = True
            self.drop_assistant(key)
        for key in list(self.graphs):
            self.drop_graph(key)
        for key in list(self.aliases):
            self.drop_alias(key)
        self.synced.clear()

    def _unindex(self, assistant: Assistant) -> None:
        _discard(self._by_graph, _graph_of(assistant), assistant.key)
        if controller := assistant.metadata.controller:
            _discard(self._by_controller, controller.uid, assistant.key)

    # Aliases

    def upsert_alias(self, alias: AssistantAlias) -> AliasRecord:
        """Keep this state of an alias."""
        record = self.aliases.get(alias.key)
        if record is None or record.uid != alias.metadata.uid:
            self.drop_alias(alias.key)
            record = self.aliases[alias.key] = AliasRecord(alias)
        record.observe(alias)
        self._by_assistant[alias.assistant_key].add(alias.key)
        return record

    def drop_alias(self, key: Key) -> AliasRecord | None:
        """The alias is gone. Returns its record."""
        record = self.aliases.pop(key, None)
        if record:
            _discard(self._by_assistant, record.latest.assistant_key, key)
            record.is_gone = True
        return record

    def alias_record_of(self, alias: AssistantAlias) -> AliasRecord:
        """The record of that very object; one that is not in the store if the object is gone."""
        record = self.aliases.get(alias.key)
        return record if record and record.uid == alias.metadata.uid else AliasRecord(alias, is_gone=True)

    def aliases_of(self, assistant: Key) -> list[AliasRecord]:
        """The aliases of that Assistant, whether it exists or not, by name."""
        return [self.aliases[key] for key in sorted(self._by_assistant.get(assistant, ()))]

    # What is published

    def published(self, copy_key: Key) -> Published | None:
        """What is published under that copy key, as controllers may act on it; None if there is nothing."""
        alias = alias_of(copy_key)
        if alias is None:
            return self.captured(copy_key)
        record = self.aliases.get(alias)
        return record.latest if record else None

    def knows(self, copy_key: Key) -> bool:
        """Whether the object that is published under that copy key was seen and is not known to be gone."""
        alias = alias_of(copy_key)
        return copy_key in self.assistants if alias is None else alias in self.aliases

    def published_by(self, graph: Key) -> Iterator[Published]:
        """The Assistants of which a version is validated by that Graph, and their aliases."""
        for key in self.validated_by(graph):
            if assistant := self.captured(key):
                yield assistant
            yield from (record.latest for record in self.aliases_of(key))

    def published_record_of(self, published: Published) -> AssistantRecord | AliasRecord:
        """The record of that very object; one that is not in the store if the object is gone."""
        return self.record_of(published) if isinstance(published, Assistant) else self.alias_record_of(published)

    # Graphs

    def graph(self, key: Key) -> Graph | None:
        """The newest state of that Graph, with what was written since; None if there is none."""
        record = self.graphs.get(key)
        return record.latest if record else None

    def graph_record_of(self, graph: Graph) -> GraphRecord:
        """The record of that very object; one that is not in the store if the object is gone."""
        record = self.graphs.get(graph.key)
        return record if record and record.uid == graph.metadata.uid else GraphRecord(graph)

    def upsert_graph(self, graph: Graph) -> GraphRecord:
        """Keep this state of a Graph."""
        record = self.graphs.get(graph.key)
        if record is None or record.uid != graph.metadata.uid:
            former, record = record, GraphRecord(graph)
            if former:
                record.unvalidated, record.validated_anew = former.unvalidated, former.validated_anew
            self.drop_graph(graph.key)
            self.graphs[graph.key] = record
        else:
            if graph.default_name != record.latest.default_name:
                record.applied = None
            self._unindex_graph(record.latest)
        record.latest = record.writes.overlaid(graph)
        if graph.spec.server:
            self._with_server[graph.key[0]].add(graph.key)
        if graph.default_name:
            self._by_default[graph.key[0], graph.default_name].add(graph.key)
        return record

    def assume_graph_status(self, graph: Graph, status: GraphStatus, at: int) -> Graph | None:
        """`status` was written, at resource version `at`. Returns the Graph as it is since; None if it is gone."""
        if not self.has(graph):
            return None
        record = self.graphs[graph.key]
        record.writes.assume_status(status, at)
        return self.upsert_graph(record.latest).latest

    def drop_graph(self, key: Key) -> None:
        """The Graph is gone."""
        if record := self.graphs.pop(key, None):
            self._unindex_graph(record.latest)

    def _unindex_graph(self, graph: Graph) -> None:
        _discard(self._with_server, graph.key[0], graph.key)
        if graph.default_name:
            _discard(self._by_default, (graph.key[0], graph.default_name), graph.key)

    def has_servers(self, namespace: str) -> bool:
        """Whether any Graph of that namespace declares a server."""
        return bool(self._with_server.get(namespace))

    # Between the kinds

    def graphs_with_default(self, assistant: Key) -> frozenset[Key]:
        """The Graphs whose default Assistant has that name, or is to have it."""
        return frozenset(self._by_default.get(assistant, ()))

    def graphs_related_to(self, assistant: Assistant) -> frozenset[Key]:
        """The Graphs that count it, own it, or whose default Assistant it is or is to be."""
        namespace = assistant.metadata.namespace
        found = {(namespace, assistant.spec.graph_ref.name), *self.graphs_with_default(assistant.key)}
        if (owner := assistant.metadata.controller) and owner.kind == Graph.kind_name:
            found.add((namespace, owner.name))
        return frozenset(found & self.graphs.keys())

    def assistants_of(self, graph: Key) -> frozenset[Key]:
        """The Assistants that reference a Graph, whether it exists or not."""
        return frozenset(self._by_graph.get(graph, ()))

    def add_validating_graph(self, record: AssistantRecord, graph: Key) -> None:
        """A version of that Assistant is validated by that Graph, whichever Graph the Assistant references now."""
        if not record.is_gone:
            record.validating_graphs.add(graph)
            self._by_validating_graph[graph].add(record.latest.key)

    def await_validation(self, graph: Key, assistants: Iterable[Key]) -> None:
        """These Assistants are to be validated against the present schemas of that Graph, and its status waits."""
        if waiting := self.graphs.get(graph):
            for key in assistants:
                waiting.unvalidated.add(key)
                self.assistants[key].validation.awaiting_graphs.add(graph)

    def finish_validation(self, record: AssistantRecord) -> list[Key]:
        """The Assistant is validated, or gone. Returns the Graphs that waited for it last."""
        done, key = [], record.latest.key
        for graph in record.validation.awaiting_graphs:
            waiting = self.graphs.get(graph)
            if waiting and key in waiting.unvalidated:
                waiting.unvalidated.discard(key)
                if not waiting.unvalidated:
                    done.append(graph)
        record.validation.awaiting_graphs.clear()
        return done

    def validated_by(self, graph: Key) -> frozenset[Key]:
        """The Assistants to reconcile when that Graph is created, changed or deleted."""
        return self.assistants_of(graph) | self._by_validating_graph.get(graph, frozenset())

    def controlled_by(self, graph: Graph) -> Iterator[Assistant]:
        """The Assistants that the operator created for a Graph, by name."""
        for key in sorted(self._by_controller.get(graph.metadata.uid, ())):
            yield self.assistants[key].latest


def _discard(index: dict[K, set[V]], key: K, member: V) -> None:
    """Remove one member from an index that keeps no empty sets."""
    if members := index.get(key):
        members.discard(member)
        if not members:
            del index[key]


def _graph_of(assistant: Assistant) -> Key:
    return assistant.metadata.namespace, assistant.spec.graph_ref.name
