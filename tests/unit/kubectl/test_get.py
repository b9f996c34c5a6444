"""`get`: each Assistant in a line, and why it is not ready."""

from datetime import timedelta
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.kubectl.conditions import not_ready_reason, readiness
from assistant_operator.kubectl.get import assistants_table
from harness.worlds import NOW, a_condition, a_status, an_assistant

BORN = {"creation_timestamp": NOW - timedelta(minutes=5)}
REFUSED = a_condition("Ready", "False", "SchemaRefused", "bot-v4 is not activated: no")
HELD = a_condition("Ready", "True", "Suspended", "spec.suspend is true")


def a_line(assistant: Assistant, **asked: bool) -> list[str]:
    told = {"wide": False, "all_namespaces": False, **asked}
    return assistants_table([assistant], NOW, **told).splitlines()


def test_a_settled_one_has_no_reason() -> None:
    assert a_line(an_assistant(meta=BORN)) == [
        "NAME   GRAPH     LATEST   ACTIVE   PINNED   READY   AGE   WHY",
        "bot    support   3        3        <none>   True    5m",
    ]


def test_a_pin_is_seen() -> None:
    assert a_line(an_assistant(meta=BORN, pin=2, status=a_status(active_version=2)))[1].split() == (
        ["bot", "support", "3", "2", "2", "True", "5m"]
    )


def test_wide_has_the_kept_versions_and_the_id() -> None:
    assert a_line(an_assistant(meta=BORN, status=a_status(assistant_id="0f-1")), wide=True) == [
        "NAME   GRAPH     LATEST   ACTIVE   PINNED   READY   VERSIONS   AGE   ID     WHY",
        "bot    support   3        3        <none>   True    3          5m    0f-1",
    ]


def test_everywhere_has_the_namespace_first() -> None:
    assert a_line(an_assistant(meta=BORN), all_namespaces=True)[1].startswith("team        bot    support   3")


def test_a_long_reason_is_cut_and_wide_has_it_in_full() -> None:
    long = a_condition("Ready", "False", "SchemaRefused", "x" * 200)
    assistant = an_assistant(meta=BORN, status=a_status(conditions=(long,)))
    assert a_line(assistant)[1].endswith("5m    SchemaRefused: " + "x" * 84 + "…")
    assert a_line(assistant, wide=True)[1].endswith("SchemaRefused: " + "x" * 200)


@pytest.mark.parametrize(
    ("different", "ready", "reason"),
    [
        pytest.param({}, "True", "", id="settled"),
        pytest.param(
            {"status": a_status(conditions=(REFUSED,))},
            "False",
            "SchemaRefused: bot-v4 is not activated: no",
            id="the reason and the message of Ready",
        ),
        pytest.param(
            {"status": a_status(conditions=(HELD,))}, "True", "Suspended: spec.suspend is true", id="a hold is told"
        ),
        pytest.param(
            {"meta": {"generation": 4}},
            "Unknown",
            "NotSeen: the operator has not observed this spec yet",
            id="a status of an older spec says nothing of this one",
        ),
        pytest.param(
            {"status": a_status(observed_generation=-1, conditions=())},
            "Unknown",
            "NotSeen: the operator has not observed this spec yet",
            id="never looked at",
        ),
        pytest.param(
            {"meta": {"deletion_timestamp": NOW}},
            "True",
            "Deleting: it is gone once its finalizers are removed",
            id="being deleted",
        ),
    ],
)
def test_why_it_is_not_ready(different: dict[str, Any], ready: str, reason: str) -> None:
    assistant = an_assistant(**different)
    assert (readiness(assistant), not_ready_reason(assistant)) == (ready, reason)
