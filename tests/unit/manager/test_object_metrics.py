"""The metrics of single objects: they exist while the object does, on the leader only."""

from datetime import timedelta
from typing import Any

import pytest

from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.meta import Condition, ObjectMeta
from assistant_operator.manager.object_metrics import ObjectMetrics
from assistant_operator.store.store import Store
from harness.worlds import (
    BOT,
    EARLIER,
    GRAPH,
    KEY,
    NAMESPACE,
    NOW,
    a_condition,
    a_graph,
    a_graph_status,
    a_record,
    a_status,
    an_assistant,
)

OBJECT = {"kind": "Assistant", "namespace": NAMESPACE, "name": "bot"}
THE_GRAPH = {"kind": "Graph", "namespace": NAMESPACE, "name": GRAPH}
NOT_READY = a_condition("Ready", "False", "SchemaRefused", "no")
STALLED = a_condition("Stalled", "True", "SchemaRefused", "no")
RECONCILING = a_condition("Reconciling", "True", "GraphNotFound", "no")

Samples = dict[str, list[tuple[dict[str, str], float]]]


def a_store(*conditions: Condition) -> Store:
    """One Assistant, with those conditions if there are any, its Graph, and two versions."""
    store = Store()
    store.upsert_assistant(an_assistant(status=a_status(conditions=conditions) if conditions else None))
    store.upsert_graph(a_graph())
    for number in (1, 2):
        store.versions.put(a_record(number))
    return store


def shown(store: Store, *, is_leading: bool = True) -> Samples:
    families = ObjectMetrics(store, is_leading=lambda: is_leading).families()
    return {name: [(dict(labels), value) for labels, value in samples] for name, _, samples in families}


def test_each_object_is_counted_and_shown() -> None:
    found = shown(a_store())
    assert found["ready"] == [(OBJECT, 1.0), (THE_GRAPH, 1.0)]
    assert found["versions"] == [({}, 2.0)]
    assert found["stalled"] == found["graph_served"] == []
    assert [value for _, value in found["objects"]] == [1, 0, 0, 0, 0, 0, 1, 0, 0]
    assert [labels for labels, value in found["objects"] if value] == [
        {"kind": "Assistant", "ready": "True"},
        {"kind": "Graph", "ready": "True"},
    ]


@pytest.mark.parametrize(
    ("conditions", "ready", "stalled"),
    [
        pytest.param((NOT_READY, STALLED), "False", [({**OBJECT, "reason": "SchemaRefused"}, 1.0)], id="stalled"),
        pytest.param((NOT_READY, RECONCILING), "False", [], id="reconciling"),
        pytest.param((a_condition("Ready", "Unknown", "Probing", "?"),), "Unknown", [], id="unknown"),
        pytest.param((RECONCILING,), "Unknown", [], id="no status yet"),
    ],
)
def test_one_that_is_not_ready_comes_first(
    conditions: tuple[Condition, ...], ready: str, stalled: list[tuple[dict[str, str], float]]
) -> None:
    found = shown(a_store(*conditions))
    assert found["ready"] == [(OBJECT, 0.0), (THE_GRAPH, 1.0)]
    assert ({"kind": "Assistant", "ready": ready}, 1.0) in found["objects"]
    assert found["stalled"] == stalled


@pytest.mark.parametrize(
    ("status", "value"), [pytest.param("True", 1.0, id="served"), pytest.param("Unknown", 0.0, id="not probed yet")]
)
def test_graph_served_is_shown_for_a_graph_with_a_server(status: str, value: float) -> None:
    store = Store()
    graph_status = a_graph_status(conditions=(a_condition("Deployed", status, "Served", "x"),))
    store.upsert_graph(a_graph(status=graph_status, server={"url": "http://server"}))
    assert shown(store)["graph_served"] == [({"namespace": NAMESPACE, "name": GRAPH}, value)]


THE_ALIAS = {"kind": "AssistantAlias", "namespace": NAMESPACE, "name": "production"}
STANDING = a_condition("Ready", "True", "Active", "the alias stands for bot-v2")
MOVED = {"to": 2, "since": NOW}, {"to": 1, "since": EARLIER}


def an_alias(*conditions: Condition, name: str = "production", moves: Any = MOVED) -> AssistantAlias:
    return AssistantAlias.model_validate(
        {
            "metadata": ObjectMeta(name=name, namespace=NAMESPACE, uid=f"uid-of-{name}", generation=1),
            "spec": {"assistantRef": {"name": BOT}, "version": 2},
            "status": {"observedGeneration": 1, "conditions": conditions, "moves": moves},
        }
    )


@pytest.mark.parametrize(
    ("conditions", "ready", "stalled"),
    [
        pytest.param((STANDING,), "True", [], id="ready"),
        pytest.param(
            (
                a_condition("Ready", "False", "VersionNotFound", "no"),
                a_condition("Stalled", "True", "VersionNotFound", ""),
            ),
            "False",
            [({**THE_ALIAS, "reason": "VersionNotFound"}, 1.0)],
            id="stalled",
        ),
        pytest.param((), "Unknown", [], id="no status yet"),
    ],
)
def test_an_alias_is_counted_and_shown(
    conditions: tuple[Condition, ...], ready: str, stalled: list[tuple[dict[str, str], float]]
) -> None:
    store = a_store()
    store.upsert_alias(an_alias(*conditions))
    found = shown(store)
    assert (THE_ALIAS, float(ready == "True")) in found["ready"]
    assert [labels for labels, value in found["objects"] if value and labels["kind"] == "AssistantAlias"] == [
        {"kind": "AssistantAlias", "ready": ready}
    ]
    assert found["stalled"] == stalled


def test_the_time_of_the_last_move_is_shown_newest_first() -> None:
    store = a_store()
    store.upsert_alias(an_alias(moves=MOVED[1:], name="staging"))
    store.upsert_alias(an_alias(moves=(), name="unmoved"))
    store.upsert_alias(an_alias())
    labels = {"namespace": NAMESPACE, "assistant": BOT}
    assert shown(store)["alias_last_move_timestamp_seconds"] == [
        ({**labels, "name": "production"}, NOW.timestamp()),
        ({**labels, "name": "staging"}, (NOW - timedelta(days=1)).timestamp()),
    ]


def test_a_deleted_object_is_not_shown() -> None:
    store = a_store(NOT_READY, STALLED)
    store.upsert_alias(an_alias(NOT_READY, STALLED))
    store.drop_alias((NAMESPACE, "production"))
    store.drop_assistant(KEY)
    store.drop_graph((NAMESPACE, GRAPH))
    for number in (1, 2):
        store.versions.drop(a_record(number))
    found = shown(store)
    assert found["ready"] == found["stalled"] == found["alias_last_move_timestamp_seconds"] == []
    assert found["versions"] == [({}, 0.0)]
    assert {value for _, value in found["objects"]} == {0.0}


def test_a_standby_shows_nothing() -> None:
    assert shown(a_store(), is_leading=False) == {}
