"""Who is looked at when something happened. It looks at nothing itself."""

import asyncio
from collections.abc import Iterable
from typing import Any

from ..decisions.publication import may_have_copies
from ..resources.assistant import Assistant
from ..resources.graph import Graph
from ..resources.meta import Key
from ..resources.remote import Probe
from .cache import Cache
from .judgements import Judgements
from .workqueue import WorkQueue

INTERVAL, AT_FIRST = 0.1, 3
"""Seconds between two looks at one object, and after how many: an edit needs two until it is on its server."""


Subject = tuple[str, Key]
"""Kind and key of what is looked at."""


def namespace_of(subject: Any) -> str:
    """Whose a Subject is."""
    namespace: str = subject[1][0]
    return namespace


class Wakes:
    """The two queues, and who belongs into them: what is to be done in the cluster, and what on servers."""

    def __init__(self, cache: Cache, judgements: Judgements, *, here: WorkQueue, there: WorkQueue) -> None:
        self._cache = cache
        self._judgements = judgements
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

    def probed(self, graph: Graph, _: Probe) -> None:
        """Its server says something else than before."""
        self.graph(graph.key)
        for key in self._cache.concerned_by(graph.key):
            assistant = self._cache.recorded.get(key)
            if assistant and may_have_copies(assistant):
                self.copies(key)

    def rejudge(self, graph: Key, *, wholly: bool) -> None:
        """Its assistants may be judged otherwise; `wholly`: so may their kept versions."""
        concerned = self._cache.concerned_by(graph)
        if wholly:
            self._judgements.expect(graph, concerned)
        self._judgements.void(concerned, wholly=wholly)
        self.assistants(concerned)

    def rejudge_later(self, assistant: Key, seconds: float) -> None:
        """Validate its versions again in `seconds`, or earlier if that was asked before."""
        if assistant not in self._retries:
            loop = asyncio.get_running_loop()
            self._retries[assistant] = loop.call_later(seconds, self._rejudge_now, assistant)

    def _rejudge_now(self, assistant: Key) -> None:
        del self._retries[assistant]
        if assistant in self._cache.recorded:
            self._judgements.void([assistant], wholly=True)
            self.assistant(assistant)

    def is_rejudging(self, graph: Key) -> bool:
        """Whether assistants of that Graph are still to be judged by its present schemas."""
        return self._judgements.is_awaited(graph)

    def settled(self, assistant: Key) -> None:
        """Nothing is to be done to it any more, or it is gone."""
        for graph in self._judgements.settled(assistant):
            self.graph(graph)
