"""The status of an Assistant, for the person who typed `kubectl get` and for the tools that wait for it."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assistant_operator.api.assistant import Activation, AssistantStatus
from assistant_operator.api.meta import Condition, condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.activation import ActivationDecision, decide
from assistant_operator.policy.assistant_input import AssistantInput, Captured, UpdateVersionStatus, ValidationResult
from assistant_operator.policy.assistant_status import status
from assistant_operator.policy.conditions import LONGEST_MESSAGE, Finding, conditions, with_progress
from harness.worlds import (
    EARLIER,
    GRAPH,
    INVALID,
    NO_GRAPH,
    NOW,
    READY,
    UNDECIDED,
    VALID,
    a_condition,
    a_digest,
    a_record,
    a_status,
    a_world,
    an_assistant,
    records,
)
from unit.policy.kstatus import Health, kstatus

HELD = Finding(True, Reason.ACTIVE, "bot-v3 is active")
REFUSED = Finding(False, Reason.SCHEMA_REFUSED, "no")
MISSING = Finding(False, Reason.GRAPH_NOT_FOUND, "no graph")
UNUSABLE = Finding(False, Reason.SCHEMA_UNUSABLE, "no schema")
TWENTY = tuple(Activation(number=number, since=EARLIER) for number in range(30, 10, -1))
FOUND = f"graph '{GRAPH}' exists"


def told(**different: Any) -> AssistantStatus:
    """The status that is right for a world, whatever it is."""
    world: AssistantInput = a_world(**different)
    decision = decide(world)
    assert isinstance(decision, ActivationDecision)
    return status(world, decision)


def said(stated: tuple[Condition, ...]) -> dict[str, tuple[str, str]]:
    return {each.type: (each.status, each.reason) for each in stated}


RULES: dict[str, tuple[Health, dict[str, Any], tuple[Condition, ...]]] = {
    "being deleted": ("Terminating", {"deletion_timestamp": NOW}, READY),
    "just made, nothing observed": ("InProgress", {"generation": 1}, ()),
    "edited since the last report": ("InProgress", {"generation": 4}, READY),
    "Ready": ("Current", {}, READY),
    "not Ready": ("InProgress", {}, (a_condition("Ready", "False", "x", ""),)),
    "Ready unknown": ("InProgress", {}, (a_condition("Ready", "Unknown", "x", ""),)),
    "reconciling": ("InProgress", {}, (*READY, a_condition("Reconciling", "True", "x", ""))),
    "stalled": ("Failed", {}, (*READY, a_condition("Stalled", "True", "x", ""))),
    "not stalled": ("Current", {}, (*READY, a_condition("Stalled", "False", "x", ""))),
    "another condition says nothing": ("Current", {}, (a_condition("Valid", "False", "x", ""),)),
}


@pytest.mark.parametrize(("health", "meta", "stated"), [pytest.param(*row, id=draft) for draft, row in RULES.items()])
def test_the_port_of_kstatus_follows_its_rules(
    health: Health, meta: dict[str, Any], stated: tuple[Condition, ...]
) -> None:
    assert kstatus(an_assistant(meta=meta, status=a_status(conditions=stated))) == health


@pytest.mark.parametrize(
    ("ready", "health", "types"),
    [
        pytest.param(HELD, "Current", ["Ready", "Valid"], id="done"),
        pytest.param(MISSING, "InProgress", ["Ready", "Valid", "Reconciling"], id="it goes on by itself"),
        pytest.param(REFUSED, "Failed", ["Ready", "Valid", "Stalled"], id="somebody must act"),
        pytest.param(UNUSABLE, "Failed", ["Ready", "Valid", "Stalled"], id="a reason of both kinds: somebody must act"),
        pytest.param(
            replace(UNUSABLE, is_transient=True),
            "InProgress",
            ["Ready", "Valid", "Reconciling"],
            id="a reason of both kinds: it goes on by itself",
        ),
    ],
)
def test_ready_always_and_one_of_reconciling_and_stalled_only_while_true(
    ready: Finding, health: Health, types: list[str]
) -> None:
    findings = with_progress(ready, {"Valid": Finding(None, Reason.SCHEMA_ACCEPTED, "")})
    stated = conditions(findings, (), 3, NOW)
    assert [each.type for each in stated] == types
    assert kstatus(an_assistant(status=a_status(conditions=stated))) == health
    assert [(each.status, each.reason, each.message) for each in stated[2:]] == [
        ("True", ready.reason, ready.message) for _ in stated[2:]
    ]


@pytest.mark.parametrize(
    ("before", "since"),
    [
        pytest.param((), NOW, id="said for the first time"),
        pytest.param((a_condition("Ready", "True", "Active", "bot-v3 is active"),), EARLIER, id="nothing changed"),
        pytest.param((a_condition("Ready", "True", "Other", "else"),), EARLIER, id="reason and message changed"),
        pytest.param((a_condition("Ready", "False", "Active", "bot-v3 is active"),), NOW, id="the status changed"),
        pytest.param((a_condition("Ready", "Unknown", "Active", "bot-v3 is active"),), NOW, id="unknown before"),
        pytest.param((a_condition("Valid", "True", "Active", "bot-v3 is active"),), NOW, id="another type's time"),
    ],
)
def test_the_time_of_a_condition_moves_only_with_its_status(before: tuple[Condition, ...], since: Any) -> None:
    (ready,) = conditions({"Ready": HELD}, before, 4, NOW)
    expected = {"observed_generation": 4, "last_transition_time": since}
    assert ready == a_condition("Ready", "True", "Active", "bot-v3 is active", **expected)


def test_a_message_is_cut_where_the_api_server_would_refuse_it_or_a_person_stop_reading() -> None:
    fits, longer = "x" * LONGEST_MESSAGE, "x" * (LONGEST_MESSAGE + 1)
    assert Finding(False, Reason.SCHEMA_REFUSED, fits).condition("Ready").message == fits
    cut = Finding(False, Reason.SCHEMA_REFUSED, longer).condition("Ready").message
    assert (len(cut), cut) == (LONGEST_MESSAGE, "x" * (LONGEST_MESSAGE - 1) + "…")


@pytest.mark.parametrize(
    ("validation_result", "found", "valid"),
    [
        pytest.param(VALID, ("True", "GraphFound"), ("True", "SchemaAccepted"), id="it fits"),
        pytest.param(INVALID, ("True", "GraphFound"), ("False", "SchemaRefused"), id="it does not fit"),
        pytest.param(UNDECIDED, ("True", "GraphFound"), ("Unknown", "SchemaUnusable"), id="nobody can say"),
        pytest.param(NO_GRAPH, ("False", "GraphNotFound"), ("Unknown", "GraphNotFound"), id="no graph"),
    ],
)
def test_the_conditions_tell_the_graph_from_the_content(
    validation_result: ValidationResult, found: tuple[str, str], valid: tuple[str, str]
) -> None:
    after = said(told(validation_results={3: validation_result}).conditions)
    assert (after["GraphFound"], after["Valid"]) == (found, valid)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        pytest.param(
            UpdateVersionStatus(a_record(3), is_active=True, validation_result=VALID),
            {"Valid": ("True", "SchemaAccepted"), "Active": ("True", "Active")},
            id="active and valid",
        ),
        pytest.param(
            UpdateVersionStatus(a_record(3), is_active=False, validation_result=UNDECIDED),
            {"Valid": ("Unknown", "SchemaUnusable"), "Active": ("False", "Inactive")},
            id="not active, and its validity is unknown",
        ),
        pytest.param(
            UpdateVersionStatus(a_record(3), is_active=False, validation_result=None),
            {"Active": ("False", "Inactive")},
            id="without a result, Valid is not changed",
        ),
    ],
)
def test_the_conditions_of_a_version(step: UpdateVersionStatus, expected: dict[str, tuple[str, str]]) -> None:
    assert said(conditions(step.findings, (), 1, NOW)) == expected


def test_the_conditions_speak_of_the_version_that_is_wanted_not_of_the_one_in_force() -> None:
    after = told(assistant=an_assistant(pin=2), validation_results={2: INVALID, 3: VALID})
    assert said(after.conditions) == {
        "Ready": ("False", "PinnedVersionInvalid"),
        "GraphFound": ("True", "GraphFound"),
        "Valid": ("False", "SchemaRefused"),
        "Stalled": ("True", "PinnedVersionInvalid"),
    }


def test_where_there_is_no_version_to_judge_the_conditions_are_unknown_for_that_reason() -> None:
    after = said(told(assistant=an_assistant(pin=7)).conditions)
    assert after["GraphFound"] == after["Valid"] == ("Unknown", "PinnedVersionNotFound")


def test_every_condition_and_the_status_speak_of_the_recorded_generation_even_if_a_later_one_is_seen() -> None:
    after = told(assistant=an_assistant(meta={"generation": 9}), recorded=Captured(4, 3))
    assert after.observed_generation == 4
    assert [each.observed_generation for each in after.conditions] == [4, 4, 4]


def test_suspended_every_condition_keeps_its_status_and_time_and_only_ready_says_why() -> None:
    stalled = a_condition("Stalled", "True", "SchemaRefused", "no")
    before = (a_condition("Ready", "False", "SchemaRefused", "no"), *READY[1:], stalled)
    world = {"assistant": an_assistant(suspend=True, status=a_status(conditions=before)), "validation_results": {}}
    after = told(**world, recorded=Captured(4, 4)).conditions
    assert [(each.type, each.status, each.last_transition_time) for each in after] == [
        (each.type, each.status, EARLIER) for each in before
    ]
    assert [each.reason for each in after] == ["Suspended", "GraphFound", "SchemaAccepted", "SchemaRefused"]
    assert [each.observed_generation for each in after] == [4, 4, 4, 4]


def test_suspended_from_the_first_nothing_is_known() -> None:
    assert said(told(assistant=an_assistant(suspend=True, status=AssistantStatus())).conditions) == {
        "Ready": ("False", "Suspended"),
        "GraphFound": ("Unknown", "Suspended"),
        "Valid": ("Unknown", "Suspended"),
        "Stalled": ("True", "Suspended"),
    }


@pytest.mark.parametrize(
    ("different", "activations"),
    [
        pytest.param({}, a_status().activations, id="the same in force: no word"),
        pytest.param(
            {"assistant": an_assistant(pin=2)},
            (Activation(number=2, since=NOW), Activation(number=3, since=EARLIER)),
            id="newest first",
        ),
        pytest.param(
            {"assistant": an_assistant(pin=2, status=a_status(activations=TWENTY))},
            (Activation(number=2, since=NOW), *TWENTY[:19]),
            id="at most twenty",
        ),
        pytest.param(
            {"assistant": an_assistant(status=AssistantStatus())}, (Activation(number=3, since=NOW),), id="the first"
        ),
        pytest.param({"kept": (), "lost": frozenset({3})}, a_status().activations, id="none in force: no word"),
    ],
)
def test_the_activations(different: dict[str, Any], activations: tuple[Activation, ...]) -> None:
    assert told(**different).activations == activations


TOLD = {
    "of the one in force, not of the latest": ({"assistant": an_assistant(pin=2)}, {"digest": a_digest(2)}),
    "still known while its version is deleted": ({"kept": records(1, 2)}, {"digest": a_digest(3), "versions": 2}),
    "none without a version in force": ({"kept": (), "lost": frozenset({3})}, {"digest": None, "active_version": None}),
    "what was missed is told": ({"recorded": Captured(3, 3, missed=7)}, {"missed_generations": 7}),
    "latest is the newest ever made, kept or not": (
        {"recorded": Captured(9, 9), "lost": frozenset({9})},
        {"latest_version": 9},
    ),
    "no version yet": (
        {"recorded": Captured(1, 0, too_large="2 MB"), "kept": (), "assistant": an_assistant(status=AssistantStatus())},
        {"latest_version": None, "active_version": None, "digest": None, "versions": 0},
    ),
    "what is about to be pruned does not count": ({"assistant": an_assistant(limit=2)}, {"versions": 2}),
    "suspended, everything counts": ({"assistant": an_assistant(limit=2, suspend=True)}, {"versions": 3}),
    "what is being deleted counts until it is gone": (
        {"assistant": an_assistant(limit=2), "kept": (a_record(1, is_being_deleted=True), *records(2, 3))},
        {"versions": 3},
    ),
}


@pytest.mark.parametrize(("different", "fields"), [pytest.param(*values, id=draft) for draft, values in TOLD.items()])
def test_the_fields_of_the_status(different: dict[str, Any], fields: dict[str, Any]) -> None:
    after = told(**different)
    assert {name: getattr(after, name) for name in fields} == fields


def test_a_later_look_at_the_same_trouble_changes_not_one_character() -> None:
    first = told(validation_results={3: INVALID})
    again = {
        "assistant": an_assistant(status=first),
        "validation_results": {3: INVALID},
        "now": NOW + timedelta(hours=1),
    }
    assert told(**again) == first
    ready = condition(first.conditions, "Ready")
    assert ready is not None
    assert ready.last_transition_time == NOW
