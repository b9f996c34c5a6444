"""What is known of the copies of an Assistant: pauses between tries, and what the status reports."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from assistant_operator.api.assistant import Copy
from assistant_operator.api.reason import Reason
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.policy.publication import PublishResult
from assistant_operator.store.publication_state import PublicationState
from harness.worlds import NOW, a_status, an_assistant

HERE, FORMER, OLDEST = (Copy(server=f"http://{name}", assistant_id="id") for name in ("here", "former", "oldest"))
DONE = PublishResult(True, Reason.PUBLISHED, "published", number=3, copy=HERE)
REFUSED = WithdrawalFailure(Reason.SERVER_UNAUTHORIZED, "403 no", FORMER.server)
STAYS = WithdrawalFailure(Reason.FINALIZER_REFUSED, "422 no")


class Clock(asyncio.SelectorEventLoop):
    """A loop whose time is set by hand."""

    now = 1000.0

    def time(self) -> float:
        return self.now


def test_pauses_grow_and_a_try_before_its_time_makes_them_no_longer() -> None:
    loop, state = Clock(), PublicationState()

    async def walk() -> list[float]:
        pauses = []
        for _ in range(11):
            pauses.append(state.pause("step", 300.0))
            loop.now += 0.25
            assert state.pause("step", 300.0) == pauses[-1] - 0.25, "too early: the rest of the pause"
            loop.now += pauses[-1]
        assert state.pause("another", 300.0) == 1.0
        state.succeeded("step")
        return [*pauses, state.pause("step", 300.0), state.pause("step", 300.0, retry_after=400.0)]

    try:
        found = loop.run_until_complete(walk())
    finally:
        loop.close()
    assert found == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 1, 400]


def test_a_hindrance_is_news_once_and_keeps_its_words() -> None:
    state = PublicationState()
    assert state.hinder(FORMER, replace(REFUSED, words="denied (request 1)"))
    assert not state.hinder(FORMER, replace(REFUSED, words="denied (request 2)"))
    assert state.hindrances[FORMER].words == "denied (request 1)"
    assert state.hinder(FORMER, replace(REFUSED, words="denied for ever"))
    assert state.hinder(FORMER, replace(REFUSED, reason=Reason.SERVER_UNREACHABLE, words="denied for ever"))


def gone(**different: Any) -> PublishResult:
    return PublishResult(holds=False, number=3, copy=HERE, **different)


@pytest.mark.parametrize(
    ("is_deleted", "outcome", "hindrances", "told"),
    [
        pytest.param(False, None, {}, None, id="nothing is known"),
        pytest.param(False, DONE, {}, DONE, id="published"),
        pytest.param(False, None, {FORMER: REFUSED}, None, id="what the status says stays"),
        pytest.param(
            False,
            DONE,
            {FORMER: REFUSED},
            replace(DONE, trouble="the former copy on http://former is not withdrawn yet: 403 no"),
            id="published, and a former copy stays",
        ),
        pytest.param(
            False,
            DONE,
            {None: STAYS, OLDEST: replace(REFUSED, server=OLDEST.server), FORMER: REFUSED},
            replace(DONE, trouble="the former copy on http://former is not withdrawn yet: 403 no"),
            id="of several the first in the status",
        ),
        pytest.param(
            False,
            replace(DONE, trouble="first"),
            {FORMER: REFUSED},
            replace(DONE, trouble="first"),
            id="one trouble at a time",
        ),
        pytest.param(True, DONE, {}, None, id="deleted, and nothing in the way"),
        pytest.param(
            True,
            DONE,
            {FORMER: REFUSED},
            gone(reason=REFUSED.reason, message=REFUSED.of_deletion()),
            id="deleted: why that waits",
        ),
        pytest.param(
            True,
            None,
            {None: STAYS},
            gone(reason=STAYS.reason, message=STAYS.of_deletion()),
            id="deleted: the finalizer stays",
        ),
    ],
)
def test_what_the_status_is_to_say(
    outcome: PublishResult | None,
    hindrances: dict[Copy | None, WithdrawalFailure],
    told: PublishResult | None,
    *,
    is_deleted: bool,
) -> None:
    state = PublicationState(outcome=outcome, hindrances=hindrances)
    meta = {"deletion_timestamp": NOW} if is_deleted else {}
    assistant = an_assistant(status=a_status(copies=(HERE, FORMER, OLDEST)), meta=meta)
    assert state.reported(assistant) == told
