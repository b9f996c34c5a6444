"""The figures of single objects, read off the store when somebody asks: what is gone is not shown, nothing is kept."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from itertools import islice

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import condition
from assistant_operator.store.store import Store

_MOST = 20_000
"""Objects shown one by one, the unready first: beyond that they are only counted."""
_STATUSES = ("True", "False", "Unknown")

Sample = tuple[str, float]
"""Labels as Prometheus reads them, and the value."""


class ObjectMetrics:
    """Which objects there are and whether they are ready. Only the leader tells, or each would be there twice."""

    def __init__(self, store: Store, *, is_leading: Callable[[], bool]) -> None:
        self._store = store
        self._is_leading = is_leading

    def text(self) -> str:
        # A family of the client library would cost twenty times as much, and the loop waits meanwhile.
        if not self._is_leading():
            return ""
        graphs = [record.latest for record in self._store.graphs.values()]
        objects: list[Assistant | Graph] = [*(record.latest for record in self._store.assistants.values()), *graphs]
        said = [(each, _status(each, "Ready")) for each in objects]
        ready = sorted(((_name(each), float(status == "True")) for each, status in said), key=lambda sample: sample[1])
        families = (
            _family("objects", "Objects there are, by kind and whether they are ready.", _counted(said)),
            _family("versions", "Versions that are kept.", [("", float(self._store.versions.count()))]),
            _family("ready", "Whether an object is ready.", ready[:_MOST]),
            _family("stalled", "Objects that somebody must see to, and why.", islice(_stalled(objects), _MOST)),
            _family("graph_served", "Whether its LangGraph Server serves a Graph.", _served(graphs)),
        )
        return "".join(families)


def _family(name: str, told: str, samples: Iterable[Sample]) -> str:
    full = f"assistant_operator_{name}"
    lines = "".join(f"{full}{labels} {value}\n" for labels, value in samples)
    return f"# HELP {full} {told}\n# TYPE {full} gauge\n{lines}"


def _counted(said: Iterable[tuple[Assistant | Graph, str]]) -> Iterator[Sample]:
    found = Counter((each.kind_name, status) for each, status in said)
    for kind in (Assistant.kind_name, Graph.kind_name):
        for status in _STATUSES:
            yield f'{{kind="{kind}",ready="{status}"}}', float(found[kind, status])


def _stalled(objects: Iterable[Assistant | Graph]) -> Iterator[Sample]:
    for each in objects:
        if stalled := condition(each.status.conditions, "Stalled"):
            yield _name(each, f',reason="{stalled.reason}"'), 1.0


def _served(graphs: Iterable[Graph]) -> Iterator[Sample]:
    for graph in graphs:
        if graph.spec.server:
            namespace, name = graph.key
            labels = f'{{namespace="{namespace}",name="{name}"}}'
            yield labels, float(_status(graph, "Deployed") == "True")


def _status(each: Assistant | Graph, kind: str) -> str:
    said = condition(each.status.conditions, kind)
    return said.status if said else "Unknown"


def _name(each: Assistant | Graph, more: str = "") -> str:
    namespace, name = each.key  # the API server lets no character into them that would have to be escaped
    return f'{{kind="{each.kind_name}",namespace="{namespace}",name="{name}"{more}}}'
