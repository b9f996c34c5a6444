"""Each key once, when it is due, never two looks at one key at a time, and no news lost."""

import asyncio
import random
from collections.abc import Hashable

import pytest

from assistant_operator.runtime.workqueue import WorkQueue
from harness.support.timeless import timeless

INTERVAL = 0.5
Look = tuple[float, Hashable]


def clock() -> float:
    return round(asyncio.get_running_loop().time() - 1_000, 6)


async def looks(queue: WorkQueue, until: float) -> list[Look]:
    """What one worker looks at, and when, if a look takes no time."""
    seen: list[Look] = []

    async def work() -> None:
        while True:
            key = await queue.take()
            seen.append((clock(), key))
            queue.done(key)

    worker = asyncio.ensure_future(work())
    await asyncio.sleep(until)
    worker.cancel()
    return seen


@pytest.mark.parametrize(
    ("delays", "at"),
    [
        pytest.param([0], [0], id="at once"),
        pytest.param([3], [3], id="later"),
        pytest.param([0, 0, 0], [0], id="a burst before anybody looks is one look"),
        pytest.param([5, 2], [2], id="earlier wins"),
        pytest.param([2, 5], [2], id="later does not put it off"),
        pytest.param([0, 5], [0], id="a look that is due sees that news too"),
        pytest.param([5, 0], [0], id="at once wins"),
    ],
)
def test_a_key_is_looked_at_once_at_the_earliest_time_asked_for(delays: list[float], at: list[float]) -> None:
    async def scenario() -> list[Look]:
        queue = WorkQueue(interval=INTERVAL)
        for delay in delays:
            queue.add("a", delay)
        assert len(queue) == 1
        return await looks(queue, 20)

    assert timeless(scenario()) == [(when, "a") for when in at]


def test_keys_that_are_due_are_looked_at_in_the_order_they_came() -> None:
    async def scenario() -> list[Look]:
        queue = WorkQueue(interval=INTERVAL)
        for key in "bacab":
            queue.add(key)
        return await looks(queue, 5)

    assert timeless(scenario()) == [(0, "b"), (0, "a"), (0, "c")]


def test_of_the_keys_that_are_due_each_tenants_come_in_turn() -> None:
    async def scenario() -> list[Look]:
        queue = WorkQueue(interval=INTERVAL, tenant_of=lambda key: str(key)[0])
        for key in ("a1", "a2", "a3", "b1"):
            queue.add(key)
        return await looks(queue, 5)

    assert timeless(scenario()) == [(0, "a1"), (0, "b1"), (0, "a2"), (0, "a3")]


def test_two_looks_at_one_key_are_an_interval_apart() -> None:
    async def scenario() -> list[Look]:
        queue = WorkQueue(interval=INTERVAL)
        queue.add("a")
        looking = asyncio.ensure_future(looks(queue, 5))
        for _ in range(15):
            await asyncio.sleep(0.0625)
            queue.add("a")
        return await looking

    assert timeless(scenario()) == [(0, "a"), (0.5, "a"), (1.0, "a")]


def test_after_a_rest_some_looks_need_no_pause_and_a_rest_earns_them_again() -> None:
    async def scenario() -> list[Look]:
        queue = WorkQueue(interval=INTERVAL, at_first=3)
        looking = asyncio.ensure_future(looks(queue, 20))
        for _ in range(18):
            queue.add("a")
            await asyncio.sleep(0.125)
        await asyncio.sleep(1.75)
        for _ in range(3):
            queue.add("a")
            await asyncio.sleep(0.125)
        return await looking

    told = [when for when, _ in timeless(scenario())]
    assert told == [0, 0.125, 0.25, 0.5, 1.0, 1.5, 2.0, 2.5, 4.0, 4.125, 4.25]


def test_news_during_a_look_is_another_look_after_it() -> None:
    async def scenario() -> None:
        queue = WorkQueue(interval=INTERVAL)
        queue.add("a")
        assert await queue.take() == "a"
        queue.add("a")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(queue.take(), 10)
        queue.done("a")
        assert (await queue.take(), clock()) == ("a", 10)

    timeless(scenario())


def test_news_whose_timer_comes_a_nanosecond_early_is_not_lost() -> None:
    """The event loop rounds: a timer may run before its time, and a look may end right after it."""

    async def scenario() -> None:
        queue, loop = WorkQueue(interval=INTERVAL), asyncio.get_running_loop()
        queue.add("a")
        await queue.take()
        when = loop.time() + 5
        queue.add("a", 5)
        loop.call_at(when - 5e-10, lambda: None)
        loop.call_at(when + 3e-10, queue.done, "a")
        assert await asyncio.wait_for(queue.take(), 10) == "a"

    timeless(scenario())


def test_a_failed_look_comes_again_later_each_time_up_to_half_a_minute() -> None:
    async def scenario() -> list[float]:
        queue = WorkQueue(interval=0)
        queue.add("a")
        delays: list[float] = []
        for _ in range(12):
            started = clock()
            await queue.take()
            assert clock() == pytest.approx(started + (delays[-1] if delays else 0), abs=1e-3)
            delays.append(queue.failed("a"))
        await queue.take()
        queue.done("a")
        queue.add("a")
        await queue.take()
        return [*delays, queue.failed("a")]

    delays = timeless(scenario())
    wanted = [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30]
    assert all(0.8 * base <= delay <= 1.2 * base for base, delay in zip(wanted, delays, strict=False))
    assert 0.08 <= delays[-1] <= 0.12, "a look that went well is the end of it"
    assert len(delays) == 13


def test_one_failing_key_keeps_no_other_waiting() -> None:
    async def scenario() -> None:
        queue = WorkQueue(interval=INTERVAL)
        queue.add("bad")
        for _ in range(8):
            await queue.take()
            queue.failed("bad")
        queue.add("good")
        assert (await queue.take(), len(queue)) == ("good", 1)

    timeless(scenario())


@pytest.mark.parametrize("seed", range(20))
def test_with_many_workers_no_news_is_lost_and_no_key_is_looked_at_twice_at_once(seed: int) -> None:
    chance = random.Random(seed)
    looking: set[Hashable] = set()
    told: dict[Hashable, float] = {}
    started: dict[Hashable, float] = {}

    async def work(queue: WorkQueue) -> None:
        while True:
            key = await queue.take()
            assert key not in looking
            assert started.get(key, -INTERVAL) <= clock() - INTERVAL + 1e-6
            looking.add(key)
            started[key] = clock()
            await asyncio.sleep(chance.choice([0, 0.1, 2]))
            looking.discard(key)
            if chance.random() < 0.3:
                queue.failed(key)
            else:
                queue.done(key)

    async def scenario() -> None:
        queue = WorkQueue(interval=INTERVAL)
        workers = [asyncio.ensure_future(work(queue)) for _ in range(4)]
        for _ in range(200):
            key, delay = chance.choice("abcdef"), chance.choice([0, 0, 0.3, 3])
            queue.add(key, delay)
            told[key] = clock()
            await asyncio.sleep(chance.choice([0, 0, 0.05, 1]))
        await asyncio.sleep(600)
        assert all(not worker.done() for worker in workers)
        assert len(queue) == 0
        for worker in workers:
            worker.cancel()

    timeless(scenario())
    assert not looking
    assert all(started[key] >= at for key, at in told.items())
