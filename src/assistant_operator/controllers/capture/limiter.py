"""Who records now: so many edits at once, large ones fewer, each namespace in turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from assistant_operator.api.assistant import Assistant
from assistant_operator.runtime.fairness import FairSemaphore

_AT_ONCE, _WEIGHT = 32, 8_192
"""Edits that are being recorded at one time, and the bytes that make one weigh as two.

With more of them, or of large ones, an API server that is short of processors shows the next edits seconds late.
"""
_FEW = 4
_LULL = 0.15
"""Seconds with no more than a few, until a crowd is over: those of one burst do not come evenly."""
_PATIENCE = 2.0
"""Seconds of a crowd that whatever is not history waits for at most."""


class CaptureLimiter:
    """Those that are being recorded, and those that wait for it. History comes first: all else can wait a little."""

    def __init__(self) -> None:
        self._turns = FairSemaphore(_AT_ONCE)
        self._trying = 0
        self.calm = asyncio.Event()
        """Set unless they are many."""
        self.calm.set()
        self.bearable = asyncio.Event()
        """Set unless they became many just now: it may pass soon."""
        self.bearable.set()
        self._many_at = 0.0

    @asynccontextmanager
    async def turn(self, assistant: Assistant) -> AsyncIterator[None]:
        """For one try at recording a state of that Assistant."""
        self._count(+1)
        try:
            async with self._turns.turn(assistant.metadata.namespace, _weight(assistant)):
                yield
        finally:
            self._count(-1)

    def _count(self, more: int) -> None:
        self._trying += more
        if self._trying > _FEW:
            self._many_at = asyncio.get_running_loop().time()
            if self.calm.is_set():
                self._begin()

    def _begin(self) -> None:
        self.calm.clear()
        self.bearable.clear()
        loop = asyncio.get_running_loop()
        borne = loop.call_later(_PATIENCE, self.bearable.set)
        loop.call_later(_LULL, self._settle, borne, self._many_at)

    def _settle(self, borne: asyncio.TimerHandle, many_at: float) -> None:
        """Say that it is over, unless they have been many since `many_at`."""
        loop = asyncio.get_running_loop()
        if self._trying > _FEW:
            self._many_at = loop.time()
        if self._many_at > many_at:
            loop.call_at(self._many_at + _LULL, self._settle, borne, self._many_at)
            return
        borne.cancel()
        self.calm.set()
        self.bearable.set()


def _weight(assistant: Assistant) -> int:
    return 1 + len(assistant.spec.snapshot.canonical) // _WEIGHT
