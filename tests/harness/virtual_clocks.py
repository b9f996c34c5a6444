"""Makes every clock and every source of chance of Python that of the simulation, for as long as it runs."""

import asyncio
import datetime as dt
import gc
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from assistant_operator.runtime import memory

from .replacing import replaced

_OURS = ("aiohttp", "aiohappyeyeballs", "assistant_operator", "kopf", "kubernetes", "harness", "tests", "__main__")
"""Packages whose own names for clocks (`from time import monotonic`) are replaced, too."""
_Datetime = dt.datetime
_places: tuple[int, dict[tuple[str, str], list[Any]]] = (0, {})


class Clock:
    """What the clocks show to whoever asks: each process may have another wall clock."""

    def __init__(
        self, monotonic: Callable[[], float], wall: Callable[[asyncio.AbstractEventLoop | None], float]
    ) -> None:
        """`monotonic`: seconds. `wall`: seconds since 1970, as the process of that loop sees it."""
        self.monotonic = monotonic
        self._wall = wall

    def wall(self) -> float:
        return self._wall(asyncio._get_running_loop())  # noqa: SLF001 (get_running_loop raises where none runs)


@contextmanager
def simulated_clocks(clock: Clock, seed: int) -> Iterator[None]:
    """Replace `time`, `datetime.now`, `random`, `os.urandom` (so `uuid4`) and `secrets` until the end."""
    chance = random.Random(f"{seed} os.urandom")
    clocks: dict[tuple[Any, str], Any] = {
        (time, "time"): clock.wall,
        (time, "time_ns"): lambda: round(clock.wall() * 1e9),
        (time, "monotonic"): clock.monotonic,
        (time, "monotonic_ns"): lambda: round(clock.monotonic() * 1e9),
        (time, "perf_counter"): clock.monotonic,
        (time, "clock_gettime"): lambda which: clock.wall() if which == time.CLOCK_REALTIME else clock.monotonic(),
        (os, "urandom"): chance.randbytes,
        (secrets, "token_bytes"): lambda nbytes=None: chance.randbytes(32 if nbytes is None else nbytes),
    }
    state = random.getstate()
    with ExitStack() as stack:
        stack.callback(_restore_late, {**clocks, (dt, "datetime"): VirtualDatetime})
        for (module, name), value in clocks.items():
            for place in _modules_with(module, name):
                stack.enter_context(replaced(place, name, value))
        VirtualDatetime.clock = clock
        for place in _modules_with(dt, "datetime"):
            stack.enter_context(replaced(place, "datetime", VirtualDatetime))
        # A process freezes what it holds, and gives back what is free; here other processes live in the same memory.
        stack.enter_context(replaced(gc, "freeze", lambda: None))
        stack.enter_context(replaced(memory, "trim", lambda: False))
        random.seed(f"{seed} random")
        stack.callback(random.setstate, state)
        yield


def _modules_with(module: Any, name: str) -> list[Any]:
    """The modules whose attribute of that name is the one of `module`. Looked up anew when modules were imported."""
    global _places  # noqa: PLW0603 (thousands of simulations in one process look through thousands of modules)
    if _places[0] != len(sys.modules):
        _places = (len(sys.modules), {})
    found = _places[1].get((module.__name__, name))
    if found is None:
        value = getattr(module, name)
        found = [each for each in _ours() if each.__dict__.get(name) is value]
        found += [] if module is dt else [module]
        _places[1][module.__name__, name] = found
    return found


def _restore_late(changes: dict[tuple[Any, str], Any]) -> None:
    """Give modules that were imported during the simulation what they would have got at another time."""
    if _places[0] != len(sys.modules):
        for (module, name), value in changes.items():
            for each in _ours():
                if each.__dict__.get(name) is value:
                    setattr(each, name, getattr(module, name))


def _ours() -> list[Any]:
    return [each for key, each in sys.modules.items() if key.split(".")[0] in _OURS and each is not None]


class _AnyDatetime(type):
    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, _Datetime)


class VirtualDatetime(_Datetime, metaclass=_AnyDatetime):
    """A stand-in for the class `datetime`; it makes real ones."""

    clock: Clock
    """Of the simulation that runs."""

    def __new__(cls, *values: Any, **named: Any) -> Any:
        return _Datetime(*values, **named)

    @classmethod
    def now(cls, tz: Any = None) -> Any:
        return _Datetime.fromtimestamp(cls.clock.wall(), tz)

    @classmethod
    def fromisoformat(cls, date_string: str) -> Any:
        return _Datetime.fromisoformat(date_string)

    @classmethod
    def fromtimestamp(cls, timestamp: float, tz: Any = None) -> Any:
        return _Datetime.fromtimestamp(timestamp, tz)
