"""The simulated API server as an aiohttp server: on a real socket as well as in memory."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from email.utils import format_datetime

from aiohttp import web

from harness.controlplane import faults

from .handlers import JSON, Answer, Handlers
from .requests import Request
from .watching import WatchStream


class ApiServerFront:
    """Speaks HTTP for one API server, and does what `intercept` says instead of answering."""

    def __init__(self, handlers: Handlers) -> None:
        self.handlers = handlers
        self.intercept: faults.Trouble | None = None
        """Asked of each request; a fault it returns happens."""
        self.requests: list[faults.Request] = []
        self.keeps_requests = True
        self._numbers = itertools.count(1)
        self._watches: dict[asyncio.Transport, None] = {}
        self._connections: dict[asyncio.Transport, None] = {}

    def server(self) -> web.Server:
        """What makes a protocol for each connection."""
        return web.Server(self.handle, handler_cancellation=True, access_log=None)

    def cut_watches(self) -> int:
        """Close every watch that is running now; how many those were."""
        return _close(self._watches)

    def cut_connections(self) -> int:
        """Close every connection that was used, as when the process ends; how many those were."""
        return _close(self._connections)

    async def handle(self, incoming: web.BaseRequest) -> web.StreamResponse:
        request = await _read(incoming)
        noted = faults.Request(
            request.method, request.path, incoming.query_string, request.user_agent, next(self._numbers)
        )
        if self.keeps_requests:
            self.requests.append(noted)
        if incoming.transport:
            self._connections[incoming.transport] = None
        fault = self.intercept(noted) if self.intercept else None
        match fault:
            case faults.Answer():
                return web.json_response(fault.body(), status=fault.status, headers=dict(fault.headers))
            case faults.DropBefore():
                return _dropped(incoming)
            case faults.Delay():
                await asyncio.sleep(fault.seconds)
        answer = await self.handlers.answer(request)
        if isinstance(fault, faults.DropAfter):
            return _dropped(incoming)
        most = fault.after_bytes if isinstance(fault, faults.CutStream) else None
        if isinstance(answer, WatchStream):
            return await self._stream(incoming, answer.chunks(), most)
        return await self._whole(incoming, answer, most)

    async def _whole(self, incoming: web.BaseRequest, answer: Answer, most: int | None) -> web.StreamResponse:
        if most is not None and most < len(answer.body):

            async def cut() -> AsyncIterator[bytes]:
                yield answer.body

            return await self._stream(incoming, cut(), most)
        return web.Response(
            body=answer.body,
            status=answer.status,
            headers={**answer.headers, **self._dated()},
            content_type=answer.content_type,
        )

    async def _stream(
        self, incoming: web.BaseRequest, chunks: AsyncIterator[bytes], most: int | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": JSON, **self._dated()})
        response.enable_chunked_encoding()
        await response.prepare(incoming)
        transport = incoming.transport
        if transport:
            self._watches[transport] = None
        sent = 0
        try:
            async for chunk in chunks:
                part = chunk if most is None else chunk[: most - sent]
                sent += len(part)
                await response.write(part)
                if sent == most:
                    return _dropped(incoming)
            await response.write_eof()
        except ConnectionError:
            pass  # the client went away, or the watch was cut
        finally:
            if transport:
                self._watches.pop(transport, None)
        return response

    def _dated(self) -> dict[str, str]:
        """aiohttp would say the real time."""
        return {"Date": format_datetime(self.handlers.objects.now(), usegmt=True), "Server": "simulated"}


async def _read(incoming: web.BaseRequest) -> Request:
    headers = incoming.headers
    return Request(
        method=incoming.method,
        path=incoming.path,
        query=dict(incoming.query),
        body=await incoming.content.read() if incoming.can_read_body else b"",
        content_type=headers.get("Content-Type", JSON),
        accept=headers.get("Accept", JSON),
        authorization=headers.get("Authorization", ""),
        user_agent=headers.get("User-Agent", ""),
    )


def _dropped(incoming: web.BaseRequest) -> web.StreamResponse:
    if incoming.transport:
        incoming.transport.close()
    return web.Response()


def _close(transports: dict[asyncio.Transport, None]) -> int:
    closing = list(transports)
    transports.clear()
    for transport in closing:
        transport.close()
    return len(closing)
