"""Leadership by a Lease: one replica writes, the others stand by. Correctness never rests on it."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime

from assistant_operator.clients.kubernetes.leases import Lease, Leases
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable

log = logging.getLogger(__name__)

DURATION, RENEW_DEADLINE, RETRY = 15.0, 10.0, 2.0
_LOOK = 0.5
"""Seconds at most between two looks at the deadline: the loop's own clock may stand still with the machine."""


class LeaderElector:
    """Holds a Lease, or waits for it.

    Others take the Lease over when they saw no renewal for DURATION. The renewal that they saw was made after its call
    was sent, so counting RENEW_DEADLINE from there ends the leader first.
    """

    def __init__(
        self, leases: Leases, *, identity: str, clock: Callable[[], float], failed: Callable[[], None] = lambda: None
    ) -> None:
        """`clock`: seconds that go on while the process is stopped. `failed`: called for each call that fails."""
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._failed = failed
        self._failing_since: float | None = None
        self._why = ""
        self._renewed: float | None = None
        """When the last call was sent that renewed the Lease."""
        self._known: Lease | None = None
        """The Lease as it was read or written last."""
        self._seen: tuple[str, float] | None = None
        self.gained = asyncio.Event()

    def is_held(self) -> bool:
        """Whether the Lease is surely ours now. Asked before each write: a frozen leader finds out before it writes."""
        return self._left > 0

    def affected(self) -> list[str]:
        """Why the Lease cannot be read or written now; one line, or none while it can."""
        return [f"the Lease: {self._why}"] if self._why else []

    def failing_for(self) -> float:
        """Seconds since the last call for the Lease that succeeded, while calls fail; 0 otherwise."""
        return 0.0 if self._failing_since is None else self._clock() - self._failing_since

    @property
    def _left(self) -> float:
        """Seconds until the deadline."""
        return 0.0 if self._renewed is None else self._renewed + RENEW_DEADLINE - self._clock()

    async def run(self) -> None:
        """Try for the Lease and keep it; returns when it was held and is lost."""
        renewing = asyncio.create_task(self._renew())
        try:
            while not renewing.done() and not (self.gained.is_set() and not self.is_held()):
                await asyncio.wait({renewing}, timeout=min(self._left or _LOOK, _LOOK))
            if renewing.done():
                renewing.result()
        finally:
            renewing.cancel()

    async def _renew(self) -> None:
        """Returns when the Lease was ours and is not any more: then not even a renewal is tried."""
        while True:
            started = self._clock()
            try:
                await self._turn()
            except (ClusterUnavailable, ClusterRefused) as error:
                self._note_failure(str(error), started)
            else:
                self._failing_since, self._why = None, ""
            if self.gained.is_set() and not self.is_held():
                return
            # From start to start: of a slow call, the next one must not begin later still.
            pause = RETRY * random.uniform(0.8, 1.2)  # noqa: S311 (jitter)
            await asyncio.sleep(max(started + pause - self._clock(), 0.0))

    def _note_failure(self, why: str, started: float) -> None:
        """Log each cause once: a Role that is missing would fill the log every two seconds."""
        self._failed()
        log.log(logging.DEBUG if why == self._why else logging.WARNING, "failed renewal of Lease: %s", why)
        self._why = why
        if self._failing_since is None:
            self._failing_since = started

    async def release(self) -> None:
        """Let another replica lead at once."""
        if self._renewed is None:
            return
        self._renewed = None
        lease = await self._leases.read()
        if lease and lease.holder == self._identity:
            await self._leases.write(lease.released(datetime.now(UTC)))

    async def _turn(self) -> None:
        """Renew by one call over the Lease as we know it; read it first if it is not ours, or others wrote it."""
        if self._renewed is not None and self._known and await self._is_written(self._known):
            return
        lease = await self._leases.read()
        if lease and lease.holder not in ("", self._identity) and not self._is_abandoned(lease):
            self._lost_to(lease)
        elif await self._is_written(lease) and not self.gained.is_set():
            log.info("became leader identity=%s", self._identity)
            self.gained.set()

    async def _is_written(self, before: Lease | None) -> bool:
        """Whether the Lease is ours from now on; False if others wrote it since `before`."""
        started = self._clock()
        timeout = self._left if self._renewed is not None else RENEW_DEADLINE
        self._known = await self._leases.write(self._mine(before), timeout=timeout + _LOOK)
        if self._known:
            self._renewed = started
        return self._known is not None

    def _lost_to(self, lease: Lease) -> None:
        if self._renewed is not None:
            self._renewed = None
            log.error("lost Lease holder=%s", lease.holder)

    def _is_abandoned(self, lease: Lease) -> bool:
        """Whether its holder did not renew it for its whole duration, by our own clock."""
        if self._seen is None or self._seen[0] != lease.resource_version:
            self._seen = (lease.resource_version, self._clock())
        return self._clock() - self._seen[1] > lease.duration

    def _mine(self, lease: Lease | None) -> Lease:
        return Lease.held_by(self._identity, DURATION, datetime.now(UTC), before=lease)
