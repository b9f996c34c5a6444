"""What the status says of an Assistant whose Graph has a server."""

from dataclasses import replace
from typing import Any

import pytest

from assistant_operator.api.assistant import AssistantStatus, Copy
from assistant_operator.api.meta import Condition, condition
from assistant_operator.api.reason import Reason
from assistant_operator.api.server import SecretKeyRef
from assistant_operator.policy.activation import ActivationDecision, decide
from assistant_operator.policy.assistant_input import AssistantInput, UpdateStatus, Validate, ValidationResult
from assistant_operator.policy.assistant_status import status
from assistant_operator.policy.desired_copy import Target
from assistant_operator.policy.publication import PublishResult
from harness.worlds import (
    EARLIER,
    GRAPH,
    INVALID,
    READY,
    VALID,
    a_condition,
    a_status,
    a_world,
    an_assistant,
    records,
    steps,
)
from unit.policy.kstatus import Health, kstatus

URL = "http://server"
HERE = Copy(server=URL, assistant_id="id-of-bot")
THERE = Copy(server="http://former", assistant_id="id-of-bot")
PLACE = Target(HERE, "writer", is_default=False)
SAID = "bot-v3 is published to http://server"
PUBLISHED = a_condition("Published", "True", "Published", SAID)
DONE = PublishResult(True, Reason.PUBLISHED, SAID, number=3, copy=HERE)
SETTLED = a_status(conditions=(*READY, PUBLISHED), copies=(HERE,), assistant_id=HERE.assistant_id)
SILENT = replace(DONE, holds=False, reason=Reason.SERVER_UNREACHABLE, message="no answer")
REFUSED = replace(DONE, holds=False, reason=Reason.PUBLICATION_REFUSED, message="422")
NOT_HELD = replace(REFUSED, reason=Reason.FINALIZER_REFUSED)
BUSY = "bot-v3 is being published to http://server"


def on_server(stands: AssistantStatus = SETTLED, **different: Any) -> AssistantInput:
    """Version 3 in force and published, as the status says: nothing to do after a restart."""
    spec = different.pop("spec", {})
    told = {"assistant": an_assistant(status=stands, **spec), "is_published": True, "targets": {GRAPH: PLACE}}
    return a_world(**{**told, **different})


def told(world: AssistantInput) -> AssistantStatus:
    decision = decide(world)
    assert isinstance(decision, ActivationDecision)
    return status(world, decision)


def said(stated: AssistantStatus, kind: str) -> tuple[str, str, str] | None:
    found = condition(stated.conditions, kind)
    return (found.status, found.reason, found.message) if found else None


@pytest.mark.parametrize(
    "world",
    [
        pytest.param(on_server(), id="after a restart"),
        pytest.param(on_server(publish_result=DONE), id="as it was just published"),
        pytest.param(on_server(a_status(), targets={}), id="a Graph without a server beside one that has one"),
        pytest.param(on_server(a_status(), targets={}, is_published=False), id="no server in the namespace"),
        pytest.param(on_server(validation_results={3: VALID}), id="no other version is looked at"),
    ],
)
def test_a_settled_one_writes_nothing(world: AssistantInput) -> None:
    assert list(steps(world)) == []


def test_after_a_restart_the_active_version_is_looked_at_to_know_its_graph() -> None:
    assert list(steps(on_server(validation_results={}))) == [Validate(3)]
    assert list(steps(on_server(validation_results={}, is_published=False, targets={}))) == [Validate(3)]


FRESH = a_status(conditions=READY)
MANY = tuple(Copy(server=f"http://{number}", assistant_id="id-of-bot") for number in range(8))
CROWDED = f"{BUSY}, once one of its 8 copies on former servers is withdrawn"
OLD = a_status(conditions=(*READY, PUBLISHED), copies=(THERE,), assistant_id=THERE.assistant_id)


@pytest.mark.parametrize(
    ("world", "published", "ready", "health"),
    [
        pytest.param(
            on_server(), ("True", "Published", SAID), ("True", "Active", "bot-v3 is active"), "Current", id="published"
        ),
        pytest.param(
            on_server(FRESH), ("False", "Publishing", BUSY), ("False", "Publishing", BUSY), "InProgress", id="not yet"
        ),
        pytest.param(
            on_server(a_status(conditions=READY, copies=MANY, assistant_id="id-of-bot")),
            ("False", "Publishing", CROWDED),
            ("False", "Publishing", CROWDED),
            "InProgress",
            id="not before there is room for its record",
        ),
        pytest.param(
            on_server(FRESH, publish_result=DONE),
            ("True", "Published", SAID),
            ("True", "Active", "bot-v3 is active"),
            "Current",
            id="just now",
        ),
        pytest.param(
            on_server(publish_result=replace(DONE, number=2)),
            ("False", "Publishing", BUSY),
            ("False", "Publishing", BUSY),
            "InProgress",
            id="another version is what is published",
        ),
        pytest.param(
            on_server(OLD), ("False", "Publishing", BUSY), ("False", "Publishing", BUSY), "InProgress", id="it moved"
        ),
        pytest.param(
            on_server(FRESH, publish_result=SILENT),
            ("False", "ServerUnreachable", "no answer"),
            ("False", "ServerUnreachable", "no answer"),
            "InProgress",
            id="no answer: it goes on by itself",
        ),
        pytest.param(
            on_server(FRESH, publish_result=replace(DONE, trouble="serverVersion is refused")),
            ("True", "Published", f"{SAID}; serverVersion is refused"),
            ("True", "Active", "bot-v3 is active"),
            "Current",
            id="published, and something beside it failed",
        ),
        pytest.param(
            on_server(FRESH, publish_result=NOT_HELD),
            ("False", "FinalizerRefused", "422"),
            ("False", "FinalizerRefused", "422"),
            "Failed",
            id="a policy refuses the finalizer: somebody must act",
        ),
        pytest.param(
            on_server(FRESH, publish_result=REFUSED),
            ("False", "PublicationRefused", "422"),
            ("False", "PublicationRefused", "422"),
            "Failed",
            id="refused: somebody must act",
        ),
        pytest.param(
            on_server(validation_results={3: INVALID}),
            ("True", "Published", SAID),
            ("False", "SchemaRefused", f"bot-v3 is no longer valid: {INVALID.message}; it stays active"),
            "Failed",
            id="no longer valid, and still published",
        ),
        pytest.param(
            on_server(FRESH, validation_results={3: INVALID}, publish_result=SILENT),
            ("False", "ServerUnreachable", "no answer"),
            ("False", "SchemaRefused", f"bot-v3 is no longer valid: {INVALID.message}; it stays active"),
            "Failed",
            id="what a person must mend is told before what passes",
        ),
        pytest.param(
            on_server(spec={"suspend": True}),
            ("True", "Published", SAID),
            (
                "True",
                "Suspended",
                "spec.suspend is true: edits are recorded, nothing is activated, published or pruned",
            ),
            "Current",
            id="suspended: what was said stays said",
        ),
        pytest.param(
            on_server(targets={}), None, ("True", "Active", "bot-v3 is active"), "Current", id="no server any more"
        ),
        pytest.param(
            on_server(
                a_status(conditions=READY, latest_version=4, observed_generation=4),
                kept=records(1, 2, 3, 4),
                validation_results={3: VALID, 4: INVALID},
                publish_result=DONE,
            ),
            ("True", "Published", SAID),
            ("False", "SchemaRefused", f"bot-v4 is not activated: {INVALID.message}; bot-v3 stays active"),
            "Failed",
            id="a refused edit leaves the active one published",
        ),
    ],
)
def test_ready_is_only_what_is_on_its_server_too(
    world: AssistantInput, published: tuple[str, str, str] | None, ready: tuple[str, str, str], health: Health
) -> None:
    stated = told(world)
    assert (said(stated, "Published"), said(stated, "Ready")) == (published, ready)
    assert kstatus(world.assistant.model_copy(update={"status": stated})) == health


NEW_KEY = HERE.model_copy(update={"api_key_secret_ref": SecretKeyRef(name="key", key="new")})
OURS_HERE = HERE.model_copy(update={"owner": "default/team/bot"})
RENAMED = HERE.model_copy(update={"owner": "prod/team/bot"})
RESPELLED = OURS_HERE.model_copy(update={"server": "http://SERVER:80"})
OURS_PLACE, RENAMED_PLACE, RESPELLED_PLACE = (
    Target(copy, "writer", is_default=False) for copy in (OURS_HERE, RENAMED, RESPELLED)
)
RECORDED = a_status(conditions=(*READY, PUBLISHED), copies=(OURS_HERE,), assistant_id=HERE.assistant_id)


@pytest.mark.parametrize(
    ("world", "copies"),
    [
        pytest.param(on_server(FRESH), (HERE,), id="written down before it is published"),
        pytest.param(
            on_server(FRESH, validation_results={3: INVALID}), (HERE,), id="valid or not: the publisher decides that"
        ),
        pytest.param(
            on_server(FRESH, validation_results={3: ValidationResult(None, Reason.GRAPH_NOT_FOUND, "no graph")}),
            (),
            id="no Graph",
        ),
        pytest.param(on_server(OLD), (HERE, THERE), id="moved: the present place first"),
        pytest.param(on_server(OLD, withdrawn=frozenset({THERE})), (HERE,), id="moved and withdrawn"),
        pytest.param(on_server(OLD, targets={}), (THERE,), id="no server: it is still to be withdrawn"),
        pytest.param(on_server(targets={}, withdrawn=frozenset({HERE})), (), id="no server, and withdrawn"),
        pytest.param(
            on_server(targets={GRAPH: Target(NEW_KEY, "writer", is_default=False)}),
            (NEW_KEY,),
            id="another key: the same copy, not a former one",
        ),
        pytest.param(on_server(OLD, spec={"suspend": True}), (THERE,), id="suspended: it stays where it was"),
        pytest.param(
            on_server(a_status(conditions=READY, copies=MANY, assistant_id="id-of-bot")),
            MANY,
            id="at most 8, of which none is dropped: the new place waits",
        ),
        pytest.param(
            on_server(a_status(conditions=READY, copies=MANY, assistant_id="id-of-bot"), withdrawn=frozenset(MANY[7:])),
            (HERE, *MANY[:7]),
            id="one of 8 is withdrawn: the new place is recorded",
        ),
        pytest.param(
            on_server(targets={GRAPH: OURS_PLACE}), (OURS_HERE,), id="the identity is recorded where it was not"
        ),
        pytest.param(
            on_server(RECORDED, targets={GRAPH: RENAMED_PLACE}),
            (RENAMED, OURS_HERE),
            id="another cluster name: the identity before stays recorded, at the same place, too",
        ),
        pytest.param(
            on_server(RECORDED, targets={GRAPH: RENAMED_PLACE}, withdrawn=frozenset({OURS_HERE})),
            (RENAMED,),
            id="until it is done with",
        ),
        pytest.param(
            on_server(RECORDED, targets={GRAPH: RESPELLED_PLACE}),
            (RESPELLED,),
            id="the same address in another spelling is not a former one",
        ),
        pytest.param(on_server(targets={"other": PLACE}), (HERE,), id="of another Graph's place it is not told"),
    ],
)
def test_copies_are_where_it_is_or_is_about_to_be(world: AssistantInput, copies: tuple[Copy, ...]) -> None:
    stated = told(world)
    assert stated.copies == copies
    assert stated.assistant_id == (copies[0].assistant_id if copies else None)


NOT_YET = a_condition("Published", "False", "Publishing", BUSY)


@pytest.mark.parametrize(
    ("before", "stays"), [pytest.param(PUBLISHED, True, id="as before"), pytest.param(NOT_YET, False, id="at last")]
)
def test_the_time_of_published_moves_only_with_its_status(before: Condition, *, stays: bool) -> None:
    world = on_server(a_status(conditions=(*READY, before), copies=(HERE,)), publish_result=DONE)
    found = condition(told(world).conditions, "Published")
    assert found
    assert (found.last_transition_time == EARLIER) == stays


def test_a_pin_is_published_before_it_is_said_to_be_ready() -> None:
    world = on_server(spec={"pin": 1}, publish_result=DONE)
    first = next(steps(world))
    assert isinstance(first, UpdateStatus)
    assert (first.status.active_version, said(first.status, "Published")) == (
        1,
        ("False", "Publishing", "bot-v1 is being published to http://server"),
    )
