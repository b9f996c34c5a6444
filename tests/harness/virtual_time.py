"""A simulation: processes on event loops of their own, one clock that jumps, one seed for everything that is chance."""

import asyncio
import gc
import itertools
import logging
import os
import random
import re
import signal
import ssl
import sys
import warnings
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Any, Self, TypeVar

import aiohappyeyeballs
import aiohttp

from .replacing import replaced
from .trace import Trace
from .virtual_clocks import Clock, simulated_clocks
from .virtual_guard import guarded
from .virtual_loop import NEVER, VirtualLoop
from .virtual_network import Network
from .virtual_node import Node, ProcessEnded
from .virtual_order import ordered

T = TypeVar("T")

BEGINNING = 1_000.0
"""The monotonic clock at the start: none is near its beginning."""
EPOCH = datetime(2027, 1, 1, tzinfo=UTC).timestamp()
_ADDRESS = re.compile(" at 0x[0-9a-f]+")
_COLLECT_EVERY = 20
"""Simulations in a process that disabled the collection of garbage: it takes a tenth of a small simulation."""
_simulations = itertools.count(1)
_MOST_BATCHES = 50_000
TEST = "test"
"""The name of the process that the test itself is."""


@cache
def _any_tls() -> ssl.SSLContext:
    return _create_default_context()


_create_default_context = ssl.create_default_context


def _close_clients() -> None:
    """What a traceback or the test's own world refers to lives on, and would complain in another test."""
    for each in gc.get_objects():
        if isinstance(each, aiohttp.BaseConnector):
            next(each.close().__await__(), None)  # it is closed before it waits for its connections
        elif isinstance(each, aiohttp.ClientSession):
            each.detach()


class StandsStill(Exception):
    """Nothing will ever happen any more, or callbacks run without end at one instant."""


class Simulation:
    """Use it as a context manager, and `run` the test's coroutine. The same seed gives the same schedule.

    In another Python process it does so with the same PYTHONHASHSEED: the order of a set of texts is that of hashes.
    """

    def __init__(self, seed: int = 0) -> None:
        self.seed = seed
        self.now = BEGINNING
        self.chance = random.Random(f"{seed} simulation")
        """For the test's own decisions. The operator's chance and the schedule's are others."""
        self.trace = Trace(self.elapsed)
        self.failures: list[str] = []
        """Exceptions that nothing handled, as asyncio reports them."""
        self.verdict: str | None = None
        """Why there is no use in going on: `run` raises it as an AssertionError."""
        self._schedule = random.Random(f"{seed} schedule")
        self.network = Network(self, self.trace, self._schedule)
        self._serial = 0
        self._batches = 0
        self._nodes: dict[str, Node] = {}
        self._past: list[Node] = []
        self._generators: dict[int, VirtualLoop] = {}
        self._stack = ExitStack()
        self._is_alone = gc.isenabled()
        """Whether garbage is collected at the end of this one; else after many, as who disabled it wishes."""

    def __enter__(self) -> Self:
        freeze = gc.freeze
        self._stack.enter_context(guarded())
        clock = Clock(lambda: self.now, self._wall)
        self._stack.enter_context(simulated_clocks(clock, self.seed))
        self._stack.enter_context(replaced(aiohappyeyeballs, "start_connection", self.network.start_connection))
        self._stack.enter_context(ordered())
        self._stack.enter_context(replaced(os, "_exit", self._exit))
        # kopf ends its process so when its own end takes too long.
        self._stack.enter_context(replaced(signal, "pthread_kill", self._kill))
        # Each client makes one, which takes as long as a hundred requests. There is no TLS to use it for.
        self._stack.enter_context(replaced(ssl, "create_default_context", lambda *_, **__: _any_tls()))
        self._stack.callback(sys.set_asyncgen_hooks, *sys.get_asyncgen_hooks())
        sys.set_asyncgen_hooks(self._first_iteration, self._finalize)
        # Garbage in cycles would be collected at another moment in each run, and with it its clean-up code.
        if self._is_alone:
            gc.disable()
            self._stack.callback(gc.enable)
            freeze()  # what was there before is not looked through at the end
            self._stack.callback(gc.unfreeze)
        self.node(TEST)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._stack:
            for node in self._nodes.values():
                node.loop.die()
            self._dispose([*self._past, *self._nodes.values()], is_failed=kind is not None)

    def _dispose(self, dead: list[Node], *, is_failed: bool) -> None:
        """Free what dead processes hold. Their clean-up code runs now, where nobody hears of it."""
        disabled = logging.root.manager.disable
        logging.disable()
        try:
            with warnings.catch_warnings(), replaced(sys, "unraisablehook", lambda _: None):
                warnings.simplefilter("ignore")
                asyncio._set_running_loop(dead[-1].loop)  # noqa: SLF001 (what every implementation of a loop calls)
                if is_failed or self._is_alone:
                    _close_clients()
                for node in dead:
                    asyncio._set_running_loop(node.loop)  # noqa: SLF001
                    node.loop.dispose()
                # What refers to itself in circles through us could not be collected now.
                self._nodes.clear()
                self._past.clear()
                self.network.clear()
                if self._is_alone or next(_simulations) % _COLLECT_EVERY == 0:
                    gc.collect()
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001
            logging.disable(disabled)

    def elapsed(self) -> float:
        """Virtual seconds since the start."""
        return self.now - BEGINNING

    def node(self, name: str) -> Node:
        """The last process of that name, dead or alive; the first one if there is none yet."""
        return self._nodes[name] if name in self._nodes else self.new_node(name)

    def new_node(self, name: str) -> Node:
        """Another process of that name, after the one before ended."""
        before = self._nodes.get(name)
        if before:
            assert not before.is_alive, f"{name} is still running"
            self._past.append(before)
        self.network.add_host(name)
        # What is missing raises NotImplementedError.
        loop = VirtualLoop(name, self, self.network)  # type: ignore[abstract]
        node = self._nodes[name] = Node(loop, self, self.network, self.trace)
        return node

    def run(self, work: Coroutine[Any, Any, T], *, limit: float = 30 * 86_400) -> T:
        """What comes of `work`, which runs in the test's process. Raises TimeoutError after `limit` virtual seconds."""
        task = self.node(TEST).start(work)
        end = self.now + limit
        while not task.done():
            self._turn()
            if self.verdict:
                raise AssertionError(self.verdict)
            if self.now > end:
                raise TimeoutError(f"not done after {limit:g} virtual seconds")
        return task.result()

    async def outcome(self, task: asyncio.Task[T]) -> T:
        """Wait in the test for a task of another process."""
        done = asyncio.Event()
        task.add_done_callback(lambda _: done.set())
        await done.wait()
        return task.result()

    async def eventually(self, holds: Callable[[], object], within: float = 60.0, every: float = 0.05) -> None:
        """Wait until `holds()` is true. Raises AssertionError after `within` virtual seconds."""
        end = self.now + within
        while not holds():
            assert self.now < end, f"not within {within:g} virtual seconds:\n{self.trace.text(40)}"
            await asyncio.sleep(every)

    # As a Scheduler

    def serial(self) -> int:
        self._serial += 1
        return self._serial

    def unhandled(self, loop: VirtualLoop, message: str, error: BaseException | None) -> None:
        text = _ADDRESS.sub("", f"{message}: {error!r}")
        self.trace.add(loop.name, f"failed: {text}")
        self.failures.append(f"{loop.name}: {text}")

    def _turn(self) -> None:
        """Run a batch of callbacks of one process, as the seed says; jump to the next event if none is ready."""
        now, earliest = self.now, NEVER
        ready = []
        for node in self._nodes.values():
            due = node.loop.due()
            if due <= now:
                ready.append(node)
            if due < earliest:  # noqa: PLR1730 (min takes longer, and this is the innermost loop of all)
                earliest = due
        if earliest == NEVER:
            raise StandsStill(f"nothing is left to happen:\n{self.trace.text(40)}")
        if earliest > self.now:
            self.now, self._batches = earliest, 0
        self._batches += 1
        if self._batches > _MOST_BATCHES:
            raise StandsStill(f"callbacks without end at {self.elapsed():g} s:\n{self.trace.text(40)}")
        if ready:
            self._run(ready[0] if len(ready) == 1 else self._schedule.choice(ready))

    def _run(self, node: Node) -> None:
        asyncio._set_running_loop(node.loop)  # noqa: SLF001 (what every implementation of a loop calls)
        try:
            node.loop.run_batch()
        except SystemExit as exit_:
            node.exit(exit_.code if isinstance(exit_.code, int) else 1)
        finally:
            asyncio._set_running_loop(None)  # noqa: SLF001

    def _exit(self, code: int) -> None:
        self._node_of(asyncio.get_running_loop()).exit(code)
        raise ProcessEnded(code)

    def _kill(self, _: int, number: int) -> None:
        self._node_of(asyncio.get_running_loop()).crash(f"is ended by signal {number}")

    def _node_of(self, loop: asyncio.AbstractEventLoop | None) -> Node:
        return next(node for node in self._nodes.values() if node.loop is loop)

    def _wall(self, loop: asyncio.AbstractEventLoop | None) -> float:
        skew = next((node.skew for node in self._nodes.values() if node.loop is loop), 0.0)
        return EPOCH + self.elapsed() + skew

    def _first_iteration(self, generator: AsyncGenerator[Any, None]) -> None:
        loop = asyncio._get_running_loop()  # noqa: SLF001 (None at the very end)
        if isinstance(loop, VirtualLoop):
            self._generators[id(generator)] = loop

    def _finalize(self, generator: AsyncGenerator[Any, None]) -> None:
        loop = self._generators.pop(id(generator), None)
        if loop:
            loop.finalize(generator)
