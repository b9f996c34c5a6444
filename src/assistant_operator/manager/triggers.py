"""What changed → whose key is enqueued. This is the whole map: a controller enqueues other keys by these methods alone.

| what changed                                                        | enqueued                                   |
|---------------------------------------------------------------------|--------------------------------------------|
| an edit was captured, a version changed, a publication has a result | the Assistant: `assistant`                 |
| an Assistant was reconciled, and its versions are out of date       | the Assistant: `version`                   |
| its versions were pruned, labelled, or have other conditions        | the Assistant: `assistant`                 |
| an Assistant was reconciled, or its copy drifted                    | the Assistant: `publication`, if published |
| an Assistant appeared, changed or was deleted                       | the Graphs that count or own it: `graph`   |
| an Assistant appeared whose Graph has not reported its schemas      | the Assistant: `assistant`, to revalidate  |
| the last awaited validation of a Graph's Assistants ended           | that Graph: `graph`                        |
| a Graph appeared or changed                                         | the Graph: `graph`, `probe` if not probed  |
| its server, graph ID or default assistant changed                   | its Assistants: `assistant`                |
| its schemas changed, or it was deleted                              | its Assistants: `assistant`, to revalidate |
| its schemas changed, and most versions of its namespace are its own | the Graph instead: `revalidation`          |
| its schemas changed, and not all versions of its namespace are read | the Graph: `revalidation`                  |
| the versions of an Assistant were listed and validated              | the Assistant: `assistant`                 |
| a probe of its server has another result                            | the Graph: `graph`, its copies             |
| an alias appeared or changed, its publication has a result          | the alias: `alias`                         |
| an alias appeared, moved or was deleted                             | its Assistant: `assistant`, `version`      |
| an Assistant appeared or was deleted, its versions were reconciled  | its aliases: `alias`                       |
| a version changed, or the server or schemas of a Graph              | the aliases of its Assistants: `alias`     |
| an alias was reconciled, or its copy drifted                        | the alias: `publication`, if published     |
"""

from collections.abc import Iterable
from dataclasses import dataclass

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import alias_of
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, condition
from assistant_operator.controllers.version.reconciler import QUIET
from assistant_operator.policy.publication import may_have_copies
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.records import AssistantRecord
from assistant_operator.store.store import Store

INTERVAL, BURST = 0.1, 3
"""Seconds between two reconciles of one key, and after how many: an edit needs two until it is on its server."""

LISTED_FROM, MOST_LISTED = 100, 10
"""Versions to validate from which on those of the namespace are listed, and how many are listed for one of them."""
LISTING_PATIENCE = 30.0
"""Seconds for which an Assistant waits until its versions were listed: another namespace may have very many."""


@dataclass(frozen=True, slots=True)
class Queues:
    """One for each controller."""

    assistant: WorkQueue
    graph: WorkQueue
    version: WorkQueue
    """Keys of Assistants."""
    publication: WorkQueue
    """Copy keys of Assistants and aliases."""
    probe: WorkQueue
    """Keys of Graphs."""
    revalidation: WorkQueue
    """Keys of Graphs."""
    alias: WorkQueue
    """Keys of aliases."""


class Triggers:
    """Enqueues keys. It reads the store for indexes and decides nothing else."""

    def __init__(self, store: Store, queues: Queues) -> None:
        self._store = store
        self._queues = queues

    def enqueue_assistant(self, assistant: Key, delay: float = 0.0) -> None:
        """`delay`: in seconds."""
        self._queues.assistant.add(assistant, delay)

    def enqueue_assistants(self, assistants: Iterable[Key]) -> None:
        for key in assistants:
            self.enqueue_assistant(key)

    def enqueue_versions(self, assistant: Key) -> None:
        """They are reconciled when the Assistant has not been edited for a moment."""
        self._queues.version.add(assistant, QUIET)

    def enqueue_publication(self, copy_key: Key) -> None:
        published = self._store.published(copy_key)
        if published and may_have_copies(published):
            self._queues.publication.add(copy_key)

    def enqueue_published(self, copy_key: Key) -> None:
        """What is published under that copy key."""
        if alias := alias_of(copy_key):
            self.enqueue_alias(alias)
        else:
            self.enqueue_assistant(copy_key)

    def enqueue_alias(self, alias: Key, delay: float = 0.0) -> None:
        """`delay`: in seconds."""
        self._queues.alias.add(alias, delay)

    def enqueue_aliases(self, assistant: Key, delay: float = 0.0) -> None:
        """Those of that Assistant, in `delay` seconds."""
        for record in self._store.aliases_of(assistant):
            self.enqueue_alias(record.latest.key, delay)

    def enqueue_aliased(self, assistant: Key) -> None:
        """An alias of that Assistant needs another version, or needs one no longer."""
        if assistant in self._store.assistants:
            self.enqueue_assistant(assistant)
            self.enqueue_versions(assistant)

    def enqueue_graph(self, graph: Key, delay: float = 0.0) -> None:
        """`delay`: in seconds."""
        self._queues.graph.add(graph, delay)

    def enqueue_probe(self, graph: Key) -> None:
        self._queues.probe.add(graph)

    def enqueue_graphs_of(self, before: Assistant | None, after: Assistant | None) -> None:
        """None: it did not exist before, or was deleted."""
        if before and after and _relevant_to_graphs(before) == _relevant_to_graphs(after):
            return
        for assistant in filter(None, (after, before)):
            for graph in self._store.graphs_related_to(assistant):
                self.enqueue_graph(graph, INTERVAL)

    def enqueue_awaiting_graphs(self, assistant: Key) -> None:
        """Its versions are validated against the present schemas, or it was deleted."""
        self.enqueue_aliases(assistant)
        if record := self._store.assistants.get(assistant):
            self.enqueue_graphs_awaiting(record)

    def enqueue_graphs_awaiting(self, record: AssistantRecord) -> None:
        for graph in self._store.finish_validation(record):
            self.enqueue_graph(graph)

    def enqueue_assistants_of(self, before: Graph, after: Graph) -> None:
        if _target(before) != _target(after):
            for key in self._store.validated_by(after.key):
                self.enqueue_assistant(key)
                self.enqueue_aliases(key)
        if _schemas(before) != _schemas(after):
            self.enqueue_revalidation(after.key, include_kept_versions=True)

    def enqueue_if_outdated(self, assistant: Assistant) -> None:
        """An Assistant is seen first, whose Graph has not reported its schemas: its versions may be out of date.

        The operator did not run when the schemas changed, or did not finish.
        """
        graph = self._store.graph((assistant.metadata.namespace, assistant.spec.graph_ref.name))
        if graph is None or graph.status.observed_generation == graph.metadata.generation:
            return
        if not assistant.status.latest_version:  # its versions may be listed after it
            return
        self._invalidate(graph.key, [assistant.key])
        self.enqueue_assistant(assistant.key)

    def enqueue_revalidation(self, graph: Key, *, include_kept_versions: bool) -> None:
        """`include_kept_versions`: the kept versions of its Assistants are validated again, too."""
        assistants = self._store.validated_by(graph)
        self._invalidate(graph, assistants, include_kept_versions=include_kept_versions)
        is_listed = include_kept_versions and self._is_listing_cheaper(graph[0], assistants)
        if is_listed:
            for key in assistants:
                self._store.assistants[key].validation.awaits_listing = True
            self._queues.revalidation.add(graph)
        record = self._store.graphs.get(graph)
        if include_kept_versions and record and not self._store.are_versions_read(graph[0]):
            record.validated_anew = assistants
            self._queues.revalidation.add(graph)
        for key in assistants:  # of those that are listed, each is enqueued as soon as that was done
            self.enqueue_assistant(key, LISTING_PATIENCE if is_listed else 0.0)

    def enqueue_former_assistants(self, graph: Key) -> None:
        """The versions of its namespace are read, after its schemas changed: it validates some of other Assistants.

        They referenced it once.
        """
        record = self._store.graphs.get(graph)
        if record is None or record.validated_anew is None:
            return
        former = self._store.validated_by(graph) - record.validated_anew
        record.validated_anew = None
        self._invalidate(graph, former)
        self.enqueue_assistants(former)
        self.enqueue_graph(graph)

    def _invalidate(self, graph: Key, assistants: Iterable[Key], *, include_kept_versions: bool = True) -> None:
        """Validate these Assistants again. The status of the Graph waits for that if kept versions are included."""
        if include_kept_versions:
            self._store.await_validation(graph, assistants)
        for key in assistants:
            self._store.assistants[key].validation.invalidate(include_kept_versions=include_kept_versions)

    def _is_listing_cheaper(self, namespace: str, assistants: Iterable[Key]) -> bool:
        """Whether the versions of a namespace are listed rather than those of the Assistants read one by one."""
        versions = self._store.versions
        reads = sum(map(versions.count_of, assistants))
        return reads >= LISTED_FROM and reads * MOST_LISTED >= versions.count_in(namespace)

    def enqueue_after_probe(self, graph: Key) -> None:
        self.enqueue_graph(graph)
        for published in self._store.published_by(graph):
            self.enqueue_publication(published.copy_key)


def _relevant_to_graphs(assistant: Assistant) -> tuple[object, ...]:
    """What the status of a Graph depends on: for a default assistant, nearly everything."""
    meta = assistant.metadata
    counted = (meta.uid, meta.deletion_timestamp, meta.owner_references, assistant.spec.graph_ref)
    if meta.controller is None:
        ready = condition(assistant.status.conditions, "Ready")
        return (*counted, ready.status == "True" or ready.message if ready else None)
    return (*counted, meta.labels, meta.managed_fields, assistant.spec, assistant.status.conditions)


def _target(graph: Graph) -> tuple[object, ...]:
    """What decides where its Assistants are published."""
    return graph.spec.server, graph.graph_id, graph.default_name


def _schemas(graph: Graph) -> tuple[object, ...]:
    """What the validation of its Assistants' versions depends on."""
    return graph.schemas, graph.knows_schemas
