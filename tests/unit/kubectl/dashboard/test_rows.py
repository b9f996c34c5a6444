"""What the pages keep of an object."""

from typing import Any

import pytest

from assistant_operator.kubectl.dashboard.rows import (
    ActivationRow,
    AssistantRow,
    EventRow,
    GraphRow,
    VersionRow,
    activations,
)
from harness.worlds import EARLIER, NOW, a_condition, a_graph, a_status, an_assistant
from unit.kubectl.dashboard.documents import a_sent_version, sent
from unit.kubectl.kept import NOT_VALID, a_kept

META = {"name": "bot-v1", "namespace": "team"}


@pytest.mark.parametrize(
    ("assistant", "different"),
    [
        pytest.param(an_assistant(), {}, id="settled"),
        pytest.param(an_assistant(pin=2), {"pin": 2}, id="pinned"),
        pytest.param(an_assistant(suspend=True), {"is_suspended": True}, id="suspended"),
        pytest.param(an_assistant(manual=True), {"is_manual": True}, id="manual"),
        pytest.param(an_assistant(display_name="Bot"), {"display_name": "Bot"}, id="named"),
        pytest.param(
            an_assistant(meta={"labels": {"assistant-operator.dev/default": "true"}}),
            {"is_default": True},
            id="default",
        ),
        pytest.param(
            an_assistant(meta={"generation": 4}),
            {"ready": "Unknown", "reason": "NotSeen: the operator has not observed this spec yet"},
            id="edited since",
        ),
        pytest.param(
            an_assistant(
                status=a_status(
                    conditions=(
                        a_condition("Ready", "False", "SchemaRefused", "no"),
                        a_condition("Stalled", "True", "SchemaRefused", "no"),
                    )
                )
            ),
            {"ready": "False", "reason": "SchemaRefused: no", "is_stalled": True},
            id="stalled",
        ),
    ],
)
def test_an_assistant(assistant: Any, different: dict[str, Any]) -> None:
    settled = {"key": ("team", "bot"), "graph": "support", "latest": 3, "active": 3, "ready": "True"}
    assert AssistantRow.of(sent(assistant)) == AssistantRow(**{**settled, **different})


@pytest.mark.parametrize(
    ("server", "shown"),
    [
        (None, ""),
        ({"url": "http://graphs:8123"}, "http://graphs:8123"),
        ({"serviceRef": {"name": "graphs", "port": 8123}}, "service graphs"),
    ],
)
def test_a_graph(server: Any, shown: str) -> None:
    document = sent(a_graph())
    document["spec"] |= {"server": server} if server else {}
    row = GraphRow.of(document)
    assert (row.key, row.graph_id, row.ready, row.server) == (("team", "support"), "support", "True", shown)


def test_a_version() -> None:
    row = VersionRow.of(a_sent_version(2, user="ann", cause="legal", kind="Reverted", sameAs=1))
    assert (row.name, row.number, row.user, row.manager) == ("bot-v2", 2, "ann", "kubectl-edit")
    assert (row.kind, row.same_as, row.cause, row.paths) == ("Reverted", 1, "legal", ("/context/prompt",))
    assert (row.valid, row.is_refused, row.is_kept) == ("True", False, False)


def test_a_refused_version() -> None:
    row = VersionRow.of(sent(a_kept(1, valid=NOT_VALID)))
    assert (row.is_refused, row.reason, row.message) == (True, "SchemaRefused", NOT_VALID.message)


@pytest.mark.parametrize(
    "document",
    [
        pytest.param({"metadata": META}, id="nothing"),
        pytest.param({"metadata": META, "spec": {"change": None}, "status": None}, id="nulls"),
        pytest.param({"metadata": META, "spec": {}, "status": {"conditions": []}}, id="no conditions"),
    ],
)
def test_fields_that_an_older_operator_does_not_write_are_empty(document: Any) -> None:
    assert VersionRow.of(document) == VersionRow("bot-v1", 0)


@pytest.mark.parametrize(
    ("status", "rows"),
    [
        ({}, ()),
        ({"activations": None}, ()),
        ({"activations": [{"number": 3, "since": "2026-02-28T12:00:00Z"}]}, (ActivationRow(3, EARLIER),)),
        (
            {"activations": [{"number": 3, "since": "2026-02-28T12:00:00Z", "user": "ann", "cause": "x"}]},
            (ActivationRow(3, EARLIER, "ann", "x"),),
        ),
        ({"activations": [{"number": 3, "since": "0000-01-01T00:00:00Z"}]}, ()),
    ],
)
def test_activations(status: Any, rows: tuple[ActivationRow, ...]) -> None:
    assert activations({"status": status}) == rows


@pytest.mark.parametrize(
    ("times", "last", "count"),
    [
        ({}, None, 1),
        ({"lastTimestamp": "2026-03-01T12:00:00Z", "count": 4}, NOW, 4),
        ({"eventTime": "2026-03-01T12:00:00.000000Z"}, NOW, 1),
        (
            {"eventTime": "2026-02-28T12:00:00Z", "series": {"count": 3, "lastObservedTime": "2026-03-01T12:00:00Z"}},
            NOW,
            3,
        ),
    ],
)
def test_an_event(times: Any, last: Any, count: int) -> None:
    row = EventRow.of({"type": "Warning", "reason": "X", "message": "x", **times})
    assert (row.last, row.count) == (last, count)
