"""Queues and a semaphore that serve tenants round-robin."""

import asyncio

import pytest

from assistant_operator.runtime.fairness import FairQueue, PrioritySemaphore, RoundRobin
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


def a_semaphore(capacity: int) -> PrioritySemaphore:
    return PrioritySemaphore(capacity, (1, 1), lull=0, patience=2.5)


async def holders(semaphore: PrioritySemaphore, names: list[str], seconds: float = 1.0) -> list[tuple[float, str]]:
    """Return when each request was granted, if made in that order: `a1*3/2` is of tenant a, weight 3 and priority 2."""
    granted: list[tuple[float, str]] = []
    loop = asyncio.get_running_loop()
    first = loop.time()

    async def hold(name: str) -> None:
        request, _, priority = name.partition("/")
        async with semaphore.turn(int(priority or 0), name[0], int(request.partition("*")[2] or 1)):
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
    granted = timeless(holders(a_semaphore(capacity), names.split()))
    assert ", ".join(f"{when:g} {name}" for when, name in granted) == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        pytest.param("a1/1 a2/1 a3/1 a4/1", "0 a1/1, 0 a2/1, 0 a3/1, 0 a4/1", id="nothing of a higher priority"),
        pytest.param("a1 a2/1", "0 a1, 0 a2/1", id="a little of a higher priority"),
        pytest.param("a1 a2 a3/1", "0 a1, 0 a2, 1 a3/1", id="a burst of a higher priority"),
        pytest.param("a1 a2 a3/1 a4", "0 a1, 0 a2, 0 a4, 1 a3/1", id="the higher priority first"),
        pytest.param("a1 a2 a3/1 b1/1 a4/2", "0 a1, 0 a2, 1 a3/1, 1 b1/1, 2 a4/2", id="one priority after another"),
        pytest.param("a1*3 a2*2 a3/1", "0 a1*3, 1 a2*2, 2 a3/1", id="no lower one overtakes one that does not fit"),
        pytest.param("a1*9/1", "0 a1*9/1", id="never more than fits"),
    ],
)
def test_requests_are_granted_by_priority(names: str, expected: str) -> None:
    granted = timeless(holders(a_semaphore(3), names.split()))
    assert ", ".join(f"{when:g} {name}" for when, name in granted) == expected


def test_a_burst_is_over_after_a_lull() -> None:
    async def scenario() -> list[tuple[float, str]]:
        semaphore = PrioritySemaphore(3, (1, 1), lull=0.5, patience=9)
        burst = asyncio.ensure_future(holders(semaphore, ["a1", "a2"]))
        await asyncio.sleep(1.2)
        again = asyncio.ensure_future(holders(semaphore, ["a3", "a4"]))
        await asyncio.sleep(0)
        after = await holders(semaphore, ["a5/1"])
        await asyncio.gather(burst, again)
        return after + await holders(semaphore, ["a6", "a7/1"])

    assert timeless(scenario()) == [(1.5, "a5/1"), (0, "a6"), (0, "a7/1")]


def test_no_request_waits_for_long_and_few_of_those_are_served_at_a_time() -> None:
    burst = [f"a{number}" for number in range(30)]
    others = [f"b{number}/{1 + number % 2}" for number in range(6)]
    granted = timeless(holders(a_semaphore(3), [*burst, *others]))
    assert [when for when, name in granted if name in others] == [2.5, 2.5, 3.5, 3.5, 4.5, 4.5]


def test_a_cancelled_request_does_not_block_the_next() -> None:
    async def scenario() -> list[tuple[float, str]]:
        semaphore = a_semaphore(1)
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
        semaphore = a_semaphore(1)
        cancelled: list[asyncio.Task[list[tuple[float, str]]]] = []

        async def first() -> None:
            async with semaphore.turn(0, "a"):
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
        semaphore = a_semaphore(1)
        with pytest.raises(ValueError, match="no"):
            async with semaphore.turn(0, "a"):
                raise ValueError("no")
        return await holders(semaphore, ["a1", "a2"])

    assert timeless(scenario()) == [(0, "a1"), (1, "a2")]


def test_an_item_is_taken_by_those_who_wait_in_order() -> None:
    async def scenario() -> list[str]:
        queue = FairQueue[str]()
        taken: list[str] = []

        async def take(name: str) -> None:
            taken.append(f"{name}: {await queue.take()}")

        waiting = [asyncio.ensure_future(take(name)) for name in ("one", "two", "three")]
        for number in (1, 2):
            queue.put("a", f"a{number}")
        await asyncio.sleep(1)
        for task in waiting:
            task.cancel()
        return taken

    assert timeless(scenario()) == ["one: a1", "two: a2"]
