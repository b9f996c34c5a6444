"""A work queue of keys. A key is queued once, and is never reconciled by two workers at a time."""

import asyncio
from collections.abc import Callable, Hashable

from assistant_operator.clients.backoff import Backoff

from .fairness import FairQueue

_BACKOFF = Backoff(0.1, 30.0, jitter=0.2)
_MOST_REMEMBERED = 10_000


class Meter:
    """Receives the measurements of a queue. This class discards them."""

    def added(self) -> None:
        """A key is due."""

    def taken(self, waited: float) -> None:
        """A worker took a key that was due for `waited` seconds."""

    def done(self, seconds: float) -> None:
        """A reconcile ended after `seconds`."""

    def retried(self) -> None:
        """A reconcile failed, and its key is requeued."""


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
        """`interval`: seconds between two reconciles of one key on average; a burst of events is one reconcile.

        `at_first`: how many reconciles of an idle key may run before `interval` applies.
        `tenant_of`: returns the tenant of a key. Workers serve the tenants in turn.
        """
        self._interval = interval
        self._slack = (at_first - 1) * interval
        self._tenant_of = tenant_of
        self._meter = meter or Meter()
        self._waiting: dict[Hashable, float] = {}
        self._due: FairQueue[Hashable] = FairQueue()
        self._ready_since: dict[Hashable, float] = {}
        """Keys that are due and not taken, and since when. Their next reconcile covers any further event."""
        self._busy: set[Hashable] = set()
        self._started: dict[Hashable, float] = {}
        self._next_allowed: dict[Hashable, float] = {}
        """Earliest time at which the key may be reconciled without using up its burst."""
        self._failures: dict[Hashable, int] = {}
        self._last_get: float | None = None
        """When a worker last asked for a key."""

    def __len__(self) -> int:
        return len(self._waiting) + len(self._due)

    @property
    def due(self) -> int:
        """How many keys wait for a worker now."""
        return len(self._ready_since)

    def running(self) -> list[float]:
        """Return the seconds that each running reconcile has taken."""
        now = asyncio.get_running_loop().time()
        return [now - self._started[key] for key in self._busy if key not in self._ready_since]

    def stuck_for(self) -> float:
        """Seconds in which no worker came though a key was due; 0 where none ever works."""
        if self._last_get is None or not self._ready_since:
            return 0.0
        return asyncio.get_running_loop().time() - max(self._last_get, next(iter(self._ready_since.values())))

    def add(self, key: Hashable, delay: float = 0.0) -> None:
        """Enqueue `key` in `delay` seconds; an earlier time that was requested before stays."""
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
        """Return the next key that is due. The caller calls `done` or `failed` after the reconcile.

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
        """Requeue the key with backoff. Returns the delay in seconds."""
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
            self._waiting[key] = 0.0  # it falls due when that reconcile ends, even if this timer came a moment early
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
