"""Leader election in virtual time: acquire, renew, lose, release; and never two leaders at once."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest

from assistant_operator.clients.kubernetes.leases import Lease, Leases
from assistant_operator.clients.kubernetes.transport import ClusterUnavailable
from assistant_operator.runtime.leader_election import DURATION, RENEW_DEADLINE, RETRY, LeaderElector
from harness.support.timeless import TimelessLoop, timeless


async def at_once() -> None:
    """Add no delay and no failure to a call."""


class LeaseStorage:
    """The storage of the one Lease."""

    def __init__(self) -> None:
        self.lease: Lease | None = None
        self.versions = itertools.count(1)


class FaultyLeases(Leases):
    """The client of one replica: compare-and-swap as in the API server, with faults that the test injects."""

    def __init__(self, storage: LeaseStorage) -> None:
        self._storage = storage
        self.before_and_after: Callable[[], Awaitable[None]] = at_once

    async def read(self) -> Lease | None:
        await self.before_and_after()
        found = self._storage.lease
        await self.before_and_after()
        return found

    async def write(self, lease: Lease, *, timeout: float = 5.0) -> Lease | None:
        try:
            async with asyncio.timeout(timeout):
                return await self._write(lease)
        except TimeoutError as late:
            raise ClusterUnavailable("no answer") from late

    async def _write(self, lease: Lease) -> Lease | None:
        await self.before_and_after()
        stored = self._storage.lease.resource_version if self._storage.lease else ""
        written = None
        if lease.resource_version == stored:
            written = self._storage.lease = replace(lease, resource_version=str(next(self._storage.versions)))
        await self.before_and_after()
        return written


class Replica:
    """A replica that tries to become the leader."""

    def __init__(self, storage: LeaseStorage, name: str) -> None:
        self.name = name
        self.leases = FaultyLeases(storage)
        self.elector = LeaderElector(self.leases, identity=name, clock=clock)
        self.running = asyncio.ensure_future(self.elector.run())

    @property
    def leads(self) -> bool:
        return self.elector.is_held()

    def cut_off(self) -> None:
        async def no_answer() -> None:
            raise ClusterUnavailable("no answer")

        self.leases.before_and_after = no_answer

    def freeze(self, seconds: float, *, after: int = 0) -> None:
        """Delay one request by so many seconds, `after` so many requests without a delay."""
        stops = iter([*[0.0] * after, seconds])

        async def stopped() -> None:
            await asyncio.sleep(next(stops, 0.0))

        self.leases.before_and_after = stopped

    def slow_down(self) -> None:
        async def slowly() -> None:
            await asyncio.sleep(0.1)

        self.leases.before_and_after = slowly

    def recover(self) -> None:
        self.leases.before_and_after = at_once


def clock() -> float:
    return asyncio.get_running_loop().time()


async def until(fact: Callable[[], bool], within: float) -> float:
    """Return the seconds until the fact holds."""
    started = clock()
    while not fact():
        assert clock() - started <= within, "not within that time"
        await asyncio.sleep(0.01)
    return clock() - started


async def leader(storage: LeaseStorage) -> Replica:
    replica = Replica(storage, "a")
    await asyncio.wait_for(replica.elector.acquired.wait(), 1)
    return replica


def test_a_free_lease_is_acquired_at_once_and_renewed() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        replica = await leader(storage)
        for _ in range(1_000):
            await asyncio.sleep(1)
            assert replica.leads
        assert storage.lease
        assert (storage.lease.holder, storage.lease.transitions, storage.lease.duration) == ("a", 0, DURATION)
        assert not replica.running.done()
        replica.running.cancel()

    timeless(scenario())


def test_of_two_replicas_that_try_at_the_same_time_one_acquires_a_free_lease() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        replicas = [Replica(storage, "a"), Replica(storage, "b")]
        for replica in replicas:
            replica.slow_down()
        await asyncio.sleep(60)
        assert [replica.leads for replica in replicas] == [True, False]
        assert [replica.elector.acquired.is_set() for replica in replicas] == [True, False]

    timeless(scenario())


def test_a_standby_waits_for_as_long_as_the_leader_renews() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        first, second = await leader(storage), Replica(storage, "b")
        await asyncio.sleep(1_000)
        assert first.leads
        assert not second.leads
        assert not second.elector.acquired.is_set()

    timeless(scenario())


def test_the_lease_is_held_through_an_outage_shorter_than_the_deadline() -> None:
    async def scenario() -> None:
        replica = await leader(LeaseStorage())
        replica.cut_off()
        await asyncio.sleep(RENEW_DEADLINE - 2 * RETRY)
        assert replica.leads
        replica.recover()
        await asyncio.sleep(100)
        assert replica.leads

    timeless(scenario())


def test_a_leader_that_cannot_renew_ends_before_another_replica_acquires_the_lease() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        first, second = await leader(storage), Replica(storage, "b")
        await asyncio.sleep(60)
        first.cut_off()
        lost = await until(lambda: not first.leads, RENEW_DEADLINE)
        await asyncio.wait_for(first.running, 2 * RETRY)
        taken = lost + await until(lambda: second.leads, 2 * DURATION)
        assert DURATION - 2 * RETRY < taken < DURATION + 4 * RETRY
        assert storage.lease
        assert (storage.lease.holder, storage.lease.transitions) == ("b", 1)

    timeless(scenario())


def test_a_leader_whose_request_was_delayed_past_the_deadline_does_not_hold_the_lease() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        first, second = await leader(storage), Replica(storage, "b")
        first.freeze(60)
        await until(lambda: second.leads, 2 * DURATION)
        assert not first.leads
        await asyncio.wait_for(first.running, 60)
        assert not first.leads
        assert second.leads
        assert storage.lease
        assert storage.lease.holder == "b"

    timeless(scenario())


def test_a_released_lease_is_acquired_at_the_next_try() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        first, second = await leader(storage), Replica(storage, "b")
        await asyncio.sleep(60)
        first.running.cancel()
        await first.elector.release()
        assert not first.leads
        assert await until(lambda: second.leads, DURATION) < 2 * RETRY

    timeless(scenario())


def test_a_standby_releases_nothing() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        first, second = await leader(storage), Replica(storage, "b")
        await asyncio.sleep(10)
        before = storage.lease
        await second.elector.release()
        assert storage.lease == before
        assert first.leads

    timeless(scenario())


def test_a_lease_that_another_replica_holds_is_not_released() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        first = await leader(storage)
        first.running.cancel()
        assert storage.lease
        storage.lease = replace(storage.lease, holder="b", resource_version="later")
        await first.elector.release()
        assert storage.lease.holder == "b"

    timeless(scenario())


def slowed(replica: Replica, seconds: float) -> None:
    """Delay each call by so many seconds."""

    async def slowly() -> None:
        await asyncio.sleep(seconds / 2)

    replica.leases.before_and_after = slowly


@pytest.mark.parametrize("seconds", [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 7.0, 9.0, 12.0])
def test_with_slow_calls_the_lease_is_held_throughout_or_the_elector_ends(seconds: float) -> None:
    async def scenario() -> None:
        replica = await leader(LeaseStorage())
        slowed(replica, seconds)
        gaps = 0
        for _ in range(6_000):
            await asyncio.sleep(0.1)
            if replica.running.done():
                break
            gaps += not replica.leads
        assert gaps <= 1, "the elector ends when it loses the Lease"
        if seconds != RENEW_DEADLINE / 2:  # the answer and the deadline are at the same time
            assert replica.running.done() == (seconds > RENEW_DEADLINE / 2)

    timeless(scenario())


async def frozen(storage: LeaseStorage, replica: Replica, seconds: float) -> None:
    """Suspend the whole process: no task runs, and the clock goes on."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, TimelessLoop)
    loop.skip(seconds)
    await asyncio.sleep(0)


@pytest.mark.parametrize("at", [0.0, 0.5, 1.0, 1.9, 2.0, 2.1, 2.5, 3.0])
@pytest.mark.parametrize("call", [0.0, 1.0, 2.0, 3.0])
@pytest.mark.parametrize("seconds", [5.0, 12.0, 20.0])
def test_after_a_suspension_the_lease_is_held_or_the_elector_ends_at_once(
    seconds: float, call: float, at: float
) -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        replica = await leader(storage)
        slowed(replica, call)
        await asyncio.sleep(20 + at)
        await frozen(storage, replica, seconds)
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
        storage = LeaseStorage()
        replica = await leader(storage)
        calls: list[str] = []

        async def counted() -> None:
            calls.append("half a call")

        replica.leases.before_and_after = counted
        renewed = storage.lease
        await asyncio.sleep(100 * RETRY)
        assert renewed
        assert storage.lease
        renewals = int(storage.lease.resource_version) - int(renewed.resource_version)
        assert len(calls) in (2 * renewals, 2 * renewals + 1)

    timeless(scenario())


def test_the_lease_is_held_after_a_renewal_whose_answer_was_lost() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        replica = await leader(storage)
        half = itertools.count(1)

        async def lost() -> None:
            if next(half) == 2:  # after the first call was carried out
                raise ClusterUnavailable("the answer was lost")

        replica.leases.before_and_after = lost
        for _ in range(500):
            await asyncio.sleep(0.1)
            assert replica.leads

    timeless(scenario())


def test_a_deleted_lease_is_created_again() -> None:
    async def scenario() -> None:
        storage = LeaseStorage()
        replica = await leader(storage)
        vars(storage)["lease"] = None
        await asyncio.sleep(30)
        assert replica.leads
        assert storage.lease
        assert storage.lease.holder == "a"

    timeless(scenario())


def inject_fault(replica: Replica, chance: random.Random) -> None:
    match chance.randrange(4):
        case 0:
            replica.cut_off()
        case 1:
            replica.freeze(chance.uniform(1, 60), after=chance.randrange(4))
        case _:
            replica.recover()


@pytest.mark.parametrize("seed", range(12))
def test_two_replicas_never_hold_the_lease_at_once(seed: int) -> None:
    chance = random.Random(seed)

    async def scenario() -> int:
        storage = LeaseStorage()
        replicas = [Replica(storage, "a0"), Replica(storage, "b0")]
        held: set[str] = set()
        for tick in range(6_000):
            await asyncio.sleep(0.25)
            leading = [replica.name for replica in replicas if replica.leads]
            assert len(leading) <= 1
            held.update(leading)
            for place, replica in enumerate(replicas):
                if replica.running.done():  # its process ends, and another one starts
                    replicas[place] = Replica(storage, f"{replica.name[0]}{tick}")
                elif chance.random() < 0.01:
                    inject_fault(replica, chance)
        return len(held)

    assert timeless(scenario()) > 3, "without a change of the leader this run shows nothing"


def test_an_error_is_logged_once_counted_and_cleared_by_a_success(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario() -> None:
        failed: list[float] = []
        leases = FaultyLeases(LeaseStorage())
        elector = LeaderElector(leases, identity="a", clock=clock, count_failure=lambda: failed.append(clock()))

        async def refused() -> None:
            raise ClusterUnavailable("no answer")

        leases.before_and_after = refused
        running = asyncio.ensure_future(elector.run())
        await asyncio.sleep(61)
        assert elector.problems() == ["the Lease: no answer"]
        assert elector.failing_for() > 60
        assert len(failed) > 20
        assert caplog.messages == ["failed renewal of Lease: no answer"]
        leases.before_and_after = at_once
        await asyncio.wait_for(elector.acquired.wait(), 5)
        assert (elector.problems(), elector.failing_for()) == ([], 0.0)
        running.cancel()

    timeless(scenario())
