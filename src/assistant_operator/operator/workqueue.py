"""Keys to look at: each once, when it is due, and never two looks at one key at a time. It knows no kinds."""

import asyncio
import random
from collections.abc import Hashable

_FIRST_RETRY, _LONGEST_RETRY = 0.1, 30.0
_MOST_REMEMBERED = 10_000


class WorkQueue:
    """A deduplicating, delaying queue with backoff, for any number of workers."""

    def __init__(self, *, interval: float) -> None:
        """`interval`: seconds between two looks at one key, so that a burst of news is one look."""
        self._interval = interval
        self._waiting: dict[Hashable, float] = {}
        self._due: asyncio.Queue[Hashable] = asyncio.Queue()
        self._fallen: set[Hashable] = set()
        """Due and not taken yet: whatever is news now, that look will see it."""
        self._busy: set[Hashable] = set()
        self._started: dict[Hashable, float] = {}
        self._failures: dict[Hashable, int] = {}

    def __len__(self) -> int:
        return len(self._waiting) + self._due.qsize()

    def add(self, key: Hashable, delay: float = 0.0) -> None:
        """Look at `key` in `delay` seconds, or earlier if that was asked before."""
        if key in self._fallen:
            return
        loop = asyncio.get_running_loop()
        when = max(loop.time() + delay, self._started.get(key, 0.0) + self._interval)
        if self._waiting.get(key, when + 1) <= when:
            return
        self._waiting[key] = when
        if when <= loop.time():
            self._fall_due(key, when)
        else:
            loop.call_at(when, self._fall_due, key, when)

    async def take(self) -> Hashable:
        """The next key that is due; the caller says `done` or `failed` when it has looked."""
        key = await self._due.get()
        self._fallen.discard(key)
        self._started[key] = asyncio.get_running_loop().time()
        return key

    def done(self, key: Hashable) -> None:
        self._failures.pop(key, None)
        self._free(key)

    def failed(self, key: Hashable) -> float:
        """Look again, later each time: the seconds until then."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(_FIRST_RETRY * 2.0 ** min(count - 1, 20), _LONGEST_RETRY)
        delay *= random.uniform(0.8, 1.2)  # noqa: S311 (jitter)
        self._free(key)
        self.add(key, delay)
        return delay

    def _fall_due(self, key: Hashable, when: float) -> None:
        if self._waiting.get(key) != when or key in self._busy:
            return  # asked for at another time since, or being looked at: then it falls due when that look ends
        del self._waiting[key]
        self._busy.add(key)
        self._fallen.add(key)
        self._due.put_nowait(key)

    def _free(self, key: Hashable) -> None:
        self._busy.discard(key)
        now = asyncio.get_running_loop().time()
        when = self._waiting.get(key)
        if when is not None and when <= now:
            self._fall_due(key, when)
        if len(self._started) > _MOST_REMEMBERED:
            self._started = {each: at for each, at in self._started.items() if at > now - self._interval}
