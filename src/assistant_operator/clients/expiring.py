"""A mapping with a time limit: a timer removes expired values, also if they are never read again."""

import asyncio
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Expiring(Generic[K, V]):
    """Keeps each value for `seconds` after it was put, and at most `most` values. Evicts the oldest value first."""

    def __init__(self, seconds: float, most: int) -> None:
        self._seconds = seconds
        self._most = most
        self._values: OrderedDict[K, tuple[float, V]] = OrderedDict()
        """The time of the put, and the value; oldest put first."""
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._values)

    def get(self, key: K) -> V | None:
        put, value = self._values.get(key, (0.0, None))
        return value if value is not None and _now() - put < self._seconds else None

    def age(self, key: K) -> float:
        """Return the seconds since the value was put; infinity if there is no value."""
        put, _ = self._values.get(key, (float("-inf"), None))
        return _now() - put

    def put(self, key: K, value: V) -> V:
        """Store and return the value. Its time starts again if the key exists."""
        self._values[key] = (_now(), value)
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        self._wait()
        return value

    def drop(self, key: K) -> None:
        self._values.pop(key, None)

    def _wait(self) -> None:
        if self._timer is None and self._values:
            oldest, _ = next(iter(self._values.values()))
            self._timer = asyncio.get_running_loop().call_at(oldest + self._seconds, self._purge)

    def _purge(self) -> None:
        self._timer = None
        now = _now()
        while self._values and now - next(iter(self._values.values()))[0] >= self._seconds:
            self._values.popitem(last=False)
        self._wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
