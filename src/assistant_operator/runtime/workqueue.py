"""Keys to look at: each once, when it is due, and never two looks at one key at a time. It knows no kinds."""

import asyncio
from collections.abc import Callable, Hashable

from assistant_operator.clients.backoff import Backoff

from .fairness import FairQueue

_BACKOFF = Backoff(0.1, 30.0, jitter=0.2)
_MOST_REMEMBERED = 10_000


class Meter:
    """What a queue tells of itself. This one does not listen."""

    def added(self) -> None:
        """A key is due."""

    def taken(self, waited: float) -> None:
        """A worker has it now, and it was due for so many seconds."""

    def done(self, seconds: float) -> None:
        """The look took so long."""

    def retried(self) -> None:
        """It failed, and the key will be due again."""


class WorkQueue:
    """A deduplicating, delaying queue with backoff, for any number of workers."""

    def __init__(
        self,
        *,
        interval: float,
        at_first: int = 1,
        meter: Meter | None = None,
        tenant_of: Callable[[Hashable], Hashable] = lambda key: "",
    ) -> None:
        """`interval`: seconds between two looks at one key in the long run, so that a burst of news is one look.

        `at_first`: looks at a key that has had rest which need no such pause between them.
        `tenant_of`: whose a key is. Of the keys that are due each tenant's come in turn.
        """
        self._interval = interval
        self._slack = (at_first - 1) * interval
        self._tenant_of = tenant_of
        self._meter = meter or Meter()
        self._waiting: dict[Hashable, float] = {}
        self._due: FairQueue[Hashable] = FairQueue()
        self._ready_since: dict[Hashable, float] = {}
        """Due and not taken yet, and since when: whatever is news now, that look will see it."""
        self._busy: set[Hashable] = set()
        self._started: dict[Hashable, float] = {}
        self._next_allowed: dict[Hashable, float] = {}
        """When a key has had its rest of all looks so far."""
        self._failures: dict[Hashable, int] = {}
        self._last_get: float | None = None
        """When a worker came for a key last."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._due)

    @property
    def due(self) -> int:
        """How many keys wait for a worker now."""
        return len(self._ready_since)

    def running(self) -> list[float]:
        """Of each look under way, the seconds it has taken."""
        now = asyncio.get_running_loop().time()
        return [now - self._started[key] for key in self._busy if key not in self._ready_since]

    def stuck_for(self) -> float:
        """Seconds in which no worker came though a key was due; 0 where none ever works."""
        if self._last_get is None or not self._ready_since:
            return 0.0
        return asyncio.get_running_loop().time() - max(self._last_get, next(iter(self._ready_since.values())))

    def add(self, key: Hashable, delay: float = 0.0) -> None:
        """Look at `key` in `delay` seconds, or earlier if that was asked before."""
        if key in self._ready_since:
            return
        loop = asyncio.get_running_loop()
        when = max(loop.time() + delay, self._next_allowed.get(key, 0.0) - self._slack)
        if self._waiting.get(key, when + 1) <= when:
            return
        self._waiting[key] = when
        if when <= loop.time():
            self._fall_due(key, when)
        else:
            loop.call_at(when, self._fall_due, key, when)

    async def take(self, leave: asyncio.Event | None = None) -> Hashable:
        """The next key that is due; the caller says `done` or `failed` when it has looked.

        `leave`: if given, nothing is taken unless it is set.
        """
        loop = asyncio.get_running_loop()
        self._last_get = loop.time()
        key = await self._due.take(leave)
        self._last_get = self._started[key] = now = loop.time()
        self._next_allowed[key] = max(now, self._next_allowed.get(key, 0.0)) + self._interval
        self._meter.taken(self._last_get - self._ready_since.pop(key))
        return key

    def done(self, key: Hashable) -> None:
        self._failures.pop(key, None)
        self._free(key)

    def failed(self, key: Hashable) -> float:
        """Look again, later each time: the seconds until then."""
        count = self._failures[key] = self._failures.get(key, 0) + 1
        delay = _BACKOFF.delay(count)
        self._meter.retried()
        self._free(key)
        self.add(key, delay)
        return delay

    def _fall_due(self, key: Hashable, when: float) -> None:
        if self._waiting.get(key) != when:
            return  # asked for at another time since
        if key in self._busy:
            self._waiting[key] = 0.0  # it falls due when that look ends, even if this timer came a moment early
            return
        del self._waiting[key]
        self._busy.add(key)
        self._ready_since[key] = asyncio.get_running_loop().time()
        self._due.put(self._tenant_of(key), key)
        self._meter.added()

    def _free(self, key: Hashable) -> None:
        self._busy.discard(key)
        now = asyncio.get_running_loop().time()
        self._meter.done(now - self._started[key])
        when = self._waiting.get(key)
        if when is not None and when <= now:
            self._fall_due(key, when)
        if len(self._started) > _MOST_REMEMBERED:
            self._next_allowed = {each: at for each, at in self._next_allowed.items() if at > now}
            self._started = {
                each: at for each, at in self._started.items() if each in self._next_allowed or each in self._busy
            }
