"""Queues and a semaphore that serve tenants round-robin: a tenant with many requests does not delay the others."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
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

    async def take(self, leave: asyncio.Event | None = None) -> T:
        """Wait for an item, and until `leave`, if given, is set; remove and return the item."""
        while True:
            await self._available.acquire()
            if leave is None or leave.is_set():
                return self._items.take()
            self._available.release()  # another caller's event may be set
            await leave.wait()


class FairSemaphore:
    """A weighted semaphore. Among the waiting requests, one of each tenant is served in turn."""

    def __init__(self, capacity: int) -> None:
        """`capacity`: the largest sum of the weights of all holders."""
        self._capacity = self._free = capacity
        self._waiting: RoundRobin[tuple[int, asyncio.Future[None]]] = RoundRobin()

    @asynccontextmanager
    async def turn(self, tenant: Hashable, weight: int = 1) -> AsyncIterator[None]:
        """Hold `weight` units for the length of the block. A weight above the capacity holds all units."""
        weight = min(weight, self._capacity)
        await self._acquire(tenant, weight)
        try:
            yield
        finally:
            self._release(weight)

    async def _acquire(self, tenant: Hashable, weight: int) -> None:
        granted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put(tenant, (weight, granted))
        self._grant()
        try:
            await granted
        except asyncio.CancelledError:
            if granted.done() and not granted.cancelled():
                self._release(weight)  # the units were granted before the cancellation was delivered
            raise

    def _release(self, weight: int) -> None:
        self._free += weight
        self._grant()

    def _grant(self) -> None:
        """Serve waiting requests in order. The first that does not fit blocks those behind it, or it would starve."""
        while self._waiting:
            weight, granted = self._waiting.first()
            if granted.cancelled():
                self._waiting.take()
                continue
            if weight > self._free:
                return
            self._waiting.take()
            self._free -= weight
            granted.set_result(None)
