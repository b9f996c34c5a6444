"""Edits that no watch showed: they are read from the API server's watch cache, then from its exact history."""

import asyncio
from collections.abc import Awaitable, Callable

from assistant_operator.api.assistant import Assistant
from assistant_operator.clients.kubernetes.cluster import Cluster

MOST_READS = 500
_AT_ONCE = 8


async def newest_before(end: int, is_before: Callable[[int], Awaitable[bool]]) -> int:
    """Return the newest resource version below `end` for which `is_before` holds, or 1.

    `is_before` holds up to some resource version, and for none after it.
    """
    step = 1
    while step < end and not await is_before(end - step):
        step *= 2
    low, high = max(1, end - step), end - step // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await is_before(middle) else (low, middle)
    return low


class MissedEditRecovery:
    """Finds the states of an Assistant between the last captured one and a given one.

    It bisects resource versions. Kubernetes promises only their order; that the storage counts them in steps of one is
    how etcd does it. A gap in them costs reads and finds the same states.
    """

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._turns = asyncio.Semaphore(_AT_ONCE)

    async def between(self, observed: int, assistant: Assistant) -> list[Assistant]:
        """Return the states of the generations after `observed` and before its own that are held, oldest first."""
        async with self._turns:
            found = await _Search(self._cluster, observed, assistant).run()
        return [found[generation] for generation in sorted(found)]


class _Search:
    def __init__(self, cluster: Cluster, observed: int, assistant: Assistant) -> None:
        self._cluster = cluster
        self._observed = observed
        self._assistant = assistant
        self._end = assistant.metadata.position
        self._found: dict[int, Assistant] = {}
        self._reads = 0

    async def run(self) -> dict[int, Assistant]:
        # The newest state that is captured, or the oldest that the API server holds.
        since = await newest_before(self._end, self._is_before)
        if await self._is_replayed(since) and self._is_lacking and await self._at(since) == "Expired":
            await self._replay_from_before(since)
        if self._is_lacking:
            await self._fill(since, self._observed, self._end, self._assistant.metadata.generation)
        return self._found

    @property
    def _is_lacking(self) -> bool:
        return len(self._found) < self._assistant.metadata.generation - self._observed - 1

    async def _is_replayed(self, since: int) -> bool:
        """Read all events since then from the watch cache. Returns False if it does not go back so far."""
        states = await self._cluster.replay(self._assistant.key, since, self._end)
        for state in states if states != "Expired" else ():
            self._keep(state)
        return states != "Expired"

    async def _replay_from_before(self, since: int) -> None:
        """In a quiet cluster the watch cache holds more than the history: find the oldest event that it holds."""
        low, high = 0, since
        while self._is_lacking and high - low > 1:
            middle = (low + high) // 2
            low, high = (low, middle) if await self._is_replayed(middle) else (middle, high)

    def _keep(self, state: Assistant) -> None:
        generation = state.metadata.generation
        same = state.metadata.uid == self._assistant.metadata.uid
        if same and self._observed < generation < self._assistant.metadata.generation:
            self._found.setdefault(generation, state)

    async def _is_before(self, revision: int) -> bool:
        state = await self._at(revision)
        return not isinstance(state, Assistant) or state.metadata.generation <= self._observed

    async def _at(self, revision: int) -> Assistant | str | None:
        self._reads += 1
        state = await self._cluster.assistant_at(self._assistant.key, revision)
        if isinstance(state, Assistant):
            if state.metadata.uid != self._assistant.metadata.uid:
                return None
            self._keep(state)
        return state

    async def _fill(self, low: int, generation_low: int, high: int, generation_high: int) -> None:
        """Bisect the resource versions between two known states until no generation is missing between them."""
        if generation_high - generation_low <= 1 or high - low <= 1 or self._reads >= MOST_READS:
            return
        middle = (low + high) // 2
        state = await self._at(middle)
        if not isinstance(state, Assistant):
            await self._fill(middle, generation_low, high, generation_high)
            return
        generation = state.metadata.generation
        await self._fill(low, generation_low, min(middle, state.metadata.position), generation)
        await self._fill(middle, generation, high, generation_high)
