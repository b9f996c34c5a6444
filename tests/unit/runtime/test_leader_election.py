"""Leadership: gained, kept, lost, taken over, released; and never two at once. Hours pass in no time."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from assistant_operator.clients.kubernetes.leases import Lease, Leases
from assistant_operator.clients.kubernetes.transport import ClusterUnavailable
from assistant_operator.runtime.leader_election import DURATION, RENEW_DEADLINE, RETRY, LeaderElector
from support.timeless import TimelessLoop, timeless


async def at_once() -> None:
    """Nothing happens on the way."""


class Shelf:
    """Where the one Lease lies."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.versions = itertools.count(1)


class ShelfLeases(Leases):
    """A door to it: compare-and-swap, as the API server does it; what happens on the way is the test's choice."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf
        self.on_the_way: Callable[[], Awaitable[None]] = at_once

    async def read(self) -> Lease | None:
        await self.on_the_way()
        found = self._shelf.lease
        await self.on_the_way()
        return found

    async def write(self, lease: Lease, *, timeout: float = 5.0) -> Lease | None:
        try:
            async with asyncio.timeout(timeout):
                return await self._write(lease)
        except TimeoutError as late:
            raise ClusterUnavailable("no answer") from late

    async def _write(self, lease: Lease) -> Lease | None:
        await self.on_the_way()
        stands = self._shelf.lease.resource_version if self._shelf.lease else ""
        written = None
        if lease.resource_version == stands:
            written = self._shelf.lease = replace(lease, resource_version=str(next(self._shelf.versions)))
        await self.on_the_way()
        return written


class Replica:
    """One of those that would lead."""

    def __init__(self, shelf: Shelf, name: str) -> None:
        self.name = name
        self.door = ShelfLeases(shelf)
        self.elector = LeaderElector(self.door, identity=name, clock=clock)
        self.running = asyncio.ensure_future(self.elector.run())

    @property
    def leads(self) -> bool:
        return self.elector.is_held()

    def cut_off(self) -> None:
        async def no_answer() -> None:
            raise ClusterUnavailable("no answer")

        self.door.on_the_way = no_answer

    def freeze(self, seconds: float, *, after: int = 0) -> None:
        """As if the process were stopped on the way of a request, `after` so many: the clock goes on."""
        stops = iter([*[0.0] * after, seconds])

        async def stopped() -> None:
            await asyncio.sleep(next(stops, 0.0))

        self.door.on_the_way = stopped

    def slow_down(self) -> None:
        async def slowly() -> None:
            await asyncio.sleep(0.1)

        self.door.on_the_way = slowly

    def mend(self) -> None:
        self.door.on_the_way = at_once


def clock() -> float:
    return asyncio.get_running_loop().time()


async def until(fact: Callable[[], bool], within: float) -> float:
    """The seconds until it was so."""
    started = clock()
    while not fact():
        assert clock() - started <= within, "not within that time"
        await asyncio.sleep(0.01)
    return clock() - started


async def leader(shelf: Shelf) -> Replica:
    replica = Replica(shelf, "a")
    await asyncio.wait_for(replica.elector.acquired.wait(), 1)
    return replica


def test_a_lease_that_nobody_has_is_gained_at_once_and_kept() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        replica = await leader(shelf)
        for _ in range(1_000):
            await asyncio.sleep(1)
            assert replica.leads
        assert shelf.lease
        assert (shelf.lease.holder, shelf.lease.transitions, shelf.lease.duration) == ("a", 0, DURATION)
        assert not replica.running.done()
        replica.running.cancel()

    timeless(scenario())


def test_of_two_that_reach_for_a_free_lease_at_the_same_moment_one_has_it() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        replicas = [Replica(shelf, "a"), Replica(shelf, "b")]
        for each in replicas:
            each.slow_down()
        await asyncio.sleep(60)
        assert [each.leads for each in replicas] == [True, False]
        assert [each.elector.acquired.is_set() for each in replicas] == [True, False]

    timeless(scenario())


def test_a_standby_waits_for_as_long_as_the_leader_renews() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        first, second = await leader(shelf), Replica(shelf, "b")
        await asyncio.sleep(1_000)
        assert first.leads
        assert not second.leads
        assert not second.elector.acquired.is_set()

    timeless(scenario())


def test_an_outage_shorter_than_the_deadline_is_sat_out() -> None:
    async def scenario() -> None:
        replica = await leader(Shelf())
        replica.cut_off()
        await asyncio.sleep(RENEW_DEADLINE - 2 * RETRY)
        assert replica.leads
        replica.mend()
        await asyncio.sleep(100)
        assert replica.leads

    timeless(scenario())


def test_who_cannot_renew_gives_up_before_anybody_may_take_over() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        first, second = await leader(shelf), Replica(shelf, "b")
        await asyncio.sleep(60)
        first.cut_off()
        lost = await until(lambda: not first.leads, RENEW_DEADLINE)
        await asyncio.wait_for(first.running, 2 * RETRY)
        taken = lost + await until(lambda: second.leads, 2 * DURATION)
        assert DURATION - 2 * RETRY < taken < DURATION + 4 * RETRY
        assert shelf.lease
        assert (shelf.lease.holder, shelf.lease.transitions) == ("b", 1)

    timeless(scenario())


def test_a_leader_that_was_frozen_past_its_deadline_knows_before_its_first_write() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        first, second = await leader(shelf), Replica(shelf, "b")
        first.freeze(60)
        await until(lambda: second.leads, 2 * DURATION)
        assert not first.leads
        await asyncio.wait_for(first.running, 60)
        assert not first.leads
        assert second.leads
        assert shelf.lease
        assert shelf.lease.holder == "b"

    timeless(scenario())


def test_a_released_lease_is_taken_at_the_next_try() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        first, second = await leader(shelf), Replica(shelf, "b")
        await asyncio.sleep(60)
        first.running.cancel()
        await first.elector.release()
        assert not first.leads
        assert await until(lambda: second.leads, DURATION) < 2 * RETRY

    timeless(scenario())


def test_who_never_led_releases_nothing() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        first, second = await leader(shelf), Replica(shelf, "b")
        await asyncio.sleep(10)
        before = shelf.lease
        await second.elector.release()
        assert shelf.lease == before
        assert first.leads

    timeless(scenario())


def test_a_lease_that_somebody_else_holds_now_is_not_released() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        first = await leader(shelf)
        first.running.cancel()
        assert shelf.lease
        shelf.lease = replace(shelf.lease, holder="b", resource_version="later")
        await first.elector.release()
        assert shelf.lease.holder == "b"

    timeless(scenario())


def slowed(replica: Replica, seconds: float) -> None:
    """Each call takes so long."""

    async def slowly() -> None:
        await asyncio.sleep(seconds / 2)

    replica.door.on_the_way = slowly


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 9.0, 12.0])
def test_however_slow_the_calls_are_it_holds_between_them_or_ends(seconds: float) -> None:
    async def scenario() -> None:
        replica = await leader(Shelf())
        slowed(replica, seconds)
        gaps = 0
        for _ in range(6_000):
            await asyncio.sleep(0.1)
            if replica.running.done():
                break
            gaps += not replica.leads
        assert gaps <= 1, "it does not go on without the Lease"
        if seconds != RENEW_DEADLINE / 2:  # where the answer and the deadline come in the same moment
            assert replica.running.done() == (seconds > RENEW_DEADLINE / 2)

    timeless(scenario())


async def frozen(shelf: Shelf, replica: Replica, seconds: float) -> None:
    """The whole process stands still: nothing of it runs, and the clock goes on."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimelessLoop)
    loop.skip(seconds)
    await asyncio.sleep(0)


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0, 1.9, 2.0, 2.1, 2.5, 3.0])
@pytest.mark.parametrize("call", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("seconds", [5.0, 12.0, 20.0])
def test_a_process_that_stood_still_leads_or_ends_at_once(seconds: float, call: float, at: float) -> None:
    async def scenario() -> None:
        shelf = Shelf()
        replica = await leader(shelf)
        slowed(replica, call)
        await asyncio.sleep(20 + at)
        await frozen(shelf, replica, seconds)
        for _ in range(1_000):
            if not replica.leads:
                await asyncio.wait_for(replica.running, 0.1)
                break
            await asyncio.sleep(0.1)
        else:
            assert not replica.running.done()
        replica.running.cancel()

    timeless(scenario())


def test_a_renewal_is_one_call() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        replica = await leader(shelf)
        calls: list[str] = []

        async def counted() -> None:
            calls.append("half a call")

        replica.door.on_the_way = counted
        renewed = shelf.lease
        await asyncio.sleep(100 * RETRY)
        assert renewed
        assert shelf.lease
        renewals = int(shelf.lease.resource_version) - int(renewed.resource_version)
        assert len(calls) in (2 * renewals, 2 * renewals + 1)

    timeless(scenario())


def test_a_renewal_whose_answer_was_lost_is_found_to_be_ours() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        replica = await leader(shelf)
        half = itertools.count(1)

        async def lost() -> None:
            if next(half) == 2:  # of the first call, what comes after it was done
                raise ClusterUnavailable("the answer was lost")

        replica.door.on_the_way = lost
        for _ in range(500):
            await asyncio.sleep(0.1)
            assert replica.leads

    timeless(scenario())


def test_a_lease_that_somebody_deletes_is_made_again() -> None:
    async def scenario() -> None:
        shelf = Shelf()
        replica = await leader(shelf)
        vars(shelf)["lease"] = None
        await asyncio.sleep(30)
        assert replica.leads
        assert shelf.lease
        assert shelf.lease.holder == "a"

    timeless(scenario())


def trouble(replica: Replica, chance: random.Random) -> None:
    match chance.randrange(4):
        case 0:
            replica.cut_off()
        case 1:
            replica.freeze(chance.uniform(1, 60), after=chance.randrange(4))
        case _:
            replica.mend()


@pytest.mark.parametrize("seed", range(12))
def test_two_never_hold_it_at_once_whatever_is_frozen_or_cut_off(seed: int) -> None:
    chance = random.Random(seed)

    async def scenario() -> int:
        shelf = Shelf()
        replicas = [Replica(shelf, "a0"), Replica(shelf, "b0")]
        held: set[str] = set()
        for tick in range(6_000):
            await asyncio.sleep(0.25)
            leading = [each.name for each in replicas if each.leads]
            assert len(leading) <= 1
            held.update(leading)
            for place, each in enumerate(replicas):
                if each.running.done():  # its process ends, and another begins
                    replicas[place] = Replica(shelf, f"{each.name[0]}{tick}")
                elif chance.random() < 0.01:
                    trouble(each, chance)
        return len(held)

    assert timeless(scenario()) > 3, "nothing went wrong in this run, so it shows nothing"


def test_what_keeps_it_from_the_lease_is_told_once_counted_and_forgotten(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        failed: list[float] = []
        leases = ShelfLeases(Shelf())
        elector = LeaderElector(leases, identity="a", clock=clock, count_failure=lambda: failed.append(clock()))

        async def refused() -> None:
            raise ClusterUnavailable("no answer")

        leases.on_the_way = refused
        running = asyncio.ensure_future(elector.run())
        await asyncio.sleep(61)
        assert elector.problems() == ["the Lease: no answer"]
        assert elector.failing_for() > 60
        assert len(failed) > 20
        assert [each.getMessage() for each in caplog.records] == ["failed renewal of Lease: no answer"]
        leases.on_the_way = at_once
        await asyncio.wait_for(elector.acquired.wait(), 5)
        assert (elector.problems(), elector.failing_for()) == ([], 0.0)
        running.cancel()

    timeless(scenario())
