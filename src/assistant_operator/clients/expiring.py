"""A cache with a time limit: a timer removes expired values, also if they are never read again."""

import asyncio
from typing import TypeVar

from cachetools import TTLCache

K = TypeVar("K")
V = TypeVar("V")


class Expiring(TTLCache[K, V]):
    """Keeps each value for `seconds` after it was set, and at most `most` values. Evicts the least recently used."""

    def __init__(self, seconds: float, most: int) -> None:
        super().__init__(most, seconds, timer=lambda: asyncio.get_running_loop().time())

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        asyncio.get_running_loop().call_later(self.ttl, self.expire)
