"""Waiting for a fact, never for a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def eventually(look: Callable[[], Awaitable[T]], within: float = 60.0) -> T:
    """What was seen, once it is something."""
    deadline = asyncio.get_running_loop().time() + within
    while not (seen := await look()):
        assert asyncio.get_running_loop().time() < deadline, f"not within {within:.0f} s; last seen: {seen!r}"
        await asyncio.sleep(0.02)
    return seen
