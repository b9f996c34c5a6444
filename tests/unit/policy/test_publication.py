"""What happens next to the copies of an Assistant on LangGraph Servers."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant, Copy
from assistant_operator.api.meta import Condition
from assistant_operator.api.reason import Reason
from assistant_operator.api.server import SecretKeyRef
from assistant_operator.policy.desired_copy import Target
from assistant_operator.policy.publication import (
    ABANDON,
    FINALIZER,
    PATIENCE,
    AddFinalizer,
    PublicationInput,
    Publish,
    PublishResult,
    RecordServerVersion,
    RemoveFinalizer,
    Step,
    Withdraw,
    remembered,
    same_words,
    steps,
)
from harness.worlds import NOW, READY, a_condition, a_status, an_assistant

PUBLISHED = a_condition("Published", "True", "Published", "bot-v3 is published to http://server")
HERE = Copy(server="http://server", assistant_id="id-of-bot")
THERE = Copy(server="http://former", assistant_id="id-of-bot")
ELSEWHERE = Copy(server="http://elsewhere", assistant_id="id-of-bot")
NEW_KEY = HERE.model_copy(update={"api_key_secret_ref": SecretKeyRef(name="key", key="new")})
PLACE = Target(HERE, "writer", is_default=False)
DONE = PublishResult(True, Reason.PUBLISHED, PUBLISHED.message, number=3, copy=HERE)
FAILED = PublishResult(False, Reason.SERVER_UNREACHABLE, "no answer", number=3, copy=HERE)


def an_own(*copies: Copy, published: Condition | None = PUBLISHED, **different: Any) -> Assistant:
    """An Assistant whose third version is in force, with these copies."""
    stated = (*READY, published) if published else READY
    active = different.pop("active", 3)
    return an_assistant(status=a_status(conditions=stated, copies=copies, active_version=active), **different)


def published(**different: Any) -> PublicationInput:
    """Where it belongs, held, and nothing to do."""
    told = {"published": an_own(HERE), "now": NOW, "target": PLACE, "is_held": True, "publish_result": DONE}
    return PublicationInput(**{**told, **different})


def deleted(*copies: Copy, minutes: float = 1, annotations: dict[str, str] | None = None, **spec: Any) -> Assistant:
    meta = {"deletion_timestamp": NOW - timedelta(minutes=minutes), "annotations": annotations or {}}
    return an_own(*copies, meta=meta, **spec)


NEW = an_own(published=None)
STAYS = replace(DONE, policy="Retain")
RETAINED = an_own(HERE, deletion_policy="Retain")
NOT_HELD = replace(DONE, holds=False, reason=Reason.FINALIZER_REFUSED, message="422")
RESPELLED = HERE.model_copy(update={"server": "HTTP://Server:80/"})
OURS_HERE = HERE.model_copy(update={"owner": "prod/team/bot"})
OURS_PLACE = Target(OURS_HERE, "writer", is_default=False)
RENAMED = HERE.model_copy(update={"owner": "default/team/bot"})
PUBLISH = Publish(3, PLACE)
MANY = tuple(THERE.model_copy(update={"server": f"http://{number}"}) for number in range(8))
LOST = {"target": None, "is_target_known": False}
EDGE = PATIENCE.total_seconds() / 60


@pytest.mark.parametrize(
    ("world", "due"),
    [
        pytest.param(published(), [], id="settled"),
        pytest.param(PublicationInput(NEW, NOW), [], id="no server, no copy, not held"),
        pytest.param(
            PublicationInput(NEW, NOW, target=PLACE),
            [],
            id="a new copy is first written down in the status: nothing yet",
        ),
        pytest.param(
            published(is_held=False, publish_result=None),
            [AddFinalizer()],
            id="written down: nothing is published before it is held",
        ),
        pytest.param(
            published(is_held=False, publish_result=None, withdrawn=frozenset({HERE})),
            [AddFinalizer()],
            id="it was withdrawn and belongs there again: held first",
        ),
        pytest.param(
            published(publish_result=None, withdrawn=frozenset({HERE})),
            [PUBLISH],
            id="it was withdrawn and belongs there again: published once it is held",
        ),
        pytest.param(
            published(is_held=False, **LOST), [AddFinalizer()], id="its Graph is gone: a copy is held all the same"
        ),
        pytest.param(
            published(is_held=False, target=None), [AddFinalizer(), Withdraw(HERE)], id="held or not, it is withdrawn"
        ),
        pytest.param(
            published(is_held=False, publish_result=NOT_HELD), [AddFinalizer()], id="a refused finalizer: tried again"
        ),
        pytest.param(published(publish_result=NOT_HELD), [PUBLISH], id="held at last: published"),
        pytest.param(
            published(publish_result=replace(DONE, server_version=7)),
            [RecordServerVersion(3, 7)],
            id="published: only the server's number is to be written down",
        ),
        pytest.param(
            published(published=an_own(*MANY), publish_result=None),
            [Withdraw(each) for each in reversed(MANY)],
            id="no room to record where it is to be: the oldest copy is withdrawn first",
        ),
        pytest.param(
            published(published=an_own(*MANY), publish_result=None, withdrawn=frozenset(MANY[7:])),
            [],
            id="room is made: nothing more is withdrawn before it is published",
        ),
        pytest.param(
            published(published=RETAINED, publish_result=STAYS, is_held=False), [], id="what stays is not held"
        ),
        pytest.param(
            published(published=RETAINED, is_held=False, publish_result=None),
            [PUBLISH],
            id="nor before it is published",
        ),
        pytest.param(
            published(published=RETAINED, publish_result=STAYS), [RemoveFinalizer()], id="it says that it stays: let go"
        ),
        pytest.param(published(published=RETAINED), [PUBLISH], id="it does not say so yet: held, and published"),
        pytest.param(
            published(published=an_own(HERE, THERE, deletion_policy="Retain"), publish_result=STAYS),
            [Withdraw(THERE)],
            id="nor does a former copy",
        ),
        pytest.param(
            published(is_held=False, publish_result=STAYS),
            [AddFinalizer()],
            id="it is to be deleted again: held before it says so",
        ),
        pytest.param(published(publish_result=STAYS), [PUBLISH], id="then published without the mark that kept it"),
        pytest.param(
            published(published=deleted(HERE, deletion_policy="Retain"), publish_result=STAYS),
            [RemoveFinalizer()],
            id="deleted, and it says that it stays: no server is asked",
        ),
        pytest.param(
            published(published=deleted(HERE, deletion_policy="Retain")),
            [Withdraw(HERE), RemoveFinalizer()],
            id="deleted before it says so: tried once, waited for by nobody",
        ),
        pytest.param(
            published(published=deleted(HERE, deletion_policy="Retain"), is_held=False, publish_result=None),
            [],
            id="deleted without a finalizer: nothing is to be done",
        ),
        pytest.param(
            published(published=an_own(RESPELLED)), [], id="the same address in other letters is no other place"
        ),
        pytest.param(
            published(
                published=an_own(OURS_HERE, HERE), target=OURS_PLACE, publish_result=replace(DONE, copy=OURS_HERE)
            ),
            [],
            id="a record without an identity is of the present one",
        ),
        pytest.param(
            published(published=an_own(HERE), target=OURS_PLACE), [], id="the identity is written down before all else"
        ),
        pytest.param(
            published(
                published=an_own(OURS_HERE, RENAMED), target=OURS_PLACE, publish_result=replace(DONE, copy=RENAMED)
            ),
            [Publish(3, OURS_PLACE)],
            id="renamed: published under the new name first",
        ),
        pytest.param(
            published(
                published=an_own(OURS_HERE, RENAMED), target=OURS_PLACE, publish_result=replace(DONE, copy=OURS_HERE)
            ),
            [Withdraw(RENAMED)],
            id="renamed and published: the old identity is done with",
        ),
        pytest.param(published(publish_result=None), [PUBLISH], id="nothing known of it: published"),
        pytest.param(published(publish_result=FAILED), [PUBLISH], id="the last try failed: published"),
        pytest.param(
            published(publish_result=replace(DONE, number=2)), [PUBLISH], id="another version is in force: published"
        ),
        pytest.param(published(is_held=False), [AddFinalizer()], id="somebody took the finalizer off: held again"),
        pytest.param(
            published(published=an_own(HERE, deletion_policy="Retain")), [PUBLISH], id="to be marked as one that stays"
        ),
        pytest.param(
            published(published=an_own(HERE, active=None), target=None, is_target_known=False),
            [],
            id="nothing in force: it stays",
        ),
        pytest.param(published(**LOST), [], id="its Graph is gone: it stays, and so does the finalizer"),
        pytest.param(
            published(published=an_own(THERE), publish_result=replace(DONE, copy=THERE)),
            [],
            id="moved: nothing before the new place is written down",
        ),
        pytest.param(
            published(published=an_own(HERE, THERE), publish_result=replace(DONE, copy=THERE)),
            [PUBLISH],
            id="moved: published here before it is withdrawn there",
        ),
        pytest.param(
            published(published=an_own(HERE, THERE), publish_result=FAILED),
            [PUBLISH],
            id="moved to where it cannot be: it stays where it was",
        ),
        pytest.param(
            published(published=an_own(HERE, THERE)), [Withdraw(THERE)], id="moved and published: withdrawn there"
        ),
        pytest.param(
            published(published=an_own(HERE, THERE, ELSEWHERE)),
            [Withdraw(THERE), Withdraw(ELSEWHERE)],
            id="moved twice: withdrawn at both",
        ),
        pytest.param(
            published(published=an_own(HERE, THERE), withdrawn=frozenset({THERE})),
            [],
            id="withdrawn, though the status does not say so yet",
        ),
        pytest.param(
            published(published=an_own(NEW_KEY), target=Target(NEW_KEY, "writer", is_default=False)),
            [Publish(3, Target(NEW_KEY, "writer", is_default=False))],
            id="another key: tried, and nothing is withdrawn",
        ),
        pytest.param(
            published(published=an_own(NEW_KEY, HERE), target=Target(NEW_KEY, "writer", is_default=False)),
            [Publish(3, Target(NEW_KEY, "writer", is_default=False))],
            id="the same copy by another key is not a former one",
        ),
        pytest.param(
            published(target=None), [Withdraw(HERE)], id="the Graph has no server any more: withdrawn, still held"
        ),
        pytest.param(
            published(published=an_own(), target=None), [RemoveFinalizer()], id="no copy anywhere any more: let go"
        ),
        pytest.param(
            published(published=an_own(), **LOST), [], id="no copy, but nobody knows where it belongs: still held"
        ),
        pytest.param(
            published(published=an_own(HERE, THERE, suspend=True), is_held=False, publish_result=None),
            [],
            id="suspended: nothing is published, held or withdrawn",
        ),
        pytest.param(published(published=deleted(HERE)), [Withdraw(HERE)], id="being deleted: withdrawn"),
        pytest.param(
            published(published=deleted(HERE, suspend=True)), [Withdraw(HERE)], id="being deleted while suspended"
        ),
        pytest.param(published(published=deleted(HERE), **LOST), [Withdraw(HERE)], id="being deleted after its Graph"),
        pytest.param(
            published(published=deleted(HERE, THERE)), [Withdraw(HERE), Withdraw(THERE)], id="being deleted, with two"
        ),
        pytest.param(
            published(published=deleted(HERE), withdrawn=frozenset({HERE})),
            [RemoveFinalizer()],
            id="deleted and withdrawn",
        ),
        pytest.param(
            published(published=deleted(HERE, THERE), lost=frozenset({HERE})),
            [Withdraw(THERE)],
            id="deleted after the key of one went with the namespace: the other is withdrawn",
        ),
        pytest.param(
            published(published=deleted(HERE, THERE), lost=frozenset({HERE}), withdrawn=frozenset({THERE})),
            [RemoveFinalizer(abandoned=(HERE,))],
            id="deleted after its key went with the namespace: nobody waits",
        ),
        pytest.param(published(lost=frozenset({HERE})), [], id="the key is gone, and nobody deletes it"),
        pytest.param(published(published=deleted()), [RemoveFinalizer()], id="deleted, with no copy"),
        pytest.param(published(published=deleted(HERE), is_held=False), [], id="deleted, and let go already"),
        pytest.param(
            published(published=deleted(HERE, minutes=EDGE)), [Withdraw(HERE)], id="within its patience it waits"
        ),
        pytest.param(
            published(published=deleted(HERE, minutes=EDGE + 0.01)),
            [Withdraw(HERE), RemoveFinalizer(abandoned=(HERE,))],
            id="after that it tries once more, then lets go",
        ),
        pytest.param(
            published(published=deleted(HERE, annotations={ABANDON: ""})),
            [RemoveFinalizer(abandoned=(HERE,))],
            id="told to abandon: at once, whatever the annotation says",
        ),
        pytest.param(
            published(published=deleted(HERE, annotations={ABANDON: "true"}), withdrawn=frozenset({HERE})),
            [RemoveFinalizer()],
            id="told to abandon what is gone: nothing is abandoned",
        ),
        pytest.param(
            published(published=an_own(HERE, meta={"annotations": {ABANDON: "true"}})),
            [],
            id="the annotation says nothing about one that is not being deleted",
        ),
    ],
)
def test_steps(world: PublicationInput, due: list[Step]) -> None:
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
        pytest.param(
            an_own(HERE, published=a_condition("Published", "True", "ServerVersionRefused", "")),
            None,
            id="a success of which something is still to be written down",
        ),
        pytest.param(an_own(), None, id="no copy"),
        pytest.param(an_own(HERE, active=None), None, id="nothing in force"),
    ],
)
def test_after_a_restart_a_success_is_remembered(assistant: Assistant, outcome: PublishResult | None) -> None:
    assert remembered(assistant) == outcome


def test_the_finalizer_is_this_for_ever() -> None:
    assert FINALIZER == "assistant-operator.dev/withdraw"
    assert ABANDON == "assistant-operator.dev/abandon-copies"
    assert timedelta(minutes=10) == PATIENCE


@pytest.mark.parametrize(
    ("before", "now", "told"),
    [
        pytest.param("denied: no", "denied: no", "denied: no", id="the same"),
        pytest.param("denied: no", "denied: never", "denied: never", id="another reason"),
        pytest.param("denied (request 17)", "denied (request 18)", "denied (request 17)", id="another number"),
        pytest.param(
            "denied 0a1b2c3d-0000-4000-8000-0000deadbeef: no",
            "denied 9f8e7d6c-0000-4000-8000-0000cafebabe: no",
            "denied 0a1b2c3d-0000-4000-8000-0000deadbeef: no",
            id="another id of a request",
        ),
        pytest.param("", "denied", "denied", id="the first"),
    ],
)
def test_the_same_refusal_is_told_in_the_same_words(before: str, now: str, told: str) -> None:
    assert same_words(before, now) == told
