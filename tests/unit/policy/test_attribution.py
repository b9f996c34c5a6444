"""By whose edit a version comes into force, and why."""

from typing import Any

import pytest

from assistant_operator.api.assistant import Activation, Assistant, AssistantStatus
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.policy.activation import ActivationDecision, decide
from assistant_operator.policy.assistant_input import AssistantInput, Captured, Selection
from assistant_operator.policy.assistant_status import status
from assistant_operator.policy.attribution import attribution, selection
from assistant_operator.policy.versioning import CAUSES, CHANGED_BY, Edit, changed_by, version
from harness.worlds import NOW, a_status, a_world, an_assistant

CAUSE = CAUSES[0]
NOT_KNOWN = (None, None)
ALICE, BOB = ("alice", "a better prompt"), ("bob", "it is wrong")


def edited(generation: int, number: int, *, uid: str = "uid-of-bot") -> AssistantVersion:
    """The version that an edit of Alice created."""
    annotations = {CAUSE: ALICE[1]}
    state = an_assistant(meta={"generation": generation, "uid": uid, "annotations": annotations})
    return version(Edit(state, number, None, user=ALICE[0]))


def selected(generation: int, *, is_pin: bool = False) -> Selection:
    """What an edit of Bob selected."""
    return Selection(generation, is_pin, *BOB)


def world(
    head: AssistantVersion | None = None, selection: Selection | None = None, *, observed: int = 3, **spec: Any
) -> AssistantInput:
    """`observed`: the generation up to which the status knows the edits."""
    state = an_assistant(status=a_status(observed_generation=observed, active_version=1), **spec)
    return a_world(assistant=state, recorded=Captured(4, 3, head=head, selection=selection))


@pytest.mark.parametrize(
    ("input", "number", "wanted"),
    [
        pytest.param(world(), 3, NOT_KNOWN, id="nothing is known after a restart"),
        pytest.param(world(edited(4, 3)), 3, ALICE, id="the edit that created the version"),
        pytest.param(world(edited(4, 3), observed=4), 3, ALICE, id="the same, if its graph accepts it later"),
        pytest.param(world(edited(4, 4)), 3, NOT_KNOWN, id="an edit before the newest one"),
        pytest.param(world(edited(4, 3, uid="former")), 3, NOT_KNOWN, id="an adopted version"),
        pytest.param(world(edited(3, 3), selected(4)), 3, BOB, id="a later removal of the pin"),
        pytest.param(world(edited(3, 3), selected(4)), 2, BOB, id="the same, and the newest version is not valid"),
        pytest.param(world(None, selected(4)), 3, BOB, id="the same after a restart"),
        pytest.param(world(edited(4, 3), selected(3)), 3, ALICE, id="an edit after the removal of the pin"),
        pytest.param(world(edited(5, 4), selected(4)), 3, NOT_KNOWN, id="one of several edits after that removal"),
        pytest.param(world(edited(2, 3), selected(3)), 3, ALICE, id="a schema, long after the last selection"),
        pytest.param(world(edited(3, 3), selected(4, is_pin=True), pin=2), 2, BOB, id="a pin"),
        pytest.param(world(edited(5, 3), selected(4, is_pin=True), pin=2), 2, BOB, id="a pin, and then an edit"),
        pytest.param(world(edited(2, 3), selected(3, is_pin=True), pin=2), 2, BOB, id="a pin that is honoured later"),
        pytest.param(world(edited(5, 3), selected(4, is_pin=True), pin=3), 3, ALICE, id="a pin, before the version"),
        pytest.param(world(edited(2, 3), selected(3), pin=2), 2, NOT_KNOWN, id="a pin, and what followed it"),
    ],
)
def test_whose_edit_activates_a_version(input: AssistantInput, number: int, wanted: tuple[str | None, ...]) -> None:
    assert attribution(input, number) == wanted


def state(generation: int = 4, *, cause: str | None = None, **spec: Any) -> Assistant:
    annotations = {CAUSE: cause} if cause else {}
    return an_assistant(meta={"generation": generation, "annotations": annotations}, **spec)


BEFORE = state(3, cause="first")


@pytest.mark.parametrize(
    ("before", "after", "head", "wanted"),
    [
        pytest.param(BEFORE, state(description="new"), None, None, id="content"),
        pytest.param(BEFORE, state(limit=5), None, None, id="a control field that selects nothing"),
        pytest.param(BEFORE, state(pin=2), None, Selection(4, True, "bob"), id="a pin"),
        pytest.param(
            BEFORE, state(pin=2, cause="second"), None, Selection(4, True, "bob", "second"), id="with a cause"
        ),
        pytest.param(BEFORE, state(pin=2, cause="first"), None, Selection(4, True, "bob"), id="with an older cause"),
        pytest.param(state(pin=2), state(5), None, Selection(5, False, "bob"), id="the removal of a pin"),
        pytest.param(BEFORE, state(manual=True), None, Selection(4, False, "bob"), id="the mode of activation"),
        pytest.param(BEFORE, state(suspend=True), None, Selection(4, False, "bob"), id="a suspension"),
        pytest.param(state(pin=2), state(5, pin=2, suspend=True), None, Selection(5, False, "bob"), id="an older pin"),
        pytest.param(None, state(), edited(4, 3), None, id="after a restart, an edit that created a version"),
        pytest.param(None, state(pin=2), edited(3, 3), Selection(4, True, "bob"), id="after a restart, another edit"),
        pytest.param(None, state(cause="any"), None, Selection(4, False, "bob"), id="its cause may be an older one"),
        pytest.param(
            None,
            state(1, cause="first"),
            edited(1, 1, uid="former"),
            Selection(1, False, "bob", "first"),
            id="the creation of an Assistant that adopts equal content",
        ),
    ],
)
def test_what_an_edit_selects(
    before: Assistant | None, after: Assistant, head: AssistantVersion | None, wanted: Selection | None
) -> None:
    assert selection(before, after, head, "bob") == wanted


def test_an_activation_says_by_whose_edit_and_why() -> None:
    made = edited(4, 3)
    input = a_world(assistant=an_assistant(status=AssistantStatus()), recorded=Captured(4, 3, head=made))
    decision = decide(input)
    assert isinstance(decision, ActivationDecision)
    (activation,) = status(input, decision).activations
    assert activation == Activation(number=3, since=NOW, user=ALICE[0], cause=ALICE[1])
    assert activation.manifest() == {"number": 3, "since": "2026-03-01T12:00:00Z", "user": ALICE[0], "cause": ALICE[1]}


@pytest.mark.parametrize(
    ("annotations", "user"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({CHANGED_BY: ""}, None, id="an empty one"),
        pytest.param({CHANGED_BY: "jane@example.com"}, "jane@example.com", id="a user"),
        pytest.param({CHANGED_BY: "x" * 2000}, "x" * 1024, id="one that is too long"),
    ],
)
def test_the_user_that_the_annotation_names(annotations: dict[str, str], user: str | None) -> None:
    assert changed_by(an_assistant(meta={"annotations": annotations})) == user


@pytest.mark.parametrize("user", ["alice", None])
def test_a_version_says_who_made_the_edit_only_if_that_is_known(user: str | None) -> None:
    annotated = an_assistant(meta={"annotations": {CHANGED_BY: "eve"}})
    change = version(Edit(annotated, 1, None, is_first=True, user=user)).spec.change
    assert change.user == user
    assert ("user" in change.manifest()) is (user is not None)
