"""The figures of single objects: there while the object is, told by the leader alone."""

import pytest

from assistant_operator.api.meta import Condition
from assistant_operator.manager.object_metrics import ObjectMetrics
from assistant_operator.store.store import Store
from worlds import GRAPH, KEY, NAMESPACE, a_condition, a_graph, a_graph_status, a_record, a_status, an_assistant

OBJECT = {"kind": "Assistant", "namespace": NAMESPACE, "name": "bot"}
THE_GRAPH = {"kind": "Graph", "namespace": NAMESPACE, "name": GRAPH}
NOT_READY = a_condition("Ready", "False", "SchemaRefused", "no")
STALLED = a_condition("Stalled", "True", "SchemaRefused", "no")
RECONCILING = a_condition("Reconciling", "True", "GraphNotFound", "no")

Samples = dict[str, list[tuple[dict[str, str], float]]]


def a_store(*conditions: Condition) -> Store:
    """One Assistant, with those conditions if there are any, its Graph, and two versions."""
    store = Store()
    store.see(an_assistant(status=a_status(conditions=conditions) if conditions else None))
    store.put_graph(a_graph())
    for number in (1, 2):
        store.put_version(a_record(number))
    return store


def told(store: Store, *, is_leading: bool = True) -> Samples:
    families = ObjectMetrics(store, is_leading=lambda: is_leading).families()
    return {name: [(dict(labels), value) for labels, value in samples] for name, _, samples in families}


def test_each_object_is_counted_and_shown() -> None:
    found = told(a_store())
    assert found["ready"] == [(OBJECT, 1.0), (THE_GRAPH, 1.0)]
    assert found["versions"] == [({}, 2.0)]
    assert found["stalled"] == found["graph_served"] == []
    assert [value for _, value in found["objects"]] == [1, 0, 0, 1, 0, 0]
    assert [labels for labels, value in found["objects"] if value] == [
        {"kind": "Assistant", "ready": "True"},
        {"kind": "Graph", "ready": "True"},
    ]


@pytest.mark.parametrize(
    ("conditions", "ready", "stalled"),
    [
        pytest.param((NOT_READY, STALLED), "False", [({**OBJECT, "reason": "SchemaRefused"}, 1.0)], id="stalled"),
        pytest.param((NOT_READY, RECONCILING), "False", [], id="going on by itself"),
        pytest.param((a_condition("Ready", "Unknown", "Probing", "?"),), "Unknown", [], id="unknown"),
        pytest.param((RECONCILING,), "Unknown", [], id="nothing said yet"),
    ],
)
def test_one_that_is_not_ready_comes_first(
    conditions: tuple[Condition, ...], ready: str, stalled: list[tuple[dict[str, str], float]]
) -> None:
    found = told(a_store(*conditions))
    assert found["ready"] == [(OBJECT, 0.0), (THE_GRAPH, 1.0)]
    assert ({"kind": "Assistant", "ready": ready}, 1.0) in found["objects"]
    assert found["stalled"] == stalled


@pytest.mark.parametrize(
    ("status", "value"), [pytest.param("True", 1.0, id="served"), pytest.param("Unknown", 0.0, id="not asked yet")]
)
def test_a_graph_with_a_server_says_whether_it_is_served(status: str, value: float) -> None:
    store = Store()
    said = a_graph_status(conditions=(a_condition("Deployed", status, "Served", "x"),))
    store.put_graph(a_graph(status=said, server={"url": "http://server"}))
    assert told(store)["graph_served"] == [({"namespace": NAMESPACE, "name": GRAPH}, value)]


def test_what_is_gone_is_not_shown() -> None:
    store = a_store(NOT_READY, STALLED)
    store.drop_assistant(KEY)
    store.drop_graph((NAMESPACE, GRAPH))
    for number in (1, 2):
        store.drop_version(a_record(number))
    found = told(store)
    assert found["ready"] == found["stalled"] == []
    assert found["versions"] == [({}, 0.0)]
    assert {value for _, value in found["objects"]} == {0.0}


def test_a_standby_tells_nothing() -> None:
    assert told(a_store(), is_leading=False) == {}
