"""Who records now: so many edits at once, large ones fewer, each namespace in turn."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ..resources.assistant import Assistant
from .fairness import Turns

_AT_ONCE, _WEIGHT = 32, 8_192
"""Edits that are being recorded at one time, and the bytes that make one weigh as two.

With more of them, or of large ones, an API server that is short of processors shows the next edits seconds late.
"""
_FEW = 4


class Crowd:
    """Those that are being recorded, and those that wait for it."""

    def __init__(self) -> None:
        self._turns = Turns(_AT_ONCE)
        self._trying = 0
        self.calm = asyncio.Event()
        """Set unless they are many."""
        self.calm.set()

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
            self.calm.clear()
        else:
            self.calm.set()


def _weight(assistant: Assistant) -> int:
    return 1 + len(assistant.spec.snapshot.canonical) // _WEIGHT
