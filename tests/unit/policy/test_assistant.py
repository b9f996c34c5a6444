"""What is due for an Assistant and what is in force: worlds that need nothing, plus one difference each."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.meta import condition
from assistant_operator.policy import validation
from assistant_operator.policy.activation import ActivationDecision, decide
from assistant_operator.policy.assistant import background_steps, foreground_steps, is_background_kind
from assistant_operator.policy.assistant_input import (
    Adopt,
    AssistantInput,
    Captured,
    Prune,
    Relabel,
    Restore,
    Step,
    UpdateStatus,
    UpdateVersionStatus,
    Validate,
    ValidationResult,
    identity,
)
from assistant_operator.policy.assistant_status import status
from assistant_operator.policy.stored import Unstored
from harness.worlds import (
    INVALID,
    NO_GRAPH,
    NOW,
    READY,
    UNDECIDED,
    VALID,
    a_condition,
    a_record,
    a_status,
    a_world,
    an_assistant,
    records,
    steps,
)
from unit.policy.kstatus import kstatus

ALTERED = validation.altered("bot-v4")
TOO_LARGE = Captured(4, 3, too_large="it is 2 MB")
REFUSED = "graph 'support' refuses it: /context/prompt: no"
MISSING = "graph 'support' does not exist in namespace 'team'"
NO_SCHEMA = "graph 'support' cannot judge it: too dear"
CANNOT_STORE = "SnapshotTooLarge: the edit cannot be stored as a version (it is 2 MB)"
AWAITS = "AwaitingActivation: activation is Manual: set spec.versioning.activeVersion to activate"
PINS = "PinnedVersionNotFound: spec.versioning.activeVersion pins"
LOSS = "VersionLost: bot-v3 was deleted, and its content is no longer available"
NOT_AGAIN = "VersionRefused: a version that was deleted cannot be made again (quota)"
SUSPENDED = "Suspended: spec.suspend is true: edits are recorded, nothing is activated, published or pruned"
FRESH: dict[str, Any] = {"active": "", "valid": ""}
GOING = {"deletion_timestamp": NOW}
STALLED = (
    a_condition("Ready", "False", "SchemaRefused", REFUSED),
    a_condition("Stalled", "True", "SchemaRefused", REFUSED),
)
V1, V2, V3 = records(1, 2, 3)


def judged(*validation_results: ValidationResult | None) -> dict[int, ValidationResult]:
    """What is known of v1, v2 and so on; None where nothing is."""
    return {number: each for number, each in enumerate(validation_results, 1) if each}


def assistant_world(
    *, active: int | None = 3, kept: tuple[VersionRecord, ...] = (), **different: Any
) -> AssistantInput:
    """A settled world but for what the Assistant's spec says and which version is in force."""
    world = {name: different.pop(name) for name in AssistantInput.__dataclass_fields__ if name in different}
    told = different.pop("status", a_status(active_version=active))
    return a_world(assistant=an_assistant(status=told, **different), kept=kept or (V1, V2, V3), **world)


def edited(validation_result: ValidationResult | None, **different: Any) -> AssistantInput:
    """The fourth edit is recorded and judged like that; nothing else happened yet."""
    fourth = {"recorded": Captured(4, 4), "kept": (V1, V2, V3, a_record(4, **FRESH))}
    known = judged(VALID, VALID, VALID, validation_result)
    return assistant_world(**{**fourth, "meta": {"generation": 4}, "validation_results": known, **different})


def new(**different: Any) -> AssistantInput:
    """An Assistant just made, its first version judged."""
    first = {"recorded": Captured(1, 1), "kept": (a_record(1, **FRESH),), "validation_results": judged(VALID)}
    return assistant_world(**{**first, "status": AssistantStatus(), "meta": {"generation": 1}, **different})


def rows(table: Mapping[str, tuple[Any, ...]]) -> list[Any]:
    return [pytest.param(*values, id=draft) for draft, values in table.items()]


def told(world: AssistantInput) -> AssistantStatus:
    """The status that is due, or the one that stands if none is."""
    return next((step.status for step in steps(world) if isinstance(step, UpdateStatus)), world.assistant.status)


def reported(world: AssistantInput) -> AssistantInput:
    """The world once its status is written."""
    return replace(world, assistant=world.assistant.model_copy(update={"status": told(world)}))


NEXT: dict[str, tuple[AssistantInput, Step | None]] = {
    "settled": (a_world(), None),
    "settled, and only what is wanted was judged": (a_world(validation_results=judged(None, None, VALID)), None),
    "pinned to what is in force": (reported(assistant_world(pin=3)), None),
    "Manual, and the latest is in force": (reported(assistant_world(manual=True)), None),
    "suspended, and that is told": (reported(assistant_world(suspend=True)), None),
    "suspended: nothing is judged": (reported(assistant_world(validation_results={}, suspend=True)), None),
    "neither latest nor active, deleted by hand": (reported(assistant_world(kept=(V2, V3))), None),
    "nobody needs what is lost": (reported(assistant_world(kept=(V2, V3), lost=frozenset({1}))), None),
    "being deleted: nothing, whatever there would be to do": (
        assistant_world(meta=GOING, kept=(a_record(1, owner=None), V2), limit=1, pin=2, validation_results={}),
        None,
    ),
    "an operator just started judges what is in force": (a_world(validation_results={}), Validate(3)),
    "an edit is judged": (edited(None), Validate(4)),
    "a pinned version is judged": (assistant_world(pin=1, validation_results={}), Validate(1)),
    "a pinned active version is judged": (assistant_world(pin=1, active=1, validation_results={}), Validate(1)),
    "Manual: what is in force is judged, not the edit": (edited(None, manual=True, validation_results={}), Validate(3)),
    "Manual, nothing in force: the latest is judged": (new(manual=True, validation_results={}), Validate(1)),
    "the latest is refused: the one before it is judged": (
        assistant_world(active=1, validation_results=judged(None, None, INVALID)),
        Validate(2),
    ),
    "what could not be judged then is judged again": (
        assistant_world(
            active=1, kept=(V1, a_record(2, valid="Unknown"), V3), validation_results=judged(None, None, INVALID)
        ),
        Validate(2),
    ),
    "the schema changed: what was refused is judged again": (
        assistant_world(
            active=1,
            kept=(V1, a_record(2, valid="False"), V3),
            validation_results=judged(None, None, INVALID),
            is_revalidating=True,
        ),
        Validate(2),
    ),
    "one without owner: adopted": (a_world(kept=(a_record(1, owner=None), V2, V3)), Adopt(a_record(1, owner=None))),
    "one without owner that is being deleted is left alone": (
        a_world(kept=(a_record(1, owner=None, is_being_deleted=True), V2, V3)),
        None,
    ),
    "adoption comes before restoration, suspended or not": (
        assistant_world(kept=(a_record(1, owner=None), V2), suspend=True),
        Adopt(a_record(1, owner=None)),
    ),
    "the latest, deleted by hand, comes back": (assistant_world(kept=(V1, V2)), Restore(3)),
    "it comes back while suspended too": (assistant_world(kept=(V1, V2), suspend=True), Restore(3)),
    "the active one comes back": (assistant_world(kept=(V2, V3), active=1, pin=1), Restore(1)),
    "both gone: the active one first": (edited(None, kept=(V1, V2)), Restore(3)),
    "the latest comes back though another is in force": (edited(None, kept=(V1, V2, V3)), Restore(4)),
    "one still being deleted is not made again": (a_world(kept=(V1, V2, a_record(3, is_being_deleted=True))), None),
    "what is lost is not tried again": (
        assistant_world(kept=(V1, V2), lost=frozenset({3}), validation_results={}),
        Validate(2),
    ),
}


@pytest.mark.parametrize(("world", "step"), rows(NEXT))
def test_the_next_step(world: AssistantInput, step: Step | None) -> None:
    assert next(steps(world), None) == step


Reading = tuple[AssistantInput, str]
"""A world; what kstatus makes of it then, which version is in force, reason and message of Ready."""

AUTOMATIC: dict[str, Reading] = {
    "settled": (a_world(), "Current, 3 in force, Active: bot-v3 is active"),
    "a valid edit comes into force": (edited(VALID), "Current, 4 in force, Active: bot-v4 is active"),
    "a new one comes into force": (new(), "Current, 1 in force, Active: bot-v1 is active"),
    "a refused edit does not, and its field is told": (
        edited(INVALID),
        f"Failed, 3 in force, SchemaRefused: bot-v4 is not activated: {REFUSED}; bot-v3 stays active",
    ),
    "a refused first version leaves none in force": (
        new(validation_results=judged(INVALID)),
        f"Failed, none in force, SchemaRefused: bot-v1 is not activated: {REFUSED}; no version is active",
    ),
    "an edit whose graph is missing waits for it": (
        edited(NO_GRAPH),
        f"InProgress, 3 in force, GraphNotFound: bot-v4 is not activated: {MISSING}; bot-v3 stays active",
    ),
    "an edit that no schema can judge waits for somebody": (
        edited(UNDECIDED),
        f"Failed, 3 in force, SchemaUnusable: bot-v4 is not activated: {NO_SCHEMA}; bot-v3 stays active",
    ),
    "an edit whose validation is tried again waits for that": (
        edited(replace(UNDECIDED, is_transient=True)),
        f"InProgress, 3 in force, SchemaUnusable: bot-v4 is not activated: {NO_SCHEMA}; bot-v3 stays active",
    ),
    "altered content is never activated": (
        edited(ALTERED),
        f"Failed, 3 in force, ContentAltered: bot-v4 is not activated: {ALTERED.message}; bot-v3 stays active",
    ),
    "of two edits the valid one comes into force, and the refused one is told": (
        assistant_world(active=1, validation_results=judged(VALID, VALID, INVALID)),
        f"Failed, 2 in force, SchemaRefused: bot-v3 is not activated: {REFUSED}; bot-v2 stays active",
    ),
    "what was refused before stays out without being judged again": (
        assistant_world(
            active=1, kept=(V1, a_record(2, valid="False"), V3), validation_results=judged(VALID, None, INVALID)
        ),
        f"Failed, 1 in force, SchemaRefused: bot-v3 is not activated: {REFUSED}; bot-v1 stays active",
    ),
    "a schema grown stricter leaves the active version in force, though an older one would fit": (
        a_world(validation_results=judged(VALID, VALID, INVALID)),
        f"Failed, 3 in force, SchemaRefused: bot-v3 is no longer valid: {REFUSED}; it stays active",
    ),
    "a schema grown looser lets the latest in": (
        assistant_world(active=1, kept=(V1, V2, a_record(3, valid="False")), is_revalidating=True),
        "Current, 3 in force, Active: bot-v3 is active",
    ),
    "a graph that went takes nothing out of force": (
        a_world(validation_results=judged(VALID, VALID, NO_GRAPH)),
        f"InProgress, 3 in force, GraphNotFound: bot-v3 cannot be judged: {MISSING}; it stays active",
    ),
    "an edit too large to be stored leaves the active version in force": (
        assistant_world(recorded=TOO_LARGE, meta={"generation": 4}),
        f"Failed, 3 in force, {CANNOT_STORE}; bot-v3 stays active",
    ),
    "a first edit too large to be stored leaves none in force": (
        a_world(
            assistant=an_assistant(status=AssistantStatus(), meta={"generation": 1}),
            recorded=Captured(1, 0, too_large="it is 2 MB"),
            kept=(),
        ),
        f"Failed, none in force, {CANNOT_STORE}; no version is active",
    ),
    "a version that the cluster refuses leaves the active one in force": (
        a_world(recorded=Captured(3, 3, refusal="quota")),
        "Failed, 3 in force, VersionRefused: the next version cannot be made (quota); bot-v3 stays active",
    ),
}
PINNED: dict[str, Reading] = {
    "a pin activates an older version": (
        assistant_world(pin=1),
        "Current, 1 in force, Active: bot-v1 is active, as pinned",
    ),
    "a pin activates in Manual mode too": (
        assistant_world(pin=1, manual=True),
        "Current, 1 in force, Active: bot-v1 is active, as pinned",
    ),
    "a pin outlasts an edit": (edited(VALID, pin=3), "Current, 3 in force, Active: bot-v3 is active, as pinned"),
    "a pin to a number that does not exist keeps what is in force": (
        assistant_world(pin=7),
        f"Failed, 3 in force, {PINS} bot-v7, which does not exist; bot-v3 stays active",
    ),
    "a new one pinned to a number that does not exist has none in force": (
        new(pin=2),
        f"Failed, none in force, {PINS} bot-v2, which does not exist; no version is active",
    ),
    "a pin is honoured as soon as its version exists": (
        edited(VALID, pin=4, manual=True),
        "Current, 4 in force, Active: bot-v4 is active, as pinned",
    ),
    "a pin to a version deleted since it was judged is a pin to none": (
        assistant_world(pin=1, kept=(V2, V3)),
        f"Failed, 3 in force, {PINS} bot-v1, which does not exist; bot-v3 stays active",
    ),
    "a pin to an invalid version keeps what is in force": (
        assistant_world(pin=1, validation_results=judged(INVALID, VALID, VALID)),
        f"Failed, 3 in force, PinnedVersionInvalid: bot-v1 is not activated: {REFUSED}; bot-v3 stays active",
    ),
    "a pin is honoured as soon as its version is valid": (
        assistant_world(pin=1, kept=(a_record(1, valid="False"), V2, V3), is_revalidating=True),
        "Current, 1 in force, Active: bot-v1 is active, as pinned",
    ),
    "a pin to a version whose graph is missing waits for it": (
        assistant_world(pin=1, validation_results=judged(NO_GRAPH, VALID, VALID)),
        f"InProgress, 3 in force, GraphNotFound: bot-v1 is not activated: {MISSING}; bot-v3 stays active",
    ),
    "a pinned version that is no longer valid stays in force": (
        assistant_world(pin=1, active=1, validation_results=judged(INVALID, VALID, VALID)),
        f"Failed, 1 in force, PinnedVersionInvalid: bot-v1 is no longer valid: {REFUSED}; it stays active",
    ),
    "an edit too large is told beside a pin that holds": (
        assistant_world(pin=1, active=1, recorded=TOO_LARGE, meta={"generation": 4}),
        f"Failed, 1 in force, {CANNOT_STORE}; bot-v1 stays active",
    ),
    "a pin removed: the latest comes into force": (
        assistant_world(active=1),
        "Current, 3 in force, Active: bot-v3 is active",
    ),
    "a pin removed while the latest is invalid: the latest valid one comes into force": (
        assistant_world(active=1, validation_results=judged(VALID, VALID, INVALID)),
        f"Failed, 2 in force, SchemaRefused: bot-v3 is not activated: {REFUSED}; bot-v2 stays active",
    ),
    "a pin removed in Manual mode: what is in force stays": (
        assistant_world(active=1, manual=True),
        "Current, 1 in force, Active: bot-v1 is active; bot-v3 awaits activation",
    ),
}
MANUAL: dict[str, Reading] = {
    "Manual: an edit waits": (
        edited(VALID, manual=True),
        "Current, 3 in force, Active: bot-v3 is active; bot-v4 awaits activation",
    ),
    "Manual: a refused edit does not trouble what is in force": (
        edited(INVALID, manual=True),
        "Current, 3 in force, Active: bot-v3 is active; bot-v4 awaits activation",
    ),
    "Manual: a new one has none in force": (
        new(manual=True),
        f"Failed, none in force, {AWAITS} bot-v1",
    ),
    "Manual: a schema grown stricter leaves what is in force": (
        assistant_world(active=1, manual=True, validation_results=judged(INVALID, VALID, VALID)),
        f"Failed, 1 in force, SchemaRefused: bot-v1 is no longer valid: {REFUSED}; it stays active",
    ),
    "Automatic again: the latest comes into force": (
        edited(VALID, status=told(edited(VALID, manual=True))),
        "Current, 4 in force, Active: bot-v4 is active",
    ),
}
HELD: dict[str, Reading] = {
    "suspended: an edit is not activated": (
        edited(VALID, suspend=True),
        f"Current, 3 in force, {SUSPENDED}",
    ),
    "suspended: a pin is not honoured": (
        assistant_world(pin=1, suspend=True),
        f"Current, 3 in force, {SUSPENDED}",
    ),
    "suspended: what was not ready stays so": (
        assistant_world(suspend=True, status=a_status(conditions=STALLED)),
        f"Failed, 3 in force, {SUSPENDED}",
    ),
    "suspended from the first: none in force": (new(suspend=True), f"Failed, none in force, {SUSPENDED}"),
    "suspended: an edit too large is not told before it is lifted": (
        assistant_world(suspend=True, recorded=TOO_LARGE, meta={"generation": 4}),
        f"Current, 3 in force, {SUSPENDED}",
    ),
    "suspension lifted: Ready says Active again": (
        assistant_world(status=told(assistant_world(suspend=True))),
        "Current, 3 in force, Active: bot-v3 is active",
    ),
}
LOST: dict[str, Reading] = {
    "the latest is lost: the latest valid one that is left comes into force, and the loss is told": (
        assistant_world(kept=(V1, V2), lost=frozenset({3})),
        f"Failed, 2 in force, {LOSS}; bot-v2 stays active",
    ),
    "the only version is lost: none is in force": (
        a_world(kept=(), lost=frozenset({3})),
        f"Failed, none in force, {LOSS}; no version is active",
    ),
    "Manual: the latest, in force, is lost": (
        assistant_world(manual=True, kept=(V1, V2), lost=frozenset({3})),
        f"Failed, none in force, {LOSS}; no version is active",
    ),
    "Manual: an older one, in force, is lost": (
        assistant_world(active=2, manual=True, kept=(V1, V3), lost=frozenset({2})),
        f"Failed, none in force, {AWAITS} bot-v3",
    ),
    "the pinned version is lost": (
        assistant_world(active=1, pin=1, kept=(V2, V3), lost=frozenset({1})),
        f"Failed, none in force, {PINS} bot-v1, which does not exist; no version is active",
    ),
    "what was lost and is there again is in force as before": (
        a_world(lost=frozenset({3})),
        "Current, 3 in force, Active: bot-v3 is active",
    ),
}
REFUSED_WRITES: dict[str, Reading] = {
    "pruning is refused: what is in force stays Ready": (
        a_world(refusals={"Prune": "not allowed"}),
        "Current, 3 in force, Active: bot-v3 is active; pruning is refused (not allowed)",
    ),
    "several are refused: always in the same order": (
        a_world(refusals={"Prune": "no", "Relabel": "no", "UpdateVersionStatus": "never", "Adopt": "not now"}),
        (
            "Current, 3 in force, Active: bot-v3 is active; adopting versions is refused (not now);"
            " marking versions is refused (never); labelling versions is refused (no); pruning is refused (no)"
        ),
    ),
    "beside another trouble, and with what kstatus reads": (
        edited(INVALID, refusals={"Prune": "no"}),
        (
            f"Failed, 3 in force, SchemaRefused: bot-v4 is not activated: {REFUSED}; bot-v3 stays active;"
            " pruning is refused (no)"
        ),
    ),
    "beside a suspension": (
        assistant_world(suspend=True, refusals={"Adopt": "no"}),
        f"Current, 3 in force, {SUSPENDED}; adopting versions is refused (no)",
    ),
    "the latest cannot be made again: the active one stays in force": (
        assistant_world(active=2, pin=2, kept=(V1, V2), refusals={"Restore": "quota"}),
        f"Failed, 2 in force, {NOT_AGAIN}; bot-v2 stays active",
    ),
    "the one in force cannot be made again": (
        a_world(kept=(V1, V2), refusals={"Restore": "quota"}),
        f"Failed, 3 in force, {NOT_AGAIN}; bot-v3 stays active",
    ),
    "a refused status is told in an event: it cannot tell of itself": (
        a_world(refusals={"UpdateStatus": "no"}),
        "Current, 3 in force, Active: bot-v3 is active",
    ),
    "fields that are not stored are named, with what to do": (
        a_world(unstored=Unstored(a_status(), a_status(activations=None))),
        (
            "Current, 3 in force, Active: bot-v3 is active; the API server does not store status.activations: if the"
            " CustomResourceDefinition of assistants is older than the operator, run"
            " kubectl apply --server-side -k crds"
        ),
    ),
}
READINGS = [row for table in (AUTOMATIC, PINNED, MANUAL, HELD, LOST, REFUSED_WRITES) for row in rows(table)]


@pytest.mark.parametrize(("world", "reading"), READINGS)
def test_what_is_in_force_and_what_a_person_reads(world: AssistantInput, reading: str) -> None:
    after = reported(world)
    ready = condition(after.assistant.status.conditions, "Ready")
    assert ready is not None
    in_force = f"{after.assistant.status.active_version or 'none'} in force"
    assert f"{kstatus(after.assistant)}, {in_force}, {ready.reason}: {ready.message}" == reading
    assert (ready.status == "True") == reading.startswith("Current")


@pytest.mark.parametrize(("world", "_reading"), READINGS)
def test_one_report_says_it_all(world: AssistantInput, _reading: str) -> None:
    after = reported(world)
    decision = decide(after)
    assert isinstance(decision, ActivationDecision)
    assert status(after, decision) == after.assistant.status
    assert all("\n" not in each.message for each in after.assistant.status.conditions)


NOT_MARKED = a_record(2, active="True")

CHORES: dict[str, tuple[AssistantInput, list[Step]]] = {
    "settled": (a_world(), []),
    "as many as the history limit": (assistant_world(limit=3), []),
    "beyond the limit, oldest first": (assistant_world(limit=1), [Prune(V1), Prune(V2)]),
    "the limit counts versions, not numbers": (assistant_world(limit=2, kept=(V1, V3)), []),
    "the active one is kept beside the limit": (
        reported(assistant_world(limit=1, pin=1, kept=(a_record(1, active="True"), V2, a_record(3, active="False")))),
        [Prune(V2)],
    ),
    "the pinned one is kept though it is not active": (
        assistant_world(
            limit=1, pin=1, kept=(a_record(1, valid="False"), V2, V3), validation_results=judged(INVALID, VALID, VALID)
        ),
        [Prune(V2)],
    ),
    "the labelled one is kept beside the limit": (
        assistant_world(limit=1, kept=(a_record(1, is_labelled_keep=True), V2, V3)),
        [Prune(V2)],
    ),
    "one being deleted is not deleted again": (
        assistant_world(limit=1, kept=(a_record(1, is_being_deleted=True), V2, V3)),
        [Prune(V2)],
    ),
    "nothing is pruned while suspended": (assistant_world(limit=1, suspend=True), []),
    "pruned though the graph is missing": (
        assistant_world(
            limit=2,
            kept=(V1, V2, a_record(3, active="True", valid="Unknown")),
            validation_results=judged(VALID, VALID, NO_GRAPH),
        ),
        [Prune(V1)],
    ),
    "pruned though the edit cannot be stored": (assistant_world(limit=2, recorded=TOO_LARGE), [Prune(V1)]),
    "pruned though no version can be made": (
        assistant_world(limit=2, recorded=Captured(3, 3, refusal="quota")),
        [Prune(V1)],
    ),
    "the one in force is marked before the one that was": (
        edited(VALID),
        [UpdateVersionStatus(a_record(4, **FRESH), True, VALID), UpdateVersionStatus(V3, False, VALID)],
    ),
    "pruned first, then marked; what is to be pruned is not marked": (
        edited(VALID, limit=2),
        [
            Prune(V1),
            Prune(V2),
            UpdateVersionStatus(a_record(4, **FRESH), True, VALID),
            UpdateVersionStatus(V3, False, VALID),
        ],
    ),
    "a refused version is marked as invalid": (
        edited(INVALID),
        [UpdateVersionStatus(a_record(4, **FRESH), False, INVALID)],
    ),
    "a version nobody can judge is marked as that": (
        edited(NO_GRAPH),
        [UpdateVersionStatus(a_record(4, **FRESH), False, NO_GRAPH)],
    ),
    "a version never judged is judged in the end": (
        a_world(kept=(V1, a_record(2, **FRESH), V3), validation_results=judged(None, None, VALID)),
        [Validate(2)],
    ),
    "one no longer in force is marked so, without a word on its validity": (
        a_world(kept=(V1, NOT_MARKED, V3), validation_results=judged(None, None, VALID)),
        [UpdateVersionStatus(NOT_MARKED, False, None)],
    ),
    "validity changed: marked anew": (
        a_world(validation_results=judged(None, INVALID, VALID)),
        [UpdateVersionStatus(V2, False, INVALID)],
    ),
    "the schema changed: every kept version is judged again, newest first": (
        a_world(validation_results=judged(None, None, VALID), is_revalidating=True),
        [Validate(2), Validate(1)],
    ),
    "the schema changed while suspended: judged and marked all the same, for nobody says it again": (
        assistant_world(suspend=True, validation_results=judged(INVALID, None, VALID), is_revalidating=True),
        [Validate(2), UpdateVersionStatus(V1, False, INVALID)],
    ),
    "one that lacks our labels gets them back": (
        a_world(kept=(V1, a_record(2, is_labelled=False), V3)),
        [Relabel(a_record(2, is_labelled=False))],
    ),
    "one without an owner is labelled when it is adopted": (
        a_world(kept=(a_record(1, is_labelled=False, is_being_deleted=True), V2, V3)),
        [],
    ),
    "pruning is refused: what is kept is marked all the same": (
        edited(VALID, limit=1, refusals={"Prune": "no"}),
        [
            Prune(V1),
            Prune(V2),
            Prune(V3),
            UpdateVersionStatus(a_record(4, **FRESH), True, VALID),
            UpdateVersionStatus(V3, False, VALID),
        ],
    ),
    "one being deleted is not marked": (a_world(kept=(V1, a_record(2, is_being_deleted=True, **FRESH), V3)), []),
}


@pytest.mark.parametrize(("world", "chores"), rows(CHORES))
def test_the_chores_in_order_once_the_status_is_written(world: AssistantInput, chores: list[Step]) -> None:
    assert list(steps(reported(world))) == chores
    assert list(background_steps(reported(world))) == chores
    assert list(foreground_steps(reported(world))) == []


def test_each_step_is_that_of_one_controller() -> None:
    world = a_world(kept=(V1, a_record(2, **FRESH), a_record(3, owner=None)), validation_results={})
    assert list(foreground_steps(world)) == list(steps(world))
    assert list(background_steps(world)) == [Validate(3)], "the other steps depend on it"


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (Adopt(V1), False),
        (Restore(3), False),
        (Validate(3), False),
        (UpdateStatus(a_status()), False),
        (Prune(V1), True),
        (Relabel(V1), True),
        (UpdateVersionStatus(V1, False, None), True),
    ],
)
def test_refused_steps_of_a_kind_are_those_of_one_controller(step: Step, *, expected: bool) -> None:
    assert is_background_kind(identity(step)[0]) is expected


def test_the_status_comes_before_every_chore() -> None:
    assert [type(step) for step in steps(edited(VALID, limit=2))] == [
        UpdateStatus,
        Prune,
        Prune,
        UpdateVersionStatus,
        UpdateVersionStatus,
    ]


@pytest.mark.parametrize(
    ("world", "kept"),
    [
        pytest.param(assistant_world(limit=1), 1, id="what will be pruned is gone already"),
        pytest.param(assistant_world(limit=1, refusals={"Prune": "no"}), 3, id="what may not be pruned is there"),
        pytest.param(
            assistant_world(limit=1, refusals={"UpdateVersionStatus": "no"}), 1, id="another refusal changes nothing"
        ),
    ],
)
def test_the_status_counts_the_versions_that_are_kept(world: AssistantInput, kept: int) -> None:
    assert told(world).versions == kept


def test_while_the_status_is_refused_both_the_version_it_names_and_the_decided_one_are_kept() -> None:
    world = edited(VALID, limit=1, refusals={"UpdateStatus": "no"})
    (_, *others) = steps(world)
    assert others == [
        Prune(V1),
        Prune(V2),
        UpdateVersionStatus(a_record(4, **FRESH), True, VALID),
        UpdateVersionStatus(V3, False, VALID),
    ]


def test_a_status_that_was_not_stored_is_not_sent_again_before_its_time() -> None:
    world = edited(VALID)
    sent, stored = told(world), world.assistant.status
    settled = replace(world, unstored=Unstored(sent, stored))
    again = replace(world, unstored=Unstored(sent, stored, is_tried_again=True))
    # The message says which fields, so that there is something else to report once.
    (report, *_) = steps(settled)
    assert isinstance(report, UpdateStatus)
    reported_once = replace(settled, unstored=Unstored(report.status, stored))
    assert not [each for each in steps(reported_once) if isinstance(each, UpdateStatus)]
    assert [each for each in steps(again) if isinstance(each, UpdateStatus)]


def test_an_activation_that_could_not_be_stored_is_not_forgotten() -> None:
    sent = told(edited(VALID))
    stored = sent.model_copy(update={"activations": ()})
    assert [each.number for each in sent.activations] == [4, 3]
    world = edited(VALID, status=stored)
    assert told(replace(world, unstored=Unstored(sent, stored))).activations == sent.activations


def test_an_activation_that_was_just_reported_outlasts_an_older_status_that_was_not_stored() -> None:
    older = a_status(activations=())
    reported = told(edited(VALID, unstored=Unstored(older, older)))
    assert [each.number for each in reported.activations] == [4, 3]
    world = edited(VALID, status=reported, unstored=Unstored(older, older))
    assert told(world).activations == reported.activations


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (Adopt(V1), ("Adopt", 1)),
        (Restore(3), ("Restore", 3)),
        (Validate(2), ("Validate", 2)),
        (UpdateStatus(a_status()), ("UpdateStatus", 0)),
        (Prune(V2), ("Prune", 2)),
        (UpdateVersionStatus(V3, True, VALID), ("UpdateVersionStatus", 3)),
        (Relabel(V3), ("Relabel", 3)),
    ],
)
def test_a_refused_step_is_known_again_by_its_kind_and_its_version(step: Step, name: tuple[str, int]) -> None:
    assert identity(step) == name


def test_the_settled_status_is_the_one_of_the_builders() -> None:
    assert told(a_world()).conditions == READY
