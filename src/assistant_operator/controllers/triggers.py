"""Who is looked at when something happened. It looks at nothing itself."""

import asyncio
from collections.abc import Iterable
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


Subject = tuple[str, Key]
"""Kind and key of what is looked at."""


def namespace_of(subject: Any) -> str:
    """Whose a Subject is."""
    namespace: str = subject[1][0]
    return namespace


class Triggers:
    """The two queues, and who belongs into them: what is to be done in the cluster, and what on servers."""

    def __init__(
        self, cache: Store, validation_results: ValidationResults, *, here: WorkQueue, there: WorkQueue
    ) -> None:
        self._cache = cache
        self._validation_results = validation_results
        self.here = here
        self.there = there
        self._retries: dict[Key, asyncio.TimerHandle] = {}
        """At most one for each Assistant."""

    def assistant(self, key: Key) -> None:
        self.here.add(("Assistant", key))

    def assistants(self, keys: Iterable[Key]) -> None:
        for key in keys:
            self.assistant(key)

    def graph(self, key: Key) -> None:
        self.here.add(("Graph", key))

    def graphs_of(self, assistant: Assistant) -> None:
        """The Graph that counts it, and those that it is or was the default of."""
        namespace = assistant.metadata.namespace
        graphs = {(namespace, assistant.spec.graph_ref.name), *self._cache.graphs_with_default(assistant.key)}
        if (owner := assistant.metadata.controller) and owner.kind == Graph.kind_name:
            graphs.add((namespace, owner.name))
        for graph in graphs & self._cache.graphs.keys():
            self.here.add(("Graph", graph), INTERVAL)

    def copies(self, assistant: Key) -> None:
        self.there.add(("Assistant", assistant))

    def probe(self, graph: Key) -> None:
        self.there.add(("Graph", graph))

    def probed(self, graph: Graph, _: ServerStatus) -> None:
        """Its server says something else than before."""
        self.graph(graph.key)
        for key in self._cache.validated_by(graph.key):
            assistant = self._cache.recorded.get(key)
            if assistant and may_have_copies(assistant):
                self.copies(key)

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
