"""Queues and a semaphore that serve tenants round-robin."""

import asyncio

import pytest

from assistant_operator.runtime.fairness import FairQueue, FairSemaphore, RoundRobin
from harness.support.timeless import timeless


@pytest.mark.parametrize(
    ("put", "taken"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("a1 a2 a3", "a1 a2 a3", id="items of one tenant in order"),
        pytest.param("a1 a2 a3 b1", "a1 b1 a2 a3", id="the first of another tenant before the second of one"),
        pytest.param("a1 a2 b1 b2 c1", "a1 b1 c1 a2 b2", id="all in turn"),
    ],
)
def test_tenants_come_in_turn(put: str, taken: str) -> None:
    queue: RoundRobin[str] = RoundRobin()
    for item in put.split():
        queue.put(item[0], item)
    assert (len(queue), queue.of("a")) == (len(put.split()), put.count("a"))
    assert [queue.take() for _ in put.split()] == taken.split()
    with pytest.raises(KeyError):
        queue.take()


def test_a_tenant_that_is_added_again_is_last() -> None:
    queue: RoundRobin[str] = RoundRobin()
    for item in ("a1", "b1", "c1"):
        queue.put(item[0], item)
    assert queue.take() == "a1"
    queue.put("a", "a2")
    assert [queue.take() for _ in range(3)] == ["b1", "c1", "a2"]


async def holders(semaphore: FairSemaphore, names: list[str], seconds: float = 1.0) -> list[tuple[float, str]]:
    """Return when each request was granted, if made in that order: `a1*3` has the weight 3 and the tenant a."""
    granted: list[tuple[float, str]] = []
    loop = asyncio.get_running_loop()
    first = loop.time()

    async def hold(name: str) -> None:
        async with semaphore.turn(name[0], int(name.partition("*")[2] or 1)):
            granted.append((round(loop.time() - first, 3), name))
            await asyncio.sleep(seconds)

    await asyncio.gather(*(hold(name) for name in names))
    return granted


@pytest.mark.parametrize(
    ("capacity", "names", "expected"),
    [
        pytest.param(3, "a1 a2 a3", "0 a1, 0 a2, 0 a3", id="as many as fit"),
        pytest.param(2, "a1 a2 a3", "0 a1, 0 a2, 1 a3", id="the others wait"),
        pytest.param(1, "a1 a2 a3 b1", "0 a1, 1 a2, 2 b1, 3 a3", id="another tenant waits for one request of a burst"),
        pytest.param(2, "a1 a2 a3 a4 a5 b1", "0 a1, 0 a2, 1 a3, 1 b1, 2 a4, 2 a5", id="and gets the next"),
        pytest.param(3, "a1*2 a2 b1", "0 a1*2, 0 a2, 1 b1", id="some weigh more"),
        pytest.param(3, "a1 a2*3 a3", "0 a1, 1 a2*3, 2 a3", id="no request overtakes one that does not fit now"),
        pytest.param(3, "a1*9 b1", "0 a1*9, 1 b1", id="a weight above the capacity holds all units"),
    ],
)
def test_requests_are_granted_round_robin(capacity: int, names: str, expected: str) -> None:
    granted = timeless(holders(FairSemaphore(capacity), names.split()))
    assert ", ".join(f"{when:g} {name}" for when, name in granted) == expected


def test_a_cancelled_request_does_not_block_the_next() -> None:
    async def scenario() -> list[tuple[float, str]]:
        semaphore = FairSemaphore(1)
        first = asyncio.ensure_future(holders(semaphore, ["a1"]))
        await asyncio.sleep(0)
        cancelled = asyncio.ensure_future(holders(semaphore, ["b1"]))
        last = asyncio.ensure_future(holders(semaphore, ["c1"]))
        await asyncio.sleep(0.5)
        cancelled.cancel()
        return await first + await last

    assert timeless(scenario()) == [(0, "a1"), (1, "c1")]


def test_a_request_that_is_cancelled_when_it_is_granted_releases_its_units() -> None:
    async def scenario() -> list[tuple[float, str]]:
        semaphore = FairSemaphore(1)
        cancelled: list[asyncio.Task[list[tuple[float, str]]]] = []

        async def first() -> None:
            async with semaphore.turn("a"):
                await asyncio.sleep(1)
            cancelled[0].cancel()

        running = asyncio.ensure_future(first())
        await asyncio.sleep(0)
        cancelled.append(asyncio.ensure_future(holders(semaphore, ["b1"])))
        last = asyncio.ensure_future(holders(semaphore, ["c1"]))
        await running
        return await asyncio.wait_for(last, 10)

    assert [name for _, name in timeless(scenario())] == ["c1"]


def test_an_exception_releases_the_units() -> None:
    async def scenario() -> list[tuple[float, str]]:
        semaphore = FairSemaphore(1)
        with pytest.raises(ValueError, match="no"):
            async with semaphore.turn("a"):
                raise ValueError("no")
        return await holders(semaphore, ["a1", "a2"])

    assert timeless(scenario()) == [(0, "a1"), (1, "a2")]


def test_an_item_is_taken_by_a_caller_whose_event_is_set() -> None:
    async def scenario() -> list[str]:
        queue, never, later, always = FairQueue[str](), asyncio.Event(), asyncio.Event(), asyncio.Event()
        always.set()
        taken: list[str] = []

        async def take(name: str, leave: asyncio.Event | None) -> None:
            taken.append(f"{name}: {await queue.take(leave)}")

        waiting = [asyncio.ensure_future(take("none", never)) for _ in range(3)]
        waiting += [asyncio.ensure_future(take(name, leave)) for name, leave in (("later", later), ("one", always))]
        for number in (1, 2, 3):
            queue.put("a", f"a{number}")
        await asyncio.sleep(1)
        later.set()
        await asyncio.sleep(1)
        waiting.append(asyncio.ensure_future(take("any", None)))
        await asyncio.sleep(1)
        for task in waiting:
            task.cancel()
        return taken

    assert timeless(scenario()) == ["one: a1", "later: a2", "any: a3"]
