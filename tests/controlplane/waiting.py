"""Waiting for a fact, never for a time."""

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 180.0
"""Seconds that a fact is waited for. A wait ends when the fact is there, so a busy machine may take its time."""


def eventually(look: Callable[[], T], within: float = PATIENCE) -> T:
    """What was seen, once it is something."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s; last seen: {seen!r}"
        time.sleep(0.05)
    return seen
