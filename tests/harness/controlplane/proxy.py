"""A reverse proxy before the API server that breaks things when told to; otherwise it passes bytes as they come."""

import asyncio
import itertools
import ssl

from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy
from yarl import URL

from .faults import Answer, CutStream, Delay, DropAfter, DropBefore, Fault, Hang, Page, Request, Trouble
from .loop_thread import LoopThread
from .plane import ControlPlane

__all__ = [
    "Answer",
    "CutStream",
    "Delay",
    "DropAfter",
    "DropBefore",
    "Fault",
    "FaultProxy",
    "Hang",
    "Page",
    "Request",
]

OURS_TO_SAY = {"connection", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
NOT_ASKED_FOR = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")
LONGEST_LINE = 1 << 20
MOMENT = 0.05


class FaultProxy(LoopThread):
    """Speaks TLS with the server's own certificate, so one CA file fits both."""

    def __init__(self, plane: ControlPlane, upstream: str | None = None, *, tls: bool = True) -> None:
        """`upstream`: another server than the API server; `tls`: whether clients are spoken to in TLS."""
        super().__init__()
        self.fault: Trouble | None = None
        self.requests: list[Request] = []
        self._numbers = itertools.count(1)
        self._upstream = upstream or plane.url
        self._tls = tls
        self._trust = ssl.create_default_context(cafile=str(plane.ca_file))
        self._identity = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._identity.load_cert_chain(plane.ca_file, plane.key_file)
        self._watches: set[asyncio.Transport] = set()
        self._cut_off: set[asyncio.Transport] = set()

    @property
    def url(self) -> str:
        host, port = self._runner.addresses[0][:2]
        return f"{'https' if self._tls else 'http'}://{host}:{port}"

    @property
    def open_watches(self) -> int:
        """How many watches are being answered now."""
        return len(self._watches)

    def cut_watches(self) -> int:
        """Close every watch that is running now; how many those were."""
        return self._run(self._cut_watches())

    async def _open(self) -> None:
        self._session = ClientSession(
            connector=TCPConnector(limit=0, ssl=self._trust),
            timeout=ClientTimeout(total=None),
            skip_auto_headers=NOT_ASKED_FOR,
            auto_decompress=False,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
        )
        # No limit on bodies: what is too large is the server's to say.
        application = web.Application(client_max_size=0)
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(
            application,
            access_log=None,
            auto_decompress=False,
            handler_cancellation=True,
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            shutdown_timeout=0.1,
        )
        await self._runner.setup()
        identity = self._identity if self._tls else None
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=identity).start()

    async def _close(self) -> None:
        await self._cut_watches()
        for site in list(self._runner.sites):
            await site.stop()
        await asyncio.sleep(MOMENT)  # so that who was let in at the last moment is known, and shown out
        await self._runner.cleanup()
        for transport in self._cut_off:
            transport.abort()
        await self._session.close()
        await asyncio.sleep(MOMENT)  # so that the loop closes what is to be closed

    async def _cut_watches(self) -> int:
        running, self._watches = self._watches, set()
        for transport in running:
            self._cut(transport)
        return len(running)

    async def _handle(self, incoming: web.Request) -> web.StreamResponse:
        asked = self._noted(incoming)
        fault = self.fault(asked) if self.fault else None
        match fault:
            case Answer():
                return web.json_response(fault.body(), status=fault.status, headers=dict(fault.headers))
            case Page():
                return web.Response(text=fault.text, status=fault.status, content_type=fault.content_type)
            case Hang():
                await asyncio.Event().wait()
            case DropBefore():
                return self._dropped(incoming)
            case Delay():
                await asyncio.sleep(fault.seconds)
        try:
            return await self._forwarded(asked, incoming, fault)
        except (ClientError, OSError):
            # What breaks behind us breaks before us: an answer of our own would be one the server never gave.
            return self._dropped(incoming)

    def _noted(self, incoming: web.Request) -> Request:
        asked = Request(
            method=incoming.method,
            path=incoming.path,
            query=incoming.query_string,
            user_agent=incoming.headers.get("User-Agent", ""),
            number=next(self._numbers),
        )
        self.requests.append(asked)
        return asked

    async def _forwarded(self, asked: Request, incoming: web.Request, fault: Fault | None) -> web.StreamResponse:
        body = await incoming.read()
        async with self._session.request(
            incoming.method,
            URL(self._upstream + incoming.raw_path, encoded=True),
            headers=_passed_on(incoming.headers),
            data=body or None,
            allow_redirects=False,
        ) as outgoing:
            if isinstance(fault, DropAfter):
                await outgoing.read()
                return self._dropped(incoming)
            most = fault.after_bytes if isinstance(fault, CutStream) else None
            return await self._relayed(asked, incoming, outgoing, most)

    async def _relayed(
        self, asked: Request, incoming: web.Request, outgoing: ClientResponse, most: int | None
    ) -> web.StreamResponse:
        answer = web.StreamResponse(
            status=outgoing.status, reason=outgoing.reason, headers=_passed_on(outgoing.headers)
        )
        await answer.prepare(incoming)
        transport = incoming.transport
        if asked.is_watch and transport:
            self._watches.add(transport)
        try:
            return await self._copied(outgoing, answer, incoming, most)
        finally:
            if transport:
                self._watches.discard(transport)

    async def _copied(
        self, outgoing: ClientResponse, answer: web.StreamResponse, incoming: web.Request, most: int | None
    ) -> web.StreamResponse:
        copied = 0
        async for chunk in outgoing.content.iter_any():
            part = chunk if most is None else chunk[: most - copied]
            await answer.write(part)
            copied += len(part)
            if copied == most:
                return self._dropped(incoming)
        await answer.write_eof()
        return answer

    def _dropped(self, incoming: web.Request) -> web.StreamResponse:
        if incoming.transport:
            self._cut(incoming.transport)
        return web.Response()

    def _cut(self, transport: asyncio.Transport) -> None:
        # What was written still arrives; but TLS would wait half a minute for the client's goodbye.
        transport.close()
        self._cut_off.add(transport)
        self._loop.call_later(1, self._bury, transport)

    def _bury(self, transport: asyncio.Transport) -> None:
        transport.abort()
        self._cut_off.discard(transport)


def _passed_on(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in OURS_TO_SAY)
