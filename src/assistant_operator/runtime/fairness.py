"""Queues and a semaphore that serve tenants round-robin: a tenant with many requests does not delay the others."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """A queue that takes one item of each tenant in turn, and the items of one tenant in order (FIFO)."""

    def __init__(self) -> None:
        self._items: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def of(self, tenant: Hashable) -> int:
        """Return the number of queued items of a tenant."""
        return len(self._items.get(tenant, ()))

    def put(self, tenant: Hashable, item: T) -> None:
        self._items.setdefault(tenant, deque()).append(item)
        self._length += 1

    def first(self) -> T:
        """Return the next item without removing it. Raises StopIteration if the queue is empty."""
        return next(iter(self._items.values()))[0]

    def take(self) -> T:
        """Remove and return the next item. Raises KeyError if the queue is empty."""
        tenant, items = self._items.popitem(last=False)
        item = items.popleft()
        self._length -= 1
        if items:
            self._items[tenant] = items
        return item


class FairQueue(Generic[T]):
    """A RoundRobin whose `take` waits for an item."""

    def __init__(self) -> None:
        self._items: RoundRobin[T] = RoundRobin()
        self._available = asyncio.Semaphore(0)

    def __len__(self) -> int:
        return len(self._items)

    def of(self, tenant: Hashable) -> int:
        """Return the number of queued items of a tenant."""
        return self._items.of(tenant)

    def put(self, tenant: Hashable, item: T) -> None:
        self._items.put(tenant, item)
        self._available.release()

    async def take(self) -> T:
        """Wait for an item; remove and return it."""
        await self._available.acquire()
        return self._items.take()


class PrioritySemaphore:
    """A weighted semaphore. Requests of a higher priority are served first, and among them one of each tenant in turn.

    A request of a lower priority is served beside a little work of higher priorities, and waits for a burst of it. The
    requests of one burst do not arrive evenly, so it is over only after a lull. A request that has waited for
    `patience` is served nevertheless, few of them at a time, so that none starves.
    """

    _MOST_OVERDUE = 2

    def __init__(self, capacity: int, tolerated: Sequence[int], *, lull: float, patience: float) -> None:
        """`capacity`: the largest sum of the weights of all holders of the highest priority.

        `tolerated`: by lower priority, the units of higher priorities beside which it is served; more is a burst.
        `lull`: seconds without a burst before the next request of a lower priority is served.
        `patience`: in seconds.
        """
        self._capacity = capacity
        self._tolerated = tolerated
        self._lull = lull
        self._patience = patience
        self._overdue = 0
        self._used = [0] * (1 + len(tolerated))
        self._burst_over_at = [0.0] * len(tolerated)
        """By lower priority: when the last burst of higher priorities counts as over. A time of the loop."""
        self._waiting: list[RoundRobin[Turn]] = [RoundRobin() for _ in self._used]

    def turn(self, priority: int, tenant: Hashable, weight: int = 1) -> "Turn":
        """Return what holds `weight` units for the length of an `async with`. `priority`: 0 is the highest.

        A weight above the capacity holds all units.
        """
        return Turn(self, priority, tenant, min(weight, self._capacity))

    async def acquire(self, turn: "Turn") -> None:
        """Wait until the units are granted. Call `release` afterwards; `async with` does both."""
        loop = asyncio.get_running_loop()
        if not any(self._waiting[: turn.priority + 1]) and self._fits(turn):
            self._used[turn.priority] += turn.weight
            return
        turn.since, turn.granted = loop.time(), loop.create_future()
        self._waiting[turn.priority].put(turn.tenant, turn)
        if turn.priority:
            loop.call_later(self._patience, self._grant)
        try:
            await turn.granted
        except asyncio.CancelledError:
            if turn.granted.done() and not turn.granted.cancelled():
                self.release(turn)  # the units were granted before the cancellation was delivered
            raise

    def release(self, turn: "Turn") -> None:
        bursts = [lower for lower, _ in enumerate(self._tolerated) if self._is_burst(lower)]
        self._used[turn.priority] -= turn.weight
        self._overdue -= turn.is_overdue
        loop = asyncio.get_running_loop()
        for lower in bursts:
            if not self._is_burst(lower):
                self._burst_over_at[lower] = loop.time() + self._lull
                loop.call_at(self._burst_over_at[lower], self._grant)
        self._grant()

    def _is_burst(self, lower: int) -> bool:
        return sum(self._used[: lower + 1]) > self._tolerated[lower]

    def _grant(self) -> None:
        """Serve requests in order. The first that does not fit blocks those behind it, or it would starve."""
        for waiting in self._waiting:
            while turn := _first(waiting):
                if not self._fits(turn):
                    self._grant_overdue()
                    return
                self._serve(waiting)

    def _fits(self, turn: "Turn") -> bool:
        if turn.priority == 0:
            return self._used[0] + turn.weight <= self._capacity
        lower = turn.priority - 1
        return not self._is_burst(lower) and self._burst_over_at[lower] <= asyncio.get_running_loop().time()

    def _grant_overdue(self) -> None:
        latest = asyncio.get_running_loop().time() - self._patience
        for waiting in self._waiting[1:]:
            while self._overdue < self._MOST_OVERDUE and (turn := _first(waiting)) and turn.since <= latest:
                turn.is_overdue = True
                self._overdue += 1
                self._serve(waiting)

    def _serve(self, waiting: "RoundRobin[Turn]") -> None:
        turn = waiting.take()
        self._used[turn.priority] += turn.weight
        if turn.granted:
            turn.granted.set_result(None)


@dataclass(slots=True)
class Turn:
    """A request for units of a PrioritySemaphore, which are held for the length of an `async with`."""

    semaphore: PrioritySemaphore
    priority: int
    tenant: Hashable
    weight: int
    since: float = 0.0
    """When it began to wait, by the loop's clock."""
    granted: asyncio.Future[None] | None = None
    """Set if it has to wait."""
    is_overdue: bool = False

    async def __aenter__(self) -> None:
        await self.semaphore.acquire(self)

    async def __aexit__(self, *_: object) -> None:
        self.semaphore.release(self)


def _first(waiting: RoundRobin[Turn]) -> Turn | None:
    """Return the next request; drop those that were cancelled."""
    while waiting:
        turn = waiting.first()
        if turn.granted is None or not turn.granted.cancelled():
            return turn
        waiting.take()
    return None
