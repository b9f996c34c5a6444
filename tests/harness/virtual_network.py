"""A network in memory: hosts by name, connections with a latency, and what can go wrong between two hosts."""

import asyncio
import random
import socket
from collections.abc import Callable
from typing import Any

from .trace import Trace
from .virtual_connection import Address, End, Link
from .virtual_loop import Scheduler, VirtualLoop, unknown_host

_FIRST_EPHEMERAL = 40_000


class Listener(asyncio.AbstractServer):
    """What `loop.create_server` returns."""

    def __init__(self, network: "Network", loop: VirtualLoop, address: Address, factory: Callable[[], Any]) -> None:
        self._network = network
        self.loop = loop
        self.address = address
        self.factory = factory

    @property
    def sockets(self) -> list[Any]:
        return []

    def close(self) -> None:
        self._network.close(self)

    async def wait_closed(self) -> None:
        pass

    def is_serving(self) -> bool:
        return self._network.listener(self.address) is self

    async def start_serving(self) -> None:
        pass

    async def serve_forever(self) -> None:
        raise NotImplementedError

    def get_loop(self) -> VirtualLoop:
        return self.loop


class Network:
    """Each process is a host of its own, whose name is the name of its loop; it listens on any address as itself."""

    def __init__(self, scheduler: Scheduler, trace: Trace, chance: random.Random) -> None:
        self._scheduler = scheduler
        self._trace = trace
        self._chance = chance
        self.latency = (0.0002, 0.002)
        """Shortest and longest seconds for one way; each packet has its own."""
        self._hosts: list[str] = []
        self._links: dict[frozenset[str], Link] = {}
        self._listeners: dict[Address, Listener] = {}
        self._ends: list[End] = []
        self._connections = 0

    # Faults

    def refuse(self, one: str, other: str) -> None:
        """Refuse each new connection between two hosts."""
        self._trace.add("network", f"refuses connections between {one} and {other}")
        self._link(one, other).is_refusing = True

    def disconnect(self, one: str, other: str) -> None:
        """Let nothing arrive between two hosts until `repair`: connecting and reading wait for their timeouts."""
        self._trace.add("network", f"carries nothing between {one} and {other}")
        self._link(one, other).is_cut = True

    def repair(self, one: str, other: str) -> None:
        """End both faults. What was sent meanwhile arrives now, as TCP repeats it."""
        self._trace.add("network", f"is repaired between {one} and {other}")
        self._link(one, other).repair()

    def cut(self, one: str, other: str) -> int:
        """Reset all present connections between two hosts. Returns how many there were."""
        link = self._link(one, other)
        ends = [end for end in self._open_ends() if end.link is link]
        self._trace.add("network", f"resets {len(ends) // 2} connections between {one} and {other}")
        for end in ends:
            end.loop.arrive(self._scheduler.now, end.reset)
        return len(ends) // 2

    def remove(self, loop: VirtualLoop) -> None:
        """The process of that loop ended: its kernel resets its connections and refuses new ones."""
        self._listeners = {address: each for address, each in self._listeners.items() if each.loop is not loop}
        for end in self._open_ends():
            if end.loop is loop:
                end.is_over = True
                end.reset_other()

    def clear(self) -> None:
        """Forget every connection, at the end of the simulation."""
        self._listeners.clear()
        self._links.clear()
        self._ends.clear()

    # What loops use

    def addresses(self, host: str | bytes | None, port: int) -> list[tuple[Any, ...]]:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name not in self._hosts:
            raise unknown_host(name)
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (self._ip(name), int(port or 0)))]

    def listen(self, loop: VirtualLoop, port: int, factory: Callable[[], Any]) -> Listener:
        """Raises OSError if that port is taken."""
        address = (self._ip(loop.name), port)
        if address in self._listeners:
            raise OSError(98, "Address already in use")
        listener = self._listeners[address] = Listener(self, loop, address, factory)
        return listener

    def listener(self, address: Address) -> Listener | None:
        return self._listeners.get(address)

    def close(self, listener: Listener) -> None:
        if self.listener(listener.address) is listener:
            del self._listeners[listener.address]

    async def start_connection(self, addr_infos: list[tuple[Any, ...]], *, loop: VirtualLoop, **_: Any) -> End:
        """Stands in for `aiohappyeyeballs.start_connection`: an End where aiohttp expects a socket."""
        return await self.connect(loop, addr_infos[0][4][:2])

    async def connect(self, loop: VirtualLoop, address: Address) -> End:
        """Raises ConnectionRefusedError; waits for ever if nothing arrives there."""
        host = self._host(address[0])
        link = self._link(loop.name, host)
        arrived = loop.create_future()
        self._when_carried(link, loop, arrived)
        await arrived
        listener = self.listener(address)
        if listener is None or link.is_refusing:
            raise ConnectionRefusedError(111, f"Connect call failed {address}")
        near, far = self._pair(loop, listener, link)
        answered = loop.create_future()
        link.carry(far, lambda: far.attach(listener.factory()))
        self._when_carried(link, loop, answered)
        try:
            await answered
        except BaseException:
            near.abort()
            raise
        return near

    def _when_carried(self, link: Link, loop: VirtualLoop, future: asyncio.Future[None]) -> None:
        packet = End(loop, link, ("", 0), ("", 0), 0)
        link.carry(packet, _set, future)

    def _pair(self, loop: VirtualLoop, listener: Listener, link: Link) -> tuple[End, End]:
        self._connections += 1
        own = (self._ip(loop.name), _FIRST_EPHEMERAL + self._connections % 20_000)
        near = End(loop, link, own, listener.address, self._connections)
        far = End(listener.loop, link, listener.address, own, self._connections)
        near.other, far.other = far, near
        self._ends = [*self._open_ends(), near, far]
        return near, far

    def _open_ends(self) -> list[End]:
        return [end for end in self._ends if not end.is_over]

    def _link(self, one: str, other: str) -> Link:
        key = frozenset((one, other))
        if key not in self._links:
            self._links[key] = Link(lambda: self._scheduler.now, lambda: self._chance.uniform(*self.latency))
        return self._links[key]

    def add_host(self, name: str) -> None:
        if name not in self._hosts:
            self._hosts.append(name)

    def _ip(self, name: str) -> str:
        return f"10.0.0.{self._hosts.index(name) + 1}"

    def host_of(self, ip: str) -> str:
        """The name of a host by its address, such as the one in a transport's `peername`."""
        return self._host(ip)

    def _host(self, ip: str) -> str:
        return self._hosts[int(ip.rpartition(".")[2]) - 1]


def _set(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)
