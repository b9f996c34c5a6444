"""Metrics of single objects, computed from the store at each scrape, so that a deleted object has no series."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from heapq import nlargest
from itertools import islice

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import condition
from assistant_operator.runtime.metrics import GaugeFamily
from assistant_operator.store.store import Store

_MAX_SERIES = 20_000
"""Largest number of series of one metric. Objects that are not ready come first, and the newest moves."""
_KINDS = (Assistant.kind_name, AssistantAlias.kind_name, Graph.kind_name)
_STATUSES = ("True", "False", "Unknown")

Shown = Assistant | AssistantAlias | Graph
Sample = tuple[dict[str, str], float]
"""Labels and value."""


class ObjectMetrics:
    """The number and the readiness of objects. Only the leader shows them: two replicas would count each twice."""

    def __init__(self, store: Store, *, is_leading: Callable[[], bool]) -> None:
        self._store = store
        self._is_leading = is_leading

    def families(self) -> Iterator[GaugeFamily]:
        if not self._is_leading():
            return
        graphs = [record.latest for record in self._store.graphs.values()]
        aliases = [record.latest for record in self._store.aliases.values()]
        assistants = [record.latest for record in self._store.assistants.values()]
        objects: list[Shown] = [*assistants, *aliases, *graphs]
        statuses = [(resource, _status(resource, "Ready")) for resource in objects]
        ready = sorted(((_labels(resource), float(status == "True")) for resource, status in statuses), key=_value)
        yield "objects", "Graphs, Assistants and AssistantAliases, by kind and status of Ready.", _counts(statuses)
        yield "versions", "AssistantVersions that exist.", [({}, float(self._store.versions.count()))]
        yield "ready", "1 if the object is ready, else 0.", ready[:_MAX_SERIES]
        yield "stalled", "1 while a person has to act on the object.", islice(_stalled(objects), _MAX_SERIES)
        yield "graph_served", "1 if the server of the Graph serves it, else 0.", _served(graphs)
        text = "Unix time at which the alias was moved last."
        moved = nlargest(_MAX_SERIES, _moved(aliases), key=_value)
        yield "alias_last_move_timestamp_seconds", text, moved


def _value(sample: Sample) -> float:
    return sample[1]


def _counts(statuses: Iterable[tuple[Shown, str]]) -> Iterator[Sample]:
    counts = Counter((resource.kind_name, status) for resource, status in statuses)
    for kind in _KINDS:
        for status in _STATUSES:
            yield {"kind": kind, "ready": status}, float(counts[kind, status])


def _stalled(objects: Iterable[Shown]) -> Iterator[Sample]:
    for resource in objects:
        if stalled := condition(resource.status.conditions, "Stalled"):
            yield {**_labels(resource), "reason": stalled.reason}, 1.0


def _served(graphs: Iterable[Graph]) -> Iterator[Sample]:
    for graph in graphs:
        if graph.spec.server:
            namespace, name = graph.key
            yield {"namespace": namespace, "name": name}, float(_status(graph, "Deployed") == "True")


def _moved(aliases: Iterable[AssistantAlias]) -> Iterator[Sample]:
    # No label has the version: each move would make another series.
    for alias in aliases:
        if alias.status.moves:
            namespace, name = alias.key
            labels = {"namespace": namespace, "name": name, "assistant": alias.spec.assistant_ref.name}
            yield labels, alias.status.moves[0].since.timestamp()


def _status(resource: Shown, condition_type: str) -> str:
    found = condition(resource.status.conditions, condition_type)
    return found.status if found else "Unknown"


def _labels(resource: Shown) -> dict[str, str]:
    namespace, name = resource.key
    return {"kind": resource.kind_name, "namespace": namespace, "name": name}
