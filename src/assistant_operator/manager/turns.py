"""Work that competes for the API server, by priority: captures, then reconciles, then those of versions.

An edit that is not captured can be lost, so nothing else may keep it waiting. LangGraph Servers have limits of their
own.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from cachetools import TTLCache

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import Key
from assistant_operator.runtime.fairness import PrioritySemaphore

_CAPTURE, _RECONCILE, _VERSIONS = range(3)
_CAPTURES = 32
"""With more captures at a time, an API server that is short of processors sends the next watch events seconds late."""
_TOLERATED = 4, 4
"""Captures beside which reconciles begin; and captures and reconciles beside which those of versions begin."""
_LULL = 0.15
"""Seconds with no more than these until a burst is over: the edits of one burst do not arrive evenly."""
_PATIENCE = 2.0
"""Seconds that other work waits for a burst of edits, and one Assistant for another beside edits."""
_WEIGHT = 8_192
"""Bytes of content from which on a capture counts as two."""
_EDITED = 0.3
"""Seconds after a capture in which edits come: less is reconciled at a time then."""
_VERSIONS_BESIDE_EDITS = 1
"""Assistants whose versions are reconciled at a time. On two processors, an edit took 50 to 95 ms beside those of four,
and at most 37 ms beside those of one.
"""
_OTHERS_BESIDE_EDITS = 1
"""Assistants that are reconciled at a time and were not edited: after a change of schemas, thousands are."""
_EDITED_LATELY, _MOST_EDITED = 5.0, 10_000
"""Seconds for which an Assistant counts as edited, and how many are remembered."""


class Turns:
    """Namespaces have their turns within one priority."""

    def __init__(self) -> None:
        self._semaphore = PrioritySemaphore(_CAPTURES, _TOLERATED, lull=_LULL, patience=_PATIENCE)
        self._versions_beside_edits = asyncio.Semaphore(_VERSIONS_BESIDE_EDITS)
        self._others_beside_edits = asyncio.Semaphore(_OTHERS_BESIDE_EDITS)
        self._captured_at = -_EDITED
        """When the turn of an edit was asked for last, by the loop's clock."""
        self._edited: TTLCache[Key, None] = TTLCache(_MOST_EDITED, _EDITED_LATELY, timer=_now)

    def to_capture(self, assistant: Assistant) -> AbstractAsyncContextManager[None]:
        self._captured_at = _now()
        self._edited[assistant.key] = None
        weight = 1 + len(assistant.spec.snapshot.canonical) // _WEIGHT
        return self._semaphore.turn(_CAPTURE, assistant.metadata.namespace, weight)

    def to_reconcile(self, key: Key) -> AbstractAsyncContextManager[None]:
        return self._semaphore.turn(_RECONCILE, key[0])

    def to_reconcile_assistant(self, key: Key) -> AbstractAsyncContextManager[None]:
        if key in self._edited:
            return self.to_reconcile(key)
        return self._beside_edits(self._others_beside_edits, _RECONCILE, key)

    def to_reconcile_versions(self, key: Key) -> AbstractAsyncContextManager[None]:
        return self._beside_edits(self._versions_beside_edits, _VERSIONS, key)

    @asynccontextmanager
    async def _beside_edits(self, places: asyncio.Semaphore, priority: int, key: Key) -> AsyncGenerator[None, None]:
        """Hold the turn, and while edits come also one of these places."""
        has_place = _now() - self._captured_at < _EDITED and await _acquired(places)
        try:
            async with self._semaphore.turn(priority, key[0]):
                yield
        finally:
            if has_place:
                places.release()


async def _acquired(places: asyncio.Semaphore) -> bool:
    """Wait for a place. Returns False if those who have one take long."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_PATIENCE):
            return await places.acquire()
    return False


def _now() -> float:
    return asyncio.get_running_loop().time()
