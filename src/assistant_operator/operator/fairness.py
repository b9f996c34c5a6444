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

    def take(self) -> T:
        """The next item. Raises KeyError if there is none."""
        tenant, items = self._items.popitem(last=False)
        item = items.popleft()
        self._length -= 1
        if items:
            self._items[tenant] = items
        return item


class Turns:
    """At most so many at once; of those who wait, each tenant's first comes before anybody's second."""

    def __init__(self, at_once: int) -> None:
        self._free = at_once
        self._waiting: RoundRobin[asyncio.Future[None]] = RoundRobin()

    @asynccontextmanager
    async def turn(self, tenant: Hashable) -> AsyncIterator[None]:
        """Wait for a turn, and have it for the length of the block."""
        await self._begin(tenant)
        try:
            yield
        finally:
            self._end()

    async def _begin(self, tenant: Hashable) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.put(tenant, mine)
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self._end()  # it was given to us in the very moment we left
            raise

    def _end(self) -> None:
        self._free += 1
        while self._free and self._waiting:
            following = self._waiting.take()
            if not following.cancelled():
                self._free -= 1
                following.set_result(None)
