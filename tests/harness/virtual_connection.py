"""A TCP connection in memory: two transports, each on the loop of its own process."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from .virtual_loop import VirtualLoop

_FIN = b""
_GAP = 1e-6
"""Seconds between two packets, so that the receiver can act on the first one."""
Address = tuple[str, int]


class Link:
    """The way between two hosts, in both directions, for all their connections."""

    def __init__(self, clock: Callable[[], float], latency: Callable[[], float]) -> None:
        self._clock = clock
        self._latency = latency
        self.is_cut = False
        """Whether nothing arrives: neither data nor the news that the other side is gone."""
        self.is_refusing = False
        """Whether each new connection is refused."""
        self._held: list[Callable[[], None]] = []

    def carry(self, end: "End", receive: Callable[..., None], *content: Any) -> None:
        """Let `end` receive it after the latency, and after all that was sent to it before."""
        if self.is_cut:
            # TCP sends it again until it arrives.
            self._held.append(lambda: self.carry(end, receive, *content))
            return
        end.last_arrival = max(self._clock() + self._latency(), end.last_arrival + _GAP)
        end.loop.arrive(end.last_arrival, receive, *content)

    def repair(self) -> None:
        self.is_cut = self.is_refusing = False
        held, self._held = self._held, []
        for each in held:
            each()


class End(asyncio.Transport):
    """One end of a connection."""

    def __init__(self, loop: VirtualLoop, link: Link, own: Address, other: Address, number: int) -> None:
        super().__init__(extra={"sockname": own, "peername": other, "connection": number})
        self.loop = loop
        self.link = link
        self.other: End | None = None
        self.last_arrival = 0.0
        self.is_over = False
        """Whether `connection_lost` was called or will be."""
        self._protocol: Any = None
        self._is_paused = False
        self._unread: deque[bytes] = deque()

    def attach(self, protocol: Any) -> None:
        self._protocol = protocol
        protocol.connection_made(self)
        self._read()

    # As the protocol sees it

    def write(self, data: bytes | bytearray | memoryview) -> None:
        if data and not self.is_over and self.other:
            self.link.carry(self.other, self.other.receive, bytes(data))

    def writelines(self, list_of_data: Any) -> None:
        self.write(b"".join(list_of_data))

    def close(self) -> None:
        if not self.is_over and self.other:
            self.link.carry(self.other, self.other.receive, _FIN)
        self._end(None)

    def abort(self) -> None:
        if not self.is_over:
            self.reset_other()
        self._end(None)

    def pause_reading(self) -> None:
        self._is_paused = True

    def resume_reading(self) -> None:
        self._is_paused = False
        self.loop.call_soon(self._read)

    def is_reading(self) -> bool:
        return not self._is_paused and not self.is_over

    def is_closing(self) -> bool:
        return self.is_over

    def set_protocol(self, protocol: Any) -> None:
        self._protocol = protocol

    def get_protocol(self) -> Any:
        return self._protocol

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def can_write_eof(self) -> bool:
        return False

    # As the network sees it

    def receive(self, data: bytes) -> None:
        self._unread.append(data)
        self._read()

    def reset_other(self) -> None:
        """Tell the other side that there is no connection any more."""
        if self.other:
            self.link.carry(self.other, self.other.reset)

    def reset(self) -> None:
        self._end(ConnectionResetError(104, "Connection reset by peer"))

    def _read(self) -> None:
        while self._unread and self._protocol is not None and not self._is_paused and not self.is_over:
            data = self._unread.popleft()
            if data != _FIN:
                self._protocol.data_received(data)
            elif not self._protocol.eof_received():
                self.close()

    def _end(self, error: Exception | None) -> None:
        if not self.is_over:
            self.is_over = True
            self._unread.clear()
            if self._protocol is not None:
                self.loop.call_soon(self._protocol.connection_lost, error)
