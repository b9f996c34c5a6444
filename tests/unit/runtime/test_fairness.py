"""Whoever asks for much waits behind himself: queues and turns between tenants."""

import asyncio

import pytest

from assistant_operator.runtime.fairness import FairQueue, FairSemaphore, RoundRobin
from support.timeless import timeless


@pytest.mark.parametrize(
    ("put", "taken"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("a1 a2 a3", "a1 a2 a3", id="one tenant's in the order they came"),
        pytest.param("a1 a2 a3 b1", "a1 b1 a2 a3", id="another's first comes before the second of one"),
        pytest.param("a1 a2 b1 b2 c1", "a1 b1 c1 a2 b2", id="all in turn"),
    ],
)
def test_tenants_come_in_turn(put: str, taken: str) -> None:
    queue: RoundRobin[str] = RoundRobin()
    for each in put.split():
        queue.put(each[0], each)
    assert (len(queue), queue.of("a")) == (len(put.split()), put.count("a"))
    assert [queue.take() for _ in put.split()] == taken.split()
    with pytest.raises(KeyError):
        queue.take()


def test_a_tenant_that_comes_back_stands_at_the_end() -> None:
    queue: RoundRobin[str] = RoundRobin()
    for each in ("a1", "b1", "c1"):
        queue.put(each[0], each)
    assert queue.take() == "a1"
    queue.put("a", "a2")
    assert [queue.take() for _ in range(3)] == ["b1", "c1", "a2"]


async def have_turns(turns: FairSemaphore, who: list[str], seconds: float = 1.0) -> list[tuple[float, str]]:
    """When each began who asked in that order: `a1*3` weighs three."""
    begun: list[tuple[float, str]] = []
    loop = asyncio.get_running_loop()
    first = loop.time()

    async def have(name: str) -> None:
        async with turns.turn(name[0], int(name.partition("*")[2] or 1)):
            begun.append((round(loop.time() - first, 3), name))
            await asyncio.sleep(seconds)

    await asyncio.gather(*(have(name) for name in who))
    return begun


@pytest.mark.parametrize(
    ("capacity", "who", "begun"),
    [
        pytest.param(3, "a1 a2 a3", "0 a1, 0 a2, 0 a3", id="as many as there are turns"),
        pytest.param(2, "a1 a2 a3", "0 a1, 0 a2, 1 a3", id="the others wait"),
        pytest.param(1, "a1 a2 a3 b1", "0 a1, 1 a2, 2 b1, 3 a3", id="behind one tenant's flood another waits for one"),
        pytest.param(2, "a1 a2 a3 a4 a5 b1", "0 a1, 0 a2, 1 a3, 1 b1, 2 a4, 2 a5", id="and gets the next"),
        pytest.param(3, "a1*2 a2 b1", "0 a1*2, 0 a2, 1 b1", id="some weigh more"),
        pytest.param(3, "a1 a2*3 a3", "0 a1, 1 a2*3, 2 a3", id="nobody overtakes what is too heavy now"),
        pytest.param(3, "a1*9 b1", "0 a1*9, 1 b1", id="what is too heavy for ever is had alone"),
    ],
)
def test_turns_are_given_in_turn(capacity: int, who: str, begun: str) -> None:
    told = timeless(have_turns(FairSemaphore(capacity), who.split()))
    assert ", ".join(f"{when:g} {name}" for when, name in told) == begun


def test_who_leaves_while_he_waits_keeps_nobody() -> None:
    async def scenario() -> list[tuple[float, str]]:
        turns = FairSemaphore(1)
        first = asyncio.ensure_future(have_turns(turns, ["a1"]))
        await asyncio.sleep(0)
        leaving = asyncio.ensure_future(have_turns(turns, ["b1"]))
        last = asyncio.ensure_future(have_turns(turns, ["c1"]))
        await asyncio.sleep(0.5)
        leaving.cancel()
        return await first + await last

    assert timeless(scenario()) == [(0, "a1"), (1, "c1")]


def test_who_leaves_in_the_moment_his_turn_comes_passes_it_on() -> None:
    async def scenario() -> list[tuple[float, str]]:
        turns = FairSemaphore(1)
        leaving: list[asyncio.Task[list[tuple[float, str]]]] = []

        async def first() -> None:
            async with turns.turn("a"):
                await asyncio.sleep(1)
            leaving[0].cancel()

        running = asyncio.ensure_future(first())
        await asyncio.sleep(0)
        leaving.append(asyncio.ensure_future(have_turns(turns, ["b1"])))
        last = asyncio.ensure_future(have_turns(turns, ["c1"]))
        await running
        return await asyncio.wait_for(last, 10)

    assert [name for _, name in timeless(scenario())] == ["c1"]


def test_a_failure_gives_the_turn_back() -> None:
    async def scenario() -> list[tuple[float, str]]:
        turns = FairSemaphore(1)
        with pytest.raises(ValueError, match="no"):
            async with turns.turn("a"):
                raise ValueError("no")
        return await have_turns(turns, ["a1", "a2"])

    assert timeless(scenario()) == [(0, "a1"), (1, "a2")]


def test_an_item_is_for_whoever_has_leave_to_take_one() -> None:
    async def scenario() -> list[str]:
        queue, never, later, always = FairQueue[str](), asyncio.Event(), asyncio.Event(), asyncio.Event()
        always.set()
        taken: list[str] = []

        async def take(who: str, leave: asyncio.Event | None) -> None:
            taken.append(f"{who}: {await queue.take(leave)}")

        waiting = [asyncio.ensure_future(take("none", never)) for _ in range(3)]
        waiting += [asyncio.ensure_future(take(who, leave)) for who, leave in (("later", later), ("one", always))]
        for number in (1, 2, 3):
            queue.put("a", f"a{number}")
        await asyncio.sleep(1)
        later.set()
        await asyncio.sleep(1)
        waiting.append(asyncio.ensure_future(take("any", None)))
        await asyncio.sleep(1)
        for each in waiting:
            each.cancel()
        return taken

    assert timeless(scenario()) == ["one: a1", "later: a2", "any: a3"]
