"""One simulated process: what runs on its own event loop, and what can happen to a process."""

import asyncio
import signal
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

from .trace import Trace
from .virtual_loop import Scheduler, VirtualLoop
from .virtual_network import Network

T = TypeVar("T")


class ProcessEnded(BaseException):
    """Ends the code that called `os._exit`."""


class Node:
    """A process on a host of its own name. A crashed one never runs again: the next of that name is a new Node."""

    def __init__(self, loop: VirtualLoop, scheduler: Scheduler, network: Network, trace: Trace) -> None:
        self.loop = loop
        self.skew = 0.0
        """Seconds by which its wall clock is ahead of the simulation's."""
        self.exit_code: int | None = None
        self._scheduler = scheduler
        self._network = network
        self._trace = trace

    @property
    def name(self) -> str:
        return self.loop.name

    @property
    def is_alive(self) -> bool:
        return not self.loop.is_dead

    def start(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run `work` in this process. Await it elsewhere with `Simulation.outcome` only.

        If it raises, that is a failure of the simulation, whether or not anybody awaits it.
        """
        task = self.loop.create_task(work, context=Context())
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        if not task.cancelled() and (error := task.exception()):
            self._scheduler.unhandled(self.loop, f"{task.get_name()} ended", error)

    def crash(self, why: str = "crashes") -> None:
        """End it at once, as SIGKILL does: no clean-up code runs, and its connections are reset."""
        self._end(why, -signal.SIGKILL)

    def exit(self, code: int) -> None:
        """What `os._exit` does in it."""
        self._end(f"exits with {code}", code)

    def freeze(self, seconds: float) -> None:
        """Run nothing of it for that long, as after SIGSTOP. What arrives meanwhile waits for it."""
        self._trace.add(self.name, f"is frozen for {seconds:g} s")
        self.loop.frozen_until = max(self.loop.frozen_until, self._scheduler.now + seconds)

    def signal(self, number: signal.Signals) -> None:
        """Call its handler of that signal. Raises KeyError if it has none."""
        self._trace.add(self.name, f"receives {number.name}")
        self.loop.signal(number)

    def _end(self, why: str, code: int) -> None:
        if self.is_alive:
            self._trace.add(self.name, why)
            self.exit_code = code
            self.loop.die()
            self._network.remove(self.loop)
