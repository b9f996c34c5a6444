"""Work that competes for the API server, by priority: captures, then reconciles, then those of versions.

An edit that is not captured can be lost, so nothing else may keep it waiting. LangGraph Servers have limits of their
own.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

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
"""Seconds that other work waits for a burst of edits, and the versions of one Assistant for those of another."""
_WEIGHT = 8_192
"""Bytes of content from which on a capture counts as two."""
_EDITED = 0.3
"""Seconds after a capture in which the versions of one Assistant are reconciled at a time.

On two processors, an edit took 50 to 95 ms beside those of four, and at most 37 ms beside those of one.
"""


class Turns:
    """Namespaces have their turns within one priority."""

    def __init__(self) -> None:
        self._semaphore = PrioritySemaphore(_CAPTURES, _TOLERATED, lull=_LULL, patience=_PATIENCE)
        self._beside_edits = asyncio.Semaphore()
        self._captured_at = -_EDITED
        """When the turn of an edit was asked for last, by the loop's clock."""

    def to_capture(self, assistant: Assistant) -> AbstractAsyncContextManager[None]:
        self._captured_at = asyncio.get_running_loop().time()
        weight = 1 + len(assistant.spec.snapshot.canonical) // _WEIGHT
        return self._semaphore.turn(_CAPTURE, assistant.metadata.namespace, weight)

    def to_reconcile(self, key: Key) -> AbstractAsyncContextManager[None]:
        return self._semaphore.turn(_RECONCILE, key[0])

    @asynccontextmanager
    async def to_reconcile_versions(self, key: Key) -> AsyncGenerator[None, None]:
        is_alone = self._is_edited() and await self._alone()
        try:
            async with self._semaphore.turn(_VERSIONS, key[0]):
                yield
        finally:
            if is_alone:
                self._beside_edits.release()

    def _is_edited(self) -> bool:
        return asyncio.get_running_loop().time() - self._captured_at < _EDITED

    async def _alone(self) -> bool:
        """Wait until no other is reconciled beside edits. Returns False if one of them takes long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                return await self._beside_edits.acquire()
        return False
