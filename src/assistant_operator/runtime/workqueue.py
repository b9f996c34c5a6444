"""A work queue of keys. A key is queued once, and is never reconciled by two workers at a time."""

import asyncio
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from assistant_operator.clients.backoff import Backoff

from .fairness import FairQueue

_BACKOFF = Backoff(0.1, 30.0, jitter=0.2)


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


@dataclass(slots=True)
class _Entry:
    """One key. Times are those of the running loop."""

    requested_at: float | None = None
    """When the next reconcile was requested for; None for no such request."""
    due_since: float | None = None
    """Set while the key waits for a worker. That reconcile covers any further event."""
    started_at: float | None = None
    """Set while the key is reconciled."""
    next_allowed: float = 0.0
    """Earliest time at which the key may be reconciled without using up its burst."""
    failures: int = 0


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
        self._entries: dict[Hashable, _Entry] = {}
        self._due: FairQueue[Hashable] = FairQueue()
        self._last_take: float | None = None
        """When a worker last asked for a key."""

    def __len__(self) -> int:
        """Return the number of keys that are due now or later."""
        return sum(entry.requested_at is not None or entry.due_since is not None for entry in self._entries.values())

    @property
    def due(self) -> int:
        """How many keys wait for a worker now."""
        return len(self._due)

    def running(self) -> list[float]:
        """Return the seconds that each running reconcile has taken."""
        now = asyncio.get_running_loop().time()
        return [now - entry.started_at for entry in self._entries.values() if entry.started_at is not None]

    def stuck_for(self) -> float:
        """Seconds in which no worker came though a key was due; 0 where none ever works."""
        oldest = min((each.due_since for each in self._entries.values() if each.due_since is not None), default=None)
        if self._last_take is None or oldest is None:
            return 0.0
        return asyncio.get_running_loop().time() - max(self._last_take, oldest)

    def add(self, key: Hashable, delay: float = 0.0) -> None:
        """Enqueue `key` in `delay` seconds; an earlier time that was requested before stays."""
        entry = self._entries.get(key) or self._entries.setdefault(key, _Entry())
        if entry.due_since is not None:
            return
        loop = asyncio.get_running_loop()
        when = max(loop.time() + delay, entry.next_allowed - self._slack)
        if entry.requested_at is not None and entry.requested_at <= when:
            return
        entry.requested_at = when
        if when <= loop.time():
            self._fall_due(key, when)
        else:
            loop.call_at(when, self._fall_due, key, when)

    async def take(self) -> Hashable:
        """Return the next key that is due. The caller calls `done` or `failed` after the reconcile."""
        loop = asyncio.get_running_loop()
        self._last_take = loop.time()
        key = await self._due.take()
        entry, now = self._entries[key], loop.time()
        self._last_take = entry.started_at = now
        entry.next_allowed = max(now, entry.next_allowed) + self._interval
        self._meter.taken(now - (entry.due_since or now))
        entry.due_since = None
        return key

    def done(self, key: Hashable) -> None:
        self._entries[key].failures = 0
        self._free(key)

    def failed(self, key: Hashable) -> float:
        """Requeue the key with backoff. Returns the delay in seconds."""
        entry = self._entries[key]
        entry.failures += 1
        delay = _BACKOFF.delay(entry.failures)
        self._meter.retried()
        self._free(key)
        self.add(key, delay)
        return delay

    def _fall_due(self, key: Hashable, when: float) -> None:
        entry = self._entries.get(key)
        if entry is None or entry.requested_at != when:
            return  # another time was requested since
        if entry.started_at is not None:
            entry.requested_at = 0.0  # it falls due when that reconcile ends, even if this timer came a moment early
            return
        entry.requested_at = None
        entry.due_since = asyncio.get_running_loop().time()
        self._due.put(self._tenant_of(key), key)
        self._meter.added()

    def _free(self, key: Hashable) -> None:
        entry, loop = self._entries[key], asyncio.get_running_loop()
        now = loop.time()
        self._meter.done(now - (entry.started_at or now))
        entry.started_at = None
        when = entry.requested_at
        if when is None:
            loop.call_at(entry.next_allowed, self._drop, key)
        elif when <= now:
            self._fall_due(key, when)

    def _drop(self, key: Hashable) -> None:
        """Drop the entry, unless it still counts."""
        entry = self._entries.get(key)
        if entry is None or entry.next_allowed > asyncio.get_running_loop().time():
            return
        if entry.requested_at is None and entry.due_since is None and entry.started_at is None:
            del self._entries[key]
