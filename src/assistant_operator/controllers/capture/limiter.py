"""How many edits are captured at a time: large ones count more, and each namespace has its turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from assistant_operator.api.assistant import Assistant
from assistant_operator.runtime.fairness import FairSemaphore

_AT_ONCE, _WEIGHT = 32, 8_192
"""Edits that are captured at one time, and the bytes from which on one counts as two.

With more of them, or of large ones, an API server that is short of processors sends the next watch events seconds late.
"""
_FEW = 4
"""Edits that are captured at one time, up to which there is no burst."""
_LULL = 0.15
"""Seconds with no more than a few edits until a burst is over: the edits of one burst do not arrive evenly."""
_PATIENCE = 2.0
"""Seconds of a burst after which some of the other work goes on."""


class CaptureLimiter:
    """Limits concurrent captures, and signals a burst: then other writes wait, because edits are captured first."""

    def __init__(self) -> None:
        self._turns = FairSemaphore(_AT_ONCE)
        self._trying = 0
        self.calm = asyncio.Event()
        """Cleared during a burst of edits."""
        self.calm.set()
        self.bearable = asyncio.Event()
        """Cleared during the first seconds of a burst."""
        self.bearable.set()
        self._many_at = 0.0

    @asynccontextmanager
    async def turn(self, assistant: Assistant) -> AsyncIterator[None]:
        """Wait for a turn to try to capture a state of that Assistant."""
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
        """End the burst, unless it went on after `many_at`."""
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
