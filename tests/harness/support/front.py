"""What stands before a server in real networks: an end of TLS with a certificate of its own, and a proxy."""

import asyncio
import base64
import contextlib
import ssl
from typing import Any
from urllib.parse import urlsplit

from harness.controlplane.loop_thread import LoopThread

from .certificates import Certificate


class Listener(LoopThread):
    """A server on loopback, in a thread of its own."""

    def __init__(self, identity: Certificate | None = None) -> None:
        """`identity`: what it speaks TLS with; None for plain TCP."""
        super().__init__()
        self._identity = None
        if identity:
            self._identity = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._identity.load_cert_chain(identity.certificate, identity.key)
        self._tasks: set[asyncio.Task[None]] = set()
        self._writers: list[asyncio.StreamWriter] = []

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until it ends."""
        raise NotImplementedError

    async def _open(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, limit=2**20)

    async def _join(self, here: "Ends", host: str, port: int, head: bytes = b"", **told: Any) -> None:
        """Connect to that address and say `head`; then what one end says the other hears, until one of them ends."""
        there = await asyncio.open_connection(host, port, **told)
        self._writers.append(there[1])
        there[1].write(head)
        try:
            await asyncio.gather(_pump(here[0], there[1]), _pump(there[0], here[1]))
        finally:
            there[1].close()

    async def _close(self) -> None:
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()
        await asyncio.sleep(0.05)  # so that the loop closes what is to be closed

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._tasks.add(task)
        self._writers.append(writer)
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                if self._identity:
                    await writer.start_tls(self._identity)
                await self.serve(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.close()


class Front(Listener):
    """TLS before, whatever the server speaks behind; the bytes as they are."""

    def __init__(self, upstream: str, identity: Certificate) -> None:
        super().__init__(identity)
        self._upstream = urlsplit(upstream)

    @property
    def url(self) -> str:
        return f"https://{self.address}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        told: dict[str, Any] = {}
        if self._upstream.scheme == "https":
            behind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            behind.check_hostname, behind.verify_mode = False, ssl.CERT_NONE
            told = {"ssl": behind, "ssl_shutdown_timeout": 0.5}
        await self._join((reader, writer), str(self._upstream.hostname), self._upstream.port or 0, **told)


class Proxy(Listener):
    """An HTTP proxy that writes down what it is asked: for a tunnel (CONNECT), or for a URL."""

    def __init__(self, password: str | None = None, hosts: dict[str, str] | None = None) -> None:
        """`password`: what `user` must say to be served. `hosts`: addresses of names that only the proxy knows."""
        super().__init__()
        self.password = password
        self.hosts = hosts or {}
        self.asked: list[str] = []
        """The method and the target of each request."""
        self.told: list[bytes] = []
        """The heads of the requests."""

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n")[0].decode().split(" ")
        self.told.append(head)
        self.asked.append(f"{method} {target}")
        if self.password and self._credentials() not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            await writer.drain()
            return
        parts = urlsplit(target if method != "CONNECT" else f"//{target}")
        host, _, port = self.hosts.get(parts.netloc, parts.netloc).rpartition(":")
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await self._join((reader, writer), host, int(port))
            return
        path = target.split(parts.netloc, 1)[1] or "/"
        # Each request by a connection of its own, so that each is written down.
        kept = [line for line in head.split(b"\r\n")[1:] if not line.startswith((b"Connection:", b"Proxy-"))]
        first = [f"{method} {path} HTTP/1.1".encode(), b"Connection: close"]
        await self._join((reader, writer), host, int(port), b"\r\n".join([*first, *kept]))

    def _credentials(self) -> bytes:
        return base64.b64encode(f"user:{self.password}".encode())


Ends = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                sink.write(data)
                await sink.drain()
    finally:
        sink.close()
