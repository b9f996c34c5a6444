"""Waiting for a fact, never for a time."""

import inspect
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

T = TypeVar("T")

PATIENCE = 180.0
"""Seconds that a fact is waited for. A wait ends when the fact is there, so a busy machine may take its time."""
HEALING = PATIENCE + 300.0
"""Seconds until something that was refused is tried again: the operator pauses up to 300 s between tries."""


def eventually(look: Callable[[], T], within: float = PATIENCE) -> T:
    """What was seen, once it is something. The failure names the line that waits: a summary shows no more of it."""
    deadline = time.monotonic() + within
    while not (seen := look()):
        assert time.monotonic() < deadline, f"not within {within:.0f} s at {_caller()}; last seen: {seen!r}"
        time.sleep(0.05)
    return seen


def _caller() -> str:
    """File and line of the nearest caller outside this module."""
    frame = inspect.currentframe()
    while frame and frame.f_code.co_filename == __file__:
        frame = frame.f_back
    return f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno}" if frame else "an unknown line"
