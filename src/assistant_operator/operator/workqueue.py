"""Keys to look at: each once, when it is due, and never two looks at one key at a time. It knows no kinds."""

import asyncio
import heapq
import random
from collections.abc import Hashable

_FIRST_RETRY, _LONGEST_RETRY = 0.1, 30.0


class WorkQueue:
    """A deduplicating, delaying queue with backoff, for any number of workers."""

    def __init__(self, *, interval: float) -> None:
        """`interval`: seconds between two looks at one key, so that a burst of news is one look."""
        self._interval = interval
        self._due: list[tuple[float, int, Hashable]] = []
        self._waiting: dict[Hashable, float] = {}
        self._busy: set[Hashable] = set()
        self._started: dict[Hashable, float] = {}
        self._failures: dict[Hashable, int] = {}
        self._order = 0
        self._news = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, key: Hashable, delay: float = 0.0) -> None:
        """Look at `key` in `delay` seconds, or earlier if that was asked before."""
        now = asyncio.get_running_loop().time()
        when = max(now + delay, self._started.get(key, -self._interval) + self._interval)
        if self._waiting.get(key, when + 1) > when:
            self._waiting[key] = when
            self._order += 1
            heapq.heappush(self._due, (when, self._order, key))
            self._news.set()

    async def take(self) -> Hashable:
        """The next key that is due; the caller says `done` or `failed` when it has looked."""
        while True:
            key, wait = self._next()
            if key is not None:
                return key
            self._news.clear()
            try:
                await asyncio.wait_for(self._news.wait(), wait)
            except TimeoutError:
                continue

    def done(self, key: Hashable) -> None:
        self._failures.pop(key, None)
        self._free(key)

    def failed(self, key: Hashable) -> float:
        """Look again, later each time: the seconds until then."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        delay = min(_FIRST_RETRY * 2.0 ** min(count - 1, 20), _LONGEST_RETRY) * random.uniform(0.8, 1.2)  # noqa: S311 (jitter)
        self._free(key)
        self.add(key, delay)
        return delay

    def _free(self, key: Hashable) -> None:
        self._busy.discard(key)
        if key in self._waiting:
            self._news.set()
        if len(self._started) > 2 * (len(self._waiting) + 1_000):
            self._forget()

    def _forget(self) -> None:
        oldest = asyncio.get_running_loop().time() - self._interval
        self._started = {key: at for key, at in self._started.items() if at > oldest}

    def _next(self) -> tuple[Hashable | None, float | None]:
        now = asyncio.get_running_loop().time()
        held = []
        found: Hashable | None = None
        while self._due and found is None and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            when, _, key = entry
            if self._waiting.get(key) != when:
                continue
            if key in self._busy:
                held.append(entry)
                continue
            del self._waiting[key]
            self._busy.add(key)
            self._started[key] = now
            found = key
        for entry in held:
            heapq.heappush(self._due, entry)
        upcoming = next((when for when, _, key in self._due if key not in self._busy), None)
        return found, None if upcoming is None else max(0.0, upcoming - now)
