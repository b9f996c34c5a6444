"""The asyncio event loop of one simulated process. It has no selector, no thread and no clock of its own.

It implements what asyncio, aiohttp and kopf use. Everything else of `AbstractEventLoop` raises NotImplementedError:
a simulation that needs a pipe, a subprocess or a raw socket fails at once.
"""

import asyncio
import heapq
import logging
import socket
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextvars import Context
from typing import Any, Protocol, TypeVar

from .virtual_handle import Callback, VirtualHandle
from .virtual_order import VirtualFuture, VirtualTask

T = TypeVar("T")
NEVER = float("inf")
log = logging.getLogger("asyncio")


class Scheduler(Protocol):
    """What all loops of one simulation share."""

    now: float

    def serial(self) -> int:
        """The next number of a sequence: it makes orders and hashes independent of addresses."""

    def unhandled(self, loop: "VirtualLoop", message: str, error: BaseException | None) -> None:
        """Record an exception that no code of that loop handled."""


class Connector(Protocol):
    """The network, as a loop uses it."""

    def addresses(self, host: str, port: int) -> list[tuple[Any, ...]]: ...

    def listen(self, loop: "VirtualLoop", port: int, factory: Callable[[], Any]) -> asyncio.AbstractServer: ...


class VirtualLoop(asyncio.AbstractEventLoop):
    """Callbacks, timers, arrivals from the network and tasks of one process."""

    def __init__(self, name: str, scheduler: Scheduler, network: Connector) -> None:
        self.name = name
        self.is_dead = False
        self.frozen_until = 0.0
        self._scheduler = scheduler
        self._network = network
        self._ready: deque[VirtualHandle] = deque()
        self._timers: list[tuple[float, int, VirtualHandle]] = []
        self._arrivals: list[tuple[float, int, VirtualHandle]] = []
        self._next = NEVER
        self._tasks: dict[int, VirtualTask[Any]] = {}
        self._prune_at = 1_000
        self._signals: dict[int, VirtualHandle] = {}

    # What the scheduler uses

    def due(self) -> float:
        """The earliest time at which there may be something to run."""
        if self._ready or self._next < self.frozen_until:
            return self.frozen_until
        return self._next

    def run_batch(self) -> None:
        """Run what is ready, as one iteration of asyncio's loop does: the network first, then timers."""
        now = self._scheduler.now
        for queue in (self._arrivals, self._timers):
            while queue and (queue[0][0] <= now or queue[0][2].is_cancelled):
                self._ready.append(heapq.heappop(queue)[2])
        arrival = self._arrivals[0][0] if self._arrivals else NEVER
        timer = self._timers[0][0] if self._timers else NEVER
        self._next = min(arrival, timer)
        ready = self._ready
        for _ in range(len(ready)):
            if self.frozen_until > now or self.is_dead:
                return
            handle = ready.popleft()
            if not handle.is_cancelled:
                handle.run()

    def arrive(self, when: float, callback: Callback, *args: Any) -> None:
        """Run `callback` at that time, as for data that the kernel received."""
        self._wait(self._arrivals, VirtualHandle(when, callback, args, self, Context()))

    def signal(self, number: int) -> None:
        """Deliver a signal to its handler. Raises KeyError if the process has none for it."""
        handle = self._signals[number]
        self.arrive(self._scheduler.now, handle.run)

    def die(self) -> None:
        """End the process at once: nothing of it runs any more, no clean-up code either."""
        self.is_dead = True
        self._ready.clear()
        self._timers.clear()
        self._arrivals.clear()
        self._signals.clear()
        self._next = NEVER

    def dispose(self) -> None:
        """Free the suspended coroutines of a dead process, and those that their clean-up code makes."""
        while self._tasks:
            self._tasks.pop(next(iter(self._tasks))).abandon()

    def unfinished(self) -> list[VirtualTask[Any]]:
        return [task for task in self._tasks.values() if not task.done()]

    # What asyncio, aiohttp and kopf use

    def time(self) -> float:
        return self._scheduler.now

    def call_soon(self, callback: Callback, *args: Any, context: Context | None = None) -> VirtualHandle:  # type: ignore[override]
        handle = VirtualHandle(0.0, callback, args, self, context)
        if not self.is_dead:
            self._ready.append(handle)
        return handle

    call_soon_threadsafe = call_soon  # type: ignore[assignment]

    def call_later(  # type: ignore[override]
        self, delay: float, callback: Callback, *args: Any, context: Context | None = None
    ) -> VirtualHandle:
        return self.call_at(self._scheduler.now + delay, callback, *args, context=context)

    def call_at(self, when: float, callback: Callback, *args: Any, context: Context | None = None) -> VirtualHandle:  # type: ignore[override]
        handle = VirtualHandle(when, callback, args, self, context)
        self._wait(self._timers, handle)
        return handle

    def _wait(self, queue: list[tuple[float, int, VirtualHandle]], handle: VirtualHandle) -> None:
        if not self.is_dead:
            when = handle.when()
            heapq.heappush(queue, (when, self._scheduler.serial(), handle))
            self._next = min(self._next, when)

    def create_future(self) -> asyncio.Future[Any]:
        return VirtualFuture(loop=self)

    def serial(self) -> int:
        return self._scheduler.serial()

    def create_task(  # type: ignore[override]
        self, coro: Coroutine[Any, Any, T], *, name: str | None = None, context: Context | None = None, **options: Any
    ) -> asyncio.Task[T]:
        return VirtualTask(coro, loop=self, name=name, context=context, **options)

    def adopt(self, task: VirtualTask[Any]) -> int:
        """Keep a task until it is done, so that no dead process cleans up. Returns its number."""
        if len(self._tasks) >= self._prune_at:
            self._tasks = {each: kept for each, kept in self._tasks.items() if not kept.done()}
            self._prune_at = 2 * len(self._tasks) + 1_000
        number = self._scheduler.serial()
        self._tasks[number] = task
        return number

    def get_task_factory(self) -> None:
        return None

    def run_in_executor(self, _: Any, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override]
        """Run it at once: there are no threads."""
        future: asyncio.Future[T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 (the caller's, as from a thread)
            future.set_exception(error)
        return future

    async def getaddrinfo(self, host: Any, port: Any, **_: Any) -> list[tuple[Any, ...]]:
        return self._network.addresses(host, port)

    async def getnameinfo(self, sockaddr: tuple[Any, ...], _: int = 0) -> tuple[str, str]:
        return str(sockaddr[0]), str(sockaddr[1])

    async def create_connection(self, protocol_factory: Callable[[], Any], *_: Any, **options: Any) -> tuple[Any, Any]:
        """Use the connection that `Network.start_connection` made, which comes in place of the socket."""
        if options.get("ssl"):
            raise NotImplementedError("the simulated network has no TLS: use http://")
        transport, protocol = options["sock"], protocol_factory()
        transport.attach(protocol)
        return transport, protocol

    async def create_server(  # type: ignore[override]
        self, protocol_factory: Callable[[], Any], _: Any = None, port: Any = None, **__: Any
    ) -> asyncio.AbstractServer:
        """Listen as the host that this process is, whatever address it is told."""
        return self._network.listen(self, port, protocol_factory)

    def add_signal_handler(self, sig: int, callback: Callback, *args: Any) -> None:  # type: ignore[override]
        self._signals[sig] = VirtualHandle(0.0, callback, args, self, None)

    def remove_signal_handler(self, sig: int) -> bool:
        return self._signals.pop(sig, None) is not None

    def is_running(self) -> bool:
        return not self.is_dead

    def is_closed(self) -> bool:
        return self.is_dead

    def get_debug(self) -> bool:
        return False

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        if not self.is_dead:
            log.error("%s: %s", self.name, context.get("message"), exc_info=context.get("exception"))
            self._scheduler.unhandled(self, str(context.get("message")), context.get("exception"))

    async def shutdown_asyncgens(self) -> None:
        pass

    async def shutdown_default_executor(self) -> None:
        pass

    def finalize(self, generator: AsyncGenerator[Any, None]) -> None:
        """Close an asynchronous generator that nothing refers to any more."""
        if not self.is_dead:
            self.create_task(generator.aclose())


def unknown_host(host: str) -> socket.gaierror:
    return socket.gaierror(socket.EAI_NONAME, f"Name or service not known: {host}")
