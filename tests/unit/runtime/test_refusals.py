"""Steps that are refused wait longer each time, each by itself, and keep no other waiting."""

import asyncio
from collections.abc import Awaitable, Callable
from itertools import pairwise

import pytest

from assistant_operator.runtime.refusals import FIRST, LONGEST, Refusals, StepId
from support.timeless import timeless

V1, V2, V3, V4 = (("Prune", number) for number in (1, 2, 3, 4))
MARK: StepId = ("UpdateVersionStatus", 1)


def tries(steps: list[StepId], is_refused: Callable[[StepId, float], bool], within: float) -> list[tuple[int, StepId]]:
    """When which step is tried, in whole seconds, by a controller that waits as it is told."""

    async def scenario() -> list[tuple[int, StepId]]:
        loop, refusals, left = asyncio.get_running_loop(), Refusals(), list(steps)
        began, tried = loop.time(), []
        while loop.time() - began < within:
            step = refusals.pick(left, lambda each: each)
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


def test_one_refused_step_is_tried_again_after_pauses_that_double_up_to_minutes() -> None:
    times = [when for when, _ in tries([MARK], lambda step, now: True, within=3_000)]
    pauses = [later - earlier for earlier, later in pairwise(times)]
    for number, pause in enumerate(pauses):
        longest = min(FIRST * 2**number, LONGEST)
        assert 0.8 * longest - 1 <= pause <= longest + 1
    assert len(times) < 25


def test_of_many_refused_steps_of_a_kind_one_is_tried_at_a_time_and_each_has_its_turn() -> None:
    tried = tries([V1, V2, V3, V4], lambda step, now: True, within=30)
    assert [step for _, step in tried[:4]] == [V1, V2, V3, V4]
    assert len(tried) <= 8


def test_what_is_refused_of_some_keeps_no_other_of_its_kind_waiting_for_long() -> None:
    tried = tries([V1, V2, V3, V4], lambda step, now: step in (V1, V2), within=30)
    done = {step: when for when, step in tried if step in (V3, V4)}
    assert done.keys() == {V3, V4}
    assert max(done.values()) <= 2


def test_what_is_refused_keeps_steps_of_other_kinds_not_waiting() -> None:
    tried = tries([V1, V2, MARK], lambda step, now: step[0] == "Prune", within=0.5)
    assert tried == [(0, V1), (0, V2), (0, MARK)]


def test_when_they_are_allowed_again_all_follow_the_first_at_once() -> None:
    tried = tries([V1, V2, V3, V4], lambda step, now: now < 5, within=60)
    later = [when for when, _ in tried if when >= 5]
    assert len(later) == 4
    assert max(later) == min(later) <= 10


def in_a_loop(work: Callable[[Refusals], Awaitable[None]]) -> None:
    async def scenario() -> None:
        await work(Refusals())

    timeless(scenario())


def test_it_is_news_once_and_the_first_words_stay() -> None:
    async def work(refusals: Refusals) -> None:
        assert refusals.refused(V1, "first words")
        assert not refusals.refused(V1, "other words")
        assert not refusals.refused(V2, "words about another")
        assert refusals.messages() == {"Prune": "first words"}
        refusals.succeeded(V1)
        assert refusals.messages() == {"Prune": "words about another"}
        refusals.succeeded(V2)
        assert refusals.messages() == {}
        assert refusals.wait() is None
        assert refusals.refused(V1, "again")

    in_a_loop(work)


def test_what_is_no_longer_to_be_done_is_dropped() -> None:
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
        assert refusals.pick(due, lambda each: each) == (due[0] if due else None)

    in_a_loop(work)
