"""Leadership by a Lease: one replica writes, the others stand by. Correctness never rests on it."""

import asyncio
import logging
import random
from collections.abc import Callable
from datetime import UTC, datetime

from ..gateways.api_server import ClusterRefused, ClusterUnavailable
from ..gateways.leases import Lease, Leases

log = logging.getLogger(__name__)

DURATION, RENEW_DEADLINE, RETRY = 15.0, 10.0, 2.0


class Leadership:
    """Holds a Lease, or waits for it."""

    def __init__(self, leases: Leases, *, identity: str, clock: Callable[[], float]) -> None:
        """`clock`: seconds that go on while the process is stopped."""
        self._leases = leases
        self._identity = identity
        self._clock = clock
        self._renewed: float | None = None
        self._seen: tuple[str, float] | None = None
        self.gained = asyncio.Event()

    def is_held(self) -> bool:
        """Whether the Lease is surely ours now. Asked before each write: a frozen leader finds out before it writes."""
        return self._renewed is not None and self._clock() - self._renewed < RENEW_DEADLINE

    async def run(self) -> None:
        """Try for the Lease and keep it; returns when it was held and is lost."""
        while True:
            try:
                await self._turn()
            except (ClusterUnavailable, ClusterRefused) as error:
                log.warning("the Lease could not be renewed: %s", error)
            if self.gained.is_set() and not self.is_held():
                return
            await asyncio.sleep(RETRY * random.uniform(0.8, 1.2))  # noqa: S311 (jitter)

    async def release(self) -> None:
        """Let another replica lead at once."""
        if self._renewed is None:
            return
        self._renewed = None
        lease = await self._leases.read()
        if lease and lease.holder == self._identity:
            await self._leases.write(lease.released(datetime.now(UTC)))

    async def _turn(self) -> None:
        started = self._clock()
        lease = await self._leases.read()
        if lease and lease.holder not in ("", self._identity) and not self._is_abandoned(lease):
            if self._renewed is not None:
                self._renewed = None
                log.error("the Lease was taken by %s", lease.holder)
            return
        if await self._leases.write(self._mine(lease)):
            self._renewed = started
            if not self.gained.is_set():
                log.info("leading as %s", self._identity)
                self.gained.set()

    def _is_abandoned(self, lease: Lease) -> bool:
        """Whether its holder did not renew it for its whole duration, by our own clock."""
        if self._seen is None or self._seen[0] != lease.resource_version:
            self._seen = (lease.resource_version, self._clock())
        return self._clock() - self._seen[1] > lease.duration

    def _mine(self, lease: Lease | None) -> Lease:
        return Lease.held_by(self._identity, DURATION, datetime.now(UTC), before=lease)
