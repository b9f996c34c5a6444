"""Who is looked at when something happened. It looks at nothing itself."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key
from assistant_operator.api.remote import ServerStatus
from assistant_operator.policy.publication import may_have_copies
from assistant_operator.runtime.workqueue import WorkQueue
from assistant_operator.store.store import Store
from assistant_operator.store.validation_results import ValidationResults

INTERVAL, AT_FIRST = 0.1, 3
"""Seconds between two looks at one object, and after how many: an edit needs two until it is on its server."""


def namespace_of(key: Any) -> str:
    """Whose an object is."""
    namespace: str = key[0]
    return namespace


@dataclass(frozen=True, slots=True)
class Queues:
    """One for each controller."""

    assistant: WorkQueue
    graph: WorkQueue
    publication: WorkQueue
    """Of Assistants."""
    probe: WorkQueue
    """Of Graphs."""


class Triggers:
    """Whose key is enqueued when something happened."""

    def __init__(self, cache: Store, validation_results: ValidationResults, queues: Queues) -> None:
        self._cache = cache
        self._validation_results = validation_results
        self._queues = queues
        self._retries: dict[Key, asyncio.TimerHandle] = {}
        """At most one for each Assistant."""

    def assistant(self, key: Key) -> None:
        self._queues.assistant.add(key)

    def assistants(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.assistant(key)

    def graph(self, key: Key, delay: float = 0.0) -> None:
        """`delay`: in seconds."""
        self._queues.graph.add(key, delay)

    def graphs_of(self, assistant: Assistant) -> None:
        """The Graph that counts it, and those that it is or was the default of."""
        namespace = assistant.metadata.namespace
        graphs = {(namespace, assistant.spec.graph_ref.name), *self._cache.graphs_with_default(assistant.key)}
        if (owner := assistant.metadata.controller) and owner.kind == Graph.kind_name:
            graphs.add((namespace, owner.name))
        for graph in graphs & self._cache.graphs.keys():
            self.graph(graph, INTERVAL)

    def copies(self, assistant: Key) -> None:
        self._queues.publication.add(assistant)

    def copies_if_any(self, assistant: Key) -> None:
        """The same for an Assistant that may have none."""
        recorded = self._cache.recorded.get(assistant)
        if recorded and may_have_copies(recorded):
            self.copies(assistant)

    def probe(self, graph: Key) -> None:
        self._queues.probe.add(graph)

    def probed(self, graph: Graph, _: ServerStatus) -> None:
        """Its server says something else than before."""
        self.graph(graph.key)
        for key in self._cache.validated_by(graph.key):
            self.copies_if_any(key)

    def revalidate(self, graph: Key, *, wholly: bool) -> None:
        """Its assistants may be judged otherwise; `wholly`: so may their kept versions."""
        concerned = self._cache.validated_by(graph)
        if wholly:
            self._validation_results.expect(graph, concerned)
        self._validation_results.void(concerned, wholly=wholly)
        self.assistants(concerned)

    def revalidate_later(self, assistant: Key, seconds: float) -> None:
        """Validate its versions again in `seconds`, or earlier if that was asked before."""
        if assistant not in self._retries:
            loop = asyncio.get_running_loop()
            self._retries[assistant] = loop.call_later(seconds, self._rejudge_now, assistant)

    def _rejudge_now(self, assistant: Key) -> None:
        del self._retries[assistant]
        if assistant in self._cache.recorded:
            self._validation_results.void([assistant], wholly=True)
            self.assistant(assistant)

    def is_revalidating(self, graph: Key) -> bool:
        """Whether assistants of that Graph are still to be judged by its present schemas."""
        return self._validation_results.is_awaited(graph)

    def settled(self, assistant: Key) -> None:
        """Nothing is to be done to it any more, or it is gone."""
        for graph in self._validation_results.settled(assistant):
            self.graph(graph)
