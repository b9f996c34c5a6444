"""Turns between tenants: whoever asks for much waits behind himself, and not before others."""

import asyncio
from collections import OrderedDict, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from typing import Generic, TypeVar

T = TypeVar("T")


class RoundRobin(Generic[T]):
    """Each tenant's items in the order they came, the tenants one after another."""

    def __init__(self) -> None:
        self._items: OrderedDict[Hashable, deque[T]] = OrderedDict()
        self._length = 0

    def __len__(self) -> int:
        return self._length

    def of(self, tenant: Hashable) -> int:
        """How many items of that tenant wait."""
        return len(self._items.get(tenant, ()))

    def put(self, tenant: Hashable, item: T) -> None:
        self._items.setdefault(tenant, deque()).append(item)
        self._length += 1

    def first(self) -> T:
        """The next item, which stays."""
        return next(iter(self._items.values()))[0]

    def take(self) -> T:
        """The next item. Raises KeyError if there is none."""
        tenant, items = self._items.popitem(last=False)
        item = items.popleft()
        self._length -= 1
        if items:
            self._items[tenant] = items
        return item


class FairQueue(Generic[T]):
    """The same, for those who wait until there is an item."""

    def __init__(self) -> None:
        self._items: RoundRobin[T] = RoundRobin()
        self._tickets = asyncio.Semaphore(0)

    def __len__(self) -> int:
        return len(self._items)

    def of(self, tenant: Hashable) -> int:
        """How many items of that tenant wait."""
        return self._items.of(tenant)

    def put(self, tenant: Hashable, item: T) -> None:
        self._items.put(tenant, item)
        self._tickets.release()

    async def take(self, leave: asyncio.Event | None = None) -> T:
        """The next item, once there is one and `leave`, if given, is set."""
        while True:
            await self._tickets.acquire()
            if leave is None or leave.is_set():
                return self._items.take()
            self._tickets.release()  # for whoever has leave
            await leave.wait()


class FairSemaphore:
    """So much at once; of those who wait, each tenant's first comes before anybody's second."""

    def __init__(self, capacity: int) -> None:
        """`capacity`: what all turns that are had at one time may weigh together."""
        self._capacity = self._free = capacity
        self._waiting: RoundRobin[tuple[int, asyncio.Future[None]]] = RoundRobin()

    @asynccontextmanager
    async def turn(self, tenant: Hashable, weight: int = 1) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block. What weighs too much is had alone."""
        weight = min(weight, self._capacity)
        await self._begin(tenant, weight)
        try:
            yield
        finally:
            self._end(weight)

    async def _begin(self, tenant: Hashable, weight: int) -> None:
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put(tenant, (weight, mine))
        self._give()
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._end(weight)  # it was given to us in the very moment we left
            raise

    def _end(self, weight: int) -> None:
        self._free += weight
        self._give()

    def _give(self) -> None:
        while self._waiting:
            weight, following = self._waiting.first()
            if following.cancelled():
                self._waiting.take()
                continue
            if weight > self._free:
                return
            self._waiting.take()
            self._free -= weight
            following.set_result(None)
