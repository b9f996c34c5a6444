"""Metrics of single objects, computed from the store at each scrape, so that a deleted object has no series."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, condition
from assistant_operator.store.store import Store

_MOST = 20_000
"""Largest number of series of one metric. Objects that are not ready come first."""
_STATUSES = ("True", "False", "Unknown")

Sample = tuple[str, float]
"""Labels in the Prometheus text format, and the value."""


class ObjectMetrics:
    """The number and the readiness of objects. Only the leader shows them: two replicas would count each twice."""

    def __init__(self, store: Store, *, is_leading: Callable[[], bool]) -> None:
        self._store = store
        self._is_leading = is_leading

    def text(self) -> str:
        # The text is formatted here: metric families of the client library take twenty times as long, and the event
        # loop is blocked meanwhile.
        if not self._is_leading():
            return ""
        objects: list[Assistant | Graph] = [*self._store.seen.values(), *self._store.graphs.values()]
        statuses = [(resource, _status(resource, "Ready")) for resource in objects]
        ready = sorted(
            ((_name(resource), float(status == "True")) for resource, status in statuses), key=lambda sample: sample[1]
        )
        families = (
            _family("objects", "Graphs and Assistants, by kind and status of Ready.", _counted(statuses)),
            _family("versions", "AssistantVersions that exist.", [("", float(self._store.count_versions()))]),
            _family("ready", "1 if the object is ready, else 0.", ready[:_MOST]),
            _family("stalled", "1 while a person has to act on the object.", islice(_stalled(objects), _MOST)),
            _family("graph_served", "1 if the server of the Graph serves it, else 0.", _served(self._store.graphs)),
        )
        return "".join(families)


def _family(name: str, text: str, samples: Iterable[Sample]) -> str:
    full = f"assistant_operator_{name}"
    lines = "".join(f"{full}{labels} {value}\n" for labels, value in samples)
    return f"# HELP {full} {text}\n# TYPE {full} gauge\n{lines}"


def _counted(statuses: Iterable[tuple[Assistant | Graph, str]]) -> Iterator[Sample]:
    counts = Counter((resource.kind_name, status) for resource, status in statuses)
    for kind in (Assistant.kind_name, Graph.kind_name):
        for status in _STATUSES:
            yield f'{{kind="{kind}",ready="{status}"}}', float(counts[kind, status])


def _stalled(objects: Iterable[Assistant | Graph]) -> Iterator[Sample]:
    for resource in objects:
        if stalled := condition(resource.status.conditions, "Stalled"):
            yield _name(resource, f',reason="{stalled.reason}"'), 1.0


def _served(graphs: Mapping[Key, Graph]) -> Iterator[Sample]:
    for (namespace, name), graph in graphs.items():
        if graph.spec.server:
            labels = f'{{namespace="{namespace}",name="{name}"}}'
            yield labels, float(_status(graph, "Deployed") == "True")


def _status(resource: Assistant | Graph, condition_type: str) -> str:
    found = condition(resource.status.conditions, condition_type)
    return found.status if found else "Unknown"


def _name(resource: Assistant | Graph, more: str = "") -> str:
    namespace, name = resource.key  # names of objects contain no character that must be escaped
    return f'{{kind="{resource.kind_name}",namespace="{namespace}",name="{name}"{more}}}'
