"""`status`: done, failed, or going on."""

from typing import Any

import pytest

from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.status import Progress, parse_duration, progress
from harness.worlds import NOW, READY, a_condition, a_status, an_assistant

SUSPECTED = a_condition("SecretSuspected", "True", "SecretSuspected", "/context/key")


def not_ready(*beside: str) -> Any:
    kinds = ("Ready", *beside)
    told = [a_condition(each, "False" if each == "Ready" else "True", "SchemaRefused", "no") for each in kinds]
    return a_status(conditions=tuple(told))


def held(**status: Any) -> Any:
    return a_status(conditions=(a_condition("Ready", "True", "Suspended", "held"),), **status)


@pytest.mark.parametrize(
    ("assistant", "seen"),
    [
        pytest.param(an_assistant(), Progress("bot-v3 is active", is_ready=True), id="ready"),
        pytest.param(
            an_assistant(meta={"generation": 4}),
            Progress("the operator has not observed the newest edit yet"),
            id="ready, but of an older spec",
        ),
        pytest.param(
            an_assistant(status=a_status(observed_generation=-1, conditions=())),
            Progress("the operator has not observed the newest edit yet"),
            id="never looked at",
        ),
        pytest.param(
            an_assistant(status=not_ready("Reconciling")), Progress("SchemaRefused: no"), id="it will go on by itself"
        ),
        pytest.param(
            an_assistant(status=not_ready("Stalled")),
            Progress("SchemaRefused: no", is_ready=False),
            id="somebody must act",
        ),
        pytest.param(
            an_assistant(status=a_status(conditions=(*READY, SUSPECTED))),
            Progress("bot-v3 is active", is_ready=True, warning="SecretSuspected: /context/key"),
            id="ready, but with what looks like a credential",
        ),
        pytest.param(
            an_assistant(status=a_status(conditions=(*not_ready("Stalled").conditions, SUSPECTED))),
            Progress("SchemaRefused: no", is_ready=False, warning="SecretSuspected: /context/key"),
            id="stalled, and with what looks like a credential",
        ),
        pytest.param(None, Progress("bot was deleted", is_ready=False), id="gone"),
        pytest.param(
            an_assistant(meta={"deletion_timestamp": NOW}), Progress("bot is being deleted", is_ready=False), id="going"
        ),
        pytest.param(
            an_assistant(suspend=True, status=held()),
            Progress("held", is_ready=True),
            id="held, and nothing is waiting",
        ),
        pytest.param(
            an_assistant(suspend=True, status=held(latest_version=4)),
            Progress("held", is_ready=False),
            id="held, and an edit is waiting",
        ),
        pytest.param(
            an_assistant(suspend=True, pin=2, status=held()),
            Progress("held", is_ready=False),
            id="held, and a pin is waiting",
        ),
        pytest.param(
            an_assistant(suspend=True, manual=True, status=held(latest_version=4)),
            Progress("held", is_ready=True),
            id="held, and where activation is Manual no edit waits",
        ),
    ],
)
def test_progress(assistant: Any, seen: Progress) -> None:
    assert progress(assistant, "bot") == seen


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("-5", 0)]
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5d", "soon"])
def test_what_is_no_time_is_a_misuse(text: str) -> None:
    with pytest.raises(CliError):
        parse_duration(text)
