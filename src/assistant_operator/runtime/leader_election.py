"""Leader election by a Lease: one replica writes, the others stand by. No law of the history depends on it."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime

from assistant_operator.clients.kubernetes.leases import Lease, Leases
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable

log = logging.getLogger(__name__)

DURATION, RENEW_DEADLINE, RETRY = 15.0, 10.0, 2.0
_CHECK_INTERVAL = 0.5
"""Longest time, in seconds, between two checks of the deadline. The clock of the event loop stops while the machine is
suspended, so one timer for the whole deadline would be late."""


class LeaderElector:
    """Acquires a Lease and renews it.

    Other replicas acquire the Lease when they have seen no renewal for DURATION. They see a renewal after its request
    was sent, so a leader that ends RENEW_DEADLINE after sending its last renewal ends before another one begins.
    """

    def __init__(
        self,
        leases: Leases,
        *,
        identity: str,
        clock: Callable[[], float],
        count_failure: Callable[[], None] = lambda: None,
    ) -> None:
        """`identity`: of this replica, as the holder of the Lease.

        `clock`: returns seconds; it goes on while the process or the machine is suspended.
        `count_failure`: called for each read or write of the Lease that fails.
        """
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._count_failure = count_failure
        self._failing_since: float | None = None
        self._error = ""
        self._renewed: float | None = None
        """When the last successful renewal was sent; None while this replica does not hold the Lease."""
        self._known: Lease | None = None
        """The Lease as it was read or written last."""
        self._observed: tuple[str, float] | None = None
        """Resource version of the Lease of another replica, and when it was read first."""
        self.acquired = asyncio.Event()
        """Set once this replica has become the leader. It is never cleared."""

    def is_held(self) -> bool:
        """Return whether the renewal deadline has not passed. Asked before each write."""
        return self._seconds_left > 0

    def problems(self) -> list[str]:
        """Return the error of the last call for the Lease, in one line; an empty list if it succeeded."""
        return [f"the Lease: {self._error}"] if self._error else []

    def failing_for(self) -> float:
        """Return the seconds since the first of the calls that fail now; 0 if the last call succeeded."""
        return 0.0 if self._failing_since is None else self._clock() - self._failing_since

    @property
    def _seconds_left(self) -> float:
        return 0.0 if self._renewed is None else self._renewed + RENEW_DEADLINE - self._clock()

    async def run(self) -> None:
        """Acquire the Lease and renew it. Returns when it was acquired and is lost."""
        renewing = asyncio.create_task(self._renew())
        try:
            while not renewing.done() and not (self.acquired.is_set() and not self.is_held()):
                timeout = min(self._seconds_left or _CHECK_INTERVAL, _CHECK_INTERVAL)
                await asyncio.wait({renewing}, timeout=timeout)
            if renewing.done():
                renewing.result()
        finally:
            renewing.cancel()

    async def _renew(self) -> None:
        """Try to acquire or renew every RETRY seconds. Returns when the Lease is lost: it is not acquired again."""
        while True:
            started = self._clock()
            try:
                await self._acquire_or_renew()
            except (ClusterUnavailable, ClusterRefused) as error:
                self._note_failure(str(error), started)
            else:
                self._failing_since, self._error = None, ""
            if self.acquired.is_set() and not self.is_held():
                return
            # The pause counts from the start of the call, so that a slow call does not delay the next renewal.
            pause = RETRY * random.uniform(0.8, 1.2)  # noqa: S311 (jitter)
            await asyncio.sleep(max(started + pause - self._clock(), 0.0))

    def _note_failure(self, error: str, started: float) -> None:
        """Log an error as a warning only if it differs from the last: a missing Role fails every two seconds."""
        self._count_failure()
        log.log(logging.DEBUG if error == self._error else logging.WARNING, "failed renewal of Lease: %s", error)
        self._error = error
        if self._failing_since is None:
            self._failing_since = started

    async def release(self) -> None:
        """Give the Lease up, if this replica holds it, so that another one can acquire it at once."""
        if self._renewed is None:
            return
        self._renewed = None
        lease = await self._leases.read()
        if lease and lease.holder == self._identity:
            await self._leases.write(lease.released(datetime.now(UTC)))

    async def _acquire_or_renew(self) -> None:
        """Renew with one write over the known Lease. Read it first if it is not held, or if that write conflicts."""
        if self._renewed is not None and self._known and await self._write(self._known):
            return
        lease = await self._leases.read()
        if lease and lease.holder not in ("", self._identity) and not self._is_expired(lease):
            self._lose_to(lease)
        elif await self._write(lease) and not self.acquired.is_set():
            log.info("became leader identity=%s", self._identity)
            self.acquired.set()

    async def _write(self, before: Lease | None) -> bool:
        """Write the Lease over `before`. Returns whether it is held; False means a conflict with another replica."""
        started = self._clock()
        timeout = self._seconds_left if self._renewed is not None else RENEW_DEADLINE
        lease = Lease.held_by(self._identity, DURATION, datetime.now(UTC), before=before)
        self._known = await self._leases.write(lease, timeout=timeout + _CHECK_INTERVAL)
        if self._known:
            self._renewed = started
        return self._known is not None

    def _lose_to(self, lease: Lease) -> None:
        if self._renewed is not None:
            self._renewed = None
            log.error("lost Lease holder=%s", lease.holder)

    def _is_expired(self, lease: Lease) -> bool:
        """Whether the Lease has not changed for its whole duration, by the clock of this replica."""
        if self._observed is None or self._observed[0] != lease.resource_version:
            self._observed = (lease.resource_version, self._clock())
        return self._clock() - self._observed[1] > lease.duration
