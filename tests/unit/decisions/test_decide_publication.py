"""What happens next to the copies of an Assistant on LangGraph Servers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assistant_operator.decisions.publication import (
    ABANDON,
    FINALIZER,
    PATIENCE,
    Hold,
    LetGo,
    Outcome,
    Publish,
    Step,
    Withdraw,
    World,
    remembered,
    steps,
)
from assistant_operator.decisions.remote import Place
from assistant_operator.decisions.status import Fate
from assistant_operator.resources.assistant import Assistant, Copy
from assistant_operator.resources.meta import Condition
from assistant_operator.resources.reason import Reason
from assistant_operator.resources.server import SecretKeyRef
from worlds import NOW, READY, a_condition, a_status, an_assistant

PUBLISHED = a_condition("Published", "True", "Published", "bot-v3 is published to http://server")
HERE = Copy(server="http://server", assistant_id="id-of-bot")
THERE = Copy(server="http://former", assistant_id="id-of-bot")
ELSEWHERE = Copy(server="http://elsewhere", assistant_id="id-of-bot")
NEW_KEY = HERE.model_copy(update={"api_key_secret_ref": SecretKeyRef(name="key", key="new")})
PLACE = Place(HERE, "writer", is_default=False)
DONE = Outcome(3, HERE, holds=True, reason=Reason.PUBLISHED, message=PUBLISHED.message)
FAILED = Outcome(3, HERE, holds=False, reason=Reason.SERVER_UNREACHABLE, message="no answer", fate=Fate.WAIT)


def an_own(*copies: Copy, published: Condition | None = PUBLISHED, **different: Any) -> Assistant:
    """An Assistant whose third version is in force, with these copies."""
    stated = (*READY, published) if published else READY
    active = different.pop("active", 3)
    return an_assistant(status=a_status(conditions=stated, copies=copies, active_version=active), **different)


def published(**different: Any) -> World:
    """Where it belongs, held, and nothing to do."""
    return World(
        **{"assistant": an_own(HERE), "now": NOW, "place": PLACE, "is_held": True, "outcome": DONE, **different}
    )


def deleted(*copies: Copy, minutes: float = 1, annotations: dict[str, str] | None = None, **spec: Any) -> Assistant:
    meta = {"deletion_timestamp": NOW - timedelta(minutes=minutes), "annotations": annotations or {}}
    return an_own(*copies, meta=meta, **spec)


NEW = an_own(published=None)
PUBLISH = Publish(3, PLACE)
LOST = {"place": None, "is_place_known": False}
EDGE = PATIENCE.total_seconds() / 60


@pytest.mark.parametrize(
    ("world", "due"),
    [
        pytest.param(published(), [], id="settled"),
        pytest.param(World(NEW, NOW), [], id="no server, no copy, not held"),
        pytest.param(
            World(NEW, NOW, place=PLACE), [], id="a new copy is first written down in the status: nothing yet"
        ),
        pytest.param(
            published(is_held=False, outcome=None), [Hold(), PUBLISH], id="written down: held before it is published"
        ),
        pytest.param(published(outcome=None), [PUBLISH], id="nothing known of it: published"),
        pytest.param(published(outcome=FAILED), [PUBLISH], id="the last try failed: published"),
        pytest.param(
            published(outcome=replace(DONE, number=2)), [PUBLISH], id="another version is in force: published"
        ),
        pytest.param(published(is_held=False), [Hold()], id="somebody took the finalizer off: held again"),
        pytest.param(
            published(assistant=an_own(HERE, deletion_policy="Retain")), [PUBLISH], id="to be marked as one that stays"
        ),
        pytest.param(
            published(assistant=an_own(HERE, active=None), place=None, is_place_known=False),
            [],
            id="nothing in force: it stays",
        ),
        pytest.param(published(**LOST), [], id="its Graph is gone: it stays, and so does the finalizer"),
        pytest.param(
            published(assistant=an_own(THERE), outcome=replace(DONE, copy=THERE)),
            [],
            id="moved: nothing before the new place is written down",
        ),
        pytest.param(
            published(assistant=an_own(HERE, THERE), outcome=replace(DONE, copy=THERE)),
            [PUBLISH],
            id="moved: published here before it is withdrawn there",
        ),
        pytest.param(
            published(assistant=an_own(HERE, THERE), outcome=FAILED),
            [PUBLISH],
            id="moved to where it cannot be: it stays where it was",
        ),
        pytest.param(
            published(assistant=an_own(HERE, THERE)), [Withdraw(THERE)], id="moved and published: withdrawn there"
        ),
        pytest.param(
            published(assistant=an_own(HERE, THERE, ELSEWHERE)),
            [Withdraw(THERE), Withdraw(ELSEWHERE)],
            id="moved twice: withdrawn at both",
        ),
        pytest.param(
            published(assistant=an_own(HERE, THERE), withdrawn=frozenset({THERE})),
            [],
            id="withdrawn, though the status does not say so yet",
        ),
        pytest.param(
            published(assistant=an_own(NEW_KEY), place=Place(NEW_KEY, "writer", is_default=False)),
            [Publish(3, Place(NEW_KEY, "writer", is_default=False))],
            id="another key: tried, and nothing is withdrawn",
        ),
        pytest.param(
            published(assistant=an_own(NEW_KEY, HERE), place=Place(NEW_KEY, "writer", is_default=False)),
            [Publish(3, Place(NEW_KEY, "writer", is_default=False))],
            id="the same copy by another key is not a former one",
        ),
        pytest.param(
            published(place=None), [Withdraw(HERE)], id="the Graph has no server any more: withdrawn, still held"
        ),
        pytest.param(published(assistant=an_own(), place=None), [LetGo()], id="no copy anywhere any more: let go"),
        pytest.param(
            published(assistant=an_own(), **LOST), [], id="no copy, but nobody knows where it belongs: still held"
        ),
        pytest.param(
            published(assistant=an_own(HERE, THERE, suspend=True), is_held=False, outcome=None),
            [],
            id="suspended: nothing is published, held or withdrawn",
        ),
        pytest.param(published(assistant=deleted(HERE)), [Withdraw(HERE)], id="being deleted: withdrawn"),
        pytest.param(
            published(assistant=deleted(HERE, suspend=True)), [Withdraw(HERE)], id="being deleted while suspended"
        ),
        pytest.param(published(assistant=deleted(HERE), **LOST), [Withdraw(HERE)], id="being deleted after its Graph"),
        pytest.param(
            published(assistant=deleted(HERE, THERE)), [Withdraw(HERE), Withdraw(THERE)], id="being deleted, with two"
        ),
        pytest.param(
            published(assistant=deleted(HERE), withdrawn=frozenset({HERE})), [LetGo()], id="deleted and withdrawn"
        ),
        pytest.param(
            published(assistant=deleted(HERE, THERE), lost=frozenset({HERE})),
            [Withdraw(THERE)],
            id="deleted after the key of one went with the namespace: the other is withdrawn",
        ),
        pytest.param(
            published(assistant=deleted(HERE, THERE), lost=frozenset({HERE}), withdrawn=frozenset({THERE})),
            [LetGo(abandoned=(HERE,))],
            id="deleted after its key went with the namespace: nobody waits",
        ),
        pytest.param(published(lost=frozenset({HERE})), [], id="the key is gone, and nobody deletes it"),
        pytest.param(published(assistant=deleted()), [LetGo()], id="deleted, with no copy"),
        pytest.param(published(assistant=deleted(HERE), is_held=False), [], id="deleted, and let go already"),
        pytest.param(
            published(assistant=deleted(HERE, minutes=EDGE)), [Withdraw(HERE)], id="within its patience it waits"
        ),
        pytest.param(
            published(assistant=deleted(HERE, minutes=EDGE + 0.01)),
            [Withdraw(HERE), LetGo(abandoned=(HERE,))],
            id="after that it tries once more, then lets go",
        ),
        pytest.param(
            published(assistant=deleted(HERE, annotations={ABANDON: ""})),
            [LetGo(abandoned=(HERE,))],
            id="told to abandon: at once, whatever the annotation says",
        ),
        pytest.param(
            published(assistant=deleted(HERE, annotations={ABANDON: "true"}), withdrawn=frozenset({HERE})),
            [LetGo()],
            id="told to abandon what is gone: nothing is abandoned",
        ),
        pytest.param(
            published(assistant=an_own(HERE, meta={"annotations": {ABANDON: "true"}})),
            [],
            id="the annotation says nothing about one that is not being deleted",
        ),
    ],
)
def test_steps(world: World, due: list[Step]) -> None:
    assert list(steps(world)) == due


@pytest.mark.parametrize(
    ("assistant", "outcome"),
    [
        pytest.param(an_own(HERE), DONE, id="a success"),
        pytest.param(an_own(HERE, THERE), DONE, id="the first copy is the present one"),
        pytest.param(
            an_own(HERE, deletion_policy="Retain"), replace(DONE, policy="Retain"), id="marked as it should be"
        ),
        pytest.param(NEW, None, id="nothing said"),
        pytest.param(an_own(HERE, published=a_condition("Published", "False", "Publishing", "")), None, id="a failure"),
        pytest.param(an_own(HERE, published=a_condition("Published", "Unknown", "x", "")), None, id="who knows"),
        pytest.param(an_own(), None, id="no copy"),
        pytest.param(an_own(HERE, active=None), None, id="nothing in force"),
    ],
)
def test_after_a_restart_a_success_is_remembered(assistant: Assistant, outcome: Outcome | None) -> None:
    assert remembered(assistant) == outcome


def test_the_finalizer_is_this_for_ever() -> None:
    assert FINALIZER == "assistant-operator.dev/withdraw"
    assert ABANDON == "assistant-operator.dev/abandon-copies"
    assert timedelta(minutes=10) == PATIENCE
