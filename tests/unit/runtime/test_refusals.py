"""Backoff of refused steps: separately for each step, and for a kind of which several are refused."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from assistant_operator.runtime.refusals import FIRST, LONGEST, Refusals, StepId
from harness.support.timeless import timeless

V1, V2, V3, V4 = (("Prune", number) for number in (1, 2, 3, 4))
MARK: StepId = ("UpdateVersionStatus", 1)


def tries(steps: list[StepId], is_refused: Callable[[StepId, float], bool], within: float) -> list[tuple[int, StepId]]:
    """Return when each step is tried, in whole seconds, by a controller that sleeps for `Refusals.wait`."""

    async def scenario() -> list[tuple[int, StepId]]:
        loop, refusals, left = asyncio.get_running_loop(), Refusals(), list(steps)
        began, tried = loop.time(), []
        while loop.time() - began < within:
            step = refusals.pick(left, lambda step: step)
            if step is None:
                await asyncio.sleep(refusals.wait() or within)
                continue
            tried.append((round(loop.time() - began), step))
            if is_refused(step, loop.time() - began):
                refusals.refused(step, f"{step} is refused")
            else:
                refusals.succeeded(step)
                left.remove(step)
        return tried

    return timeless(scenario())


def test_the_pauses_of_a_refused_step_double_up_to_the_longest() -> None:
    times = [when for when, _ in tries([MARK], lambda step, now: True, within=3_000)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    for number, pause in enumerate(pauses):
        longest = min(FIRST * 2**number, LONGEST)
        assert 0.8 * longest - 1 <= pause <= longest + 1
    assert len(times) < 25


def test_of_many_refused_steps_of_a_kind_one_is_tried_at_a_time_in_turn() -> None:
    tried = tries([V1, V2, V3, V4], lambda step, now: True, within=30)
    assert [step for _, step in tried[:4]] == [V1, V2, V3, V4]
    assert len(tried) <= 8


def test_refused_steps_delay_other_steps_of_their_kind_for_two_seconds_at_most() -> None:
    tried = tries([V1, V2, V3, V4], lambda step, now: step in (V1, V2), within=30)
    done = {step: when for when, step in tried if step in (V3, V4)}
    assert done.keys() == {V3, V4}
    assert max(done.values()) <= 2


def test_refused_steps_do_not_delay_steps_of_other_kinds() -> None:
    tried = tries([V1, V2, MARK], lambda step, now: step[0] == "Prune", within=0.5)
    assert tried == [(0, V1), (0, V2), (0, MARK)]


def test_after_the_first_success_all_steps_of_the_kind_follow_at_once() -> None:
    tried = tries([V1, V2, V3, V4], lambda step, now: now < 5, within=60)
    later = [when for when, _ in tried if when >= 5]
    assert len(later) == 4
    assert max(later) == min(later) <= 10


def in_a_loop(work: Callable[[Refusals], Awaitable[None]]) -> None:
    async def scenario() -> None:
        await work(Refusals())

    timeless(scenario())


def test_the_first_refusal_of_a_kind_is_reported_and_its_message_is_kept() -> None:
    async def work(refusals: Refusals) -> None:
        assert refusals.refused(V1, "first message")
        assert not refusals.refused(V1, "other message")
        assert not refusals.refused(V2, "message about another")
        assert refusals.messages() == {"Prune": "first message"}
        refusals.succeeded(V1)
        assert refusals.messages() == {"Prune": "message about another"}
        refusals.succeeded(V2)
        assert refusals.messages() == {}
        assert refusals.wait() is None
        assert refusals.refused(V1, "again")

    in_a_loop(work)


def test_steps_that_are_not_kept_are_released() -> None:
    async def work(refusals: Refusals) -> None:
        for step in (V1, V2, MARK):
            refusals.refused(step, "no")
        assert not refusals.keep({V1, V2, MARK})
        assert refusals.keep({V2})
        assert refusals.messages() == {"Prune": "no"}
        assert refusals.is_due(V1)
        assert not refusals.is_due(V2)

    in_a_loop(work)


@pytest.mark.parametrize("due", [[], [V1]])
def test_without_refusals_the_first_step_is_taken(due: list[StepId]) -> None:
    async def work(refusals: Refusals) -> None:
        assert refusals.pick(due, lambda step: step) == (due[0] if due else None)

    in_a_loop(work)
