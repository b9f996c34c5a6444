"""The door to LangGraph Servers: the Assistants API, one request in, a model or a named error out."""

import asyncio
import json
import os
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from pydantic import ValidationError

from ..resources.graph import Schemas
from ..resources.meta import FreeForm
from ..resources.remote import RemoteAssistant
from .api_server import NotLeading

PAGE = 200
AT_ONCE = 8
"""Requests to one server at one time."""
_PATIENCE, _CONNECT = 15.0, 5.0
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_OBEYED = 0.5, 30.0, 300.0
_LONGEST_DETAIL = 300
_LONGEST_ANSWER = 128 * 2**20
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_OVERLOADED = {429, 502, 503, 504}


class ServerUnavailable(Exception):
    """The server did not answer, or said that it cannot just now: the same request may succeed later."""

    def __init__(self, message: str, retry_after: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ServerRefused(Exception):
    """The server refused: the same request will be refused again."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status

    @property
    def is_unauthorized(self) -> bool:
        return self.status in (401, 403)


class NotALangGraphServer(Exception):
    """What answered is something else."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and how to speak to it. The key is never shown."""

    url: str
    key: str | None = field(default=None, repr=False)
    authorities: str | None = field(default=None, repr=False)
    """PEM of the certificates to trust; None for the system's."""


@dataclass(slots=True)
class _Line:
    """What is known of one way to one server: until when it is left alone."""

    failures: int = 0
    closed_until: float = 0.0
    trouble: str = ""


class LangGraphServers:
    """Every LangGraph Server there is, each with its own limits."""

    def __init__(
        self,
        *,
        may_write: Callable[[], bool] = lambda: True,
        observe: Callable[[str, int, float], None] = lambda method, code, seconds: None,
    ) -> None:
        self._may_write = may_write
        self._observe = observe
        self._session: aiohttp.ClientSession | None = None
        self._turns: dict[str, asyncio.Semaphore] = {}
        # By key and trust, too: whose key is throttled, or whose certificates are wrong, is alone with that.
        self._lines: dict[Endpoint, _Line] = {}
        self._trusted: dict[str, ssl.SSLContext] = {}

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def is_busy(self, url: str) -> bool:
        """Whether another request to that server would have to wait."""
        turns = self._turns.get(url)
        return turns is not None and turns.locked()

    async def release(self, endpoint: Endpoint) -> str:
        """What the server says of its own release. Raises NotALangGraphServer if it says nothing of the kind."""
        try:
            told = await self._send(endpoint, "GET", "/info")
        except ServerRefused as refused:
            if refused.is_unauthorized:
                raise
            raise NotALangGraphServer(str(refused)) from refused
        if not isinstance(told, dict) or not isinstance(told.get("version"), str):
            raise NotALangGraphServer(f"GET {endpoint.url}/info names no version")
        return str(told["version"])[:256]

    async def unknown_graph(self, endpoint: Endpoint, graph_id: str) -> str | None:
        """What the server says of a graph id it does not know; None if it knows it."""
        try:
            await self._send(endpoint, "POST", "/assistants/search", {"graph_id": graph_id, "limit": 1})
        except ServerRefused as refused:
            if refused.status in (400, 404):
                return str(refused)
            raise
        return None

    async def schemas(self, endpoint: Endpoint, assistant_id: str) -> Schemas | None:
        """The JSON Schemas for context and configurable, without what a run may add; None of an unknown assistant."""
        try:
            told = await self._send(endpoint, "GET", f"/assistants/{assistant_id}/schemas")
        except ServerRefused as refused:
            if refused.status == 404:
                return None
            raise
        said = told if isinstance(told, dict) else {}
        parts = {"context": said.get("context_schema"), "config": said.get("config_schema")}
        present = {name: _lenient(part) for name, part in parts.items() if isinstance(part, dict)}
        return Schemas(source="Server", **present) if present else Schemas(source="None")

    async def assistant(self, endpoint: Endpoint, assistant_id: str) -> RemoteAssistant | None:
        try:
            return _parsed(endpoint, await self._send(endpoint, "GET", f"/assistants/{assistant_id}"))
        except ServerRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, endpoint: Endpoint, body: FreeForm) -> RemoteAssistant:
        """Make an assistant, or get the one that has its id already, whatever it is."""
        self._check_leave()
        return _parsed(endpoint, await self._send(endpoint, "POST", "/assistants", body))

    async def update(self, endpoint: Endpoint, assistant_id: str, body: FreeForm) -> RemoteAssistant:
        self._check_leave()
        return _parsed(endpoint, await self._send(endpoint, "PATCH", f"/assistants/{assistant_id}", body))

    async def delete(self, endpoint: Endpoint, assistant_id: str) -> None:
        self._check_leave()
        try:
            await self._send(endpoint, "DELETE", f"/assistants/{assistant_id}")
        except ServerRefused as refused:
            if refused.status != 404:
                raise

    async def assistants_of(self, endpoint: Endpoint, graph_id: str) -> AsyncIterator[RemoteAssistant]:
        """Every assistant of a graph, in the order of their ids, page by page."""
        offset = 0
        while True:
            asked = {"graph_id": graph_id, "limit": PAGE, "offset": offset, "sort_by": "assistant_id"}
            page = await self._send(endpoint, "POST", "/assistants/search", {**asked, "sort_order": "asc"})
            if not isinstance(page, list):
                raise NotALangGraphServer(f"POST {endpoint.url}/assistants/search does not answer with a list")
            for each in page:
                yield _parsed(endpoint, each)
            # A server may give less at a time than it was asked for: only an empty page is the last.
            if not page:
                return
            offset += len(page)

    def _check_leave(self) -> None:
        if not self._may_write():
            raise NotLeading("the Lease is not held: nothing is written to a server")

    async def _send(self, endpoint: Endpoint, method: str, path: str, body: FreeForm | None = None) -> Any:
        line = self._lines.setdefault(endpoint, _Line())
        turns = self._turns.setdefault(endpoint.url, asyncio.Semaphore(AT_ONCE))
        what = f"{method} {endpoint.url}{path}"
        async with turns:
            _ask_leave(line, what)
            try:
                status, text, headers = await self._exchange(endpoint, method, path, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                raise _closed(line, f"{endpoint.url}: {_reason(error)}") from error
        said = f"{status} {_detail(text, endpoint.key)}".rstrip() if status >= 400 else ""
        if status in _OVERLOADED:
            # Without the request: the trouble is the server's, and whoever asks next is to tell it in the same words.
            raise _closed(line, f"{endpoint.url}: {said}", _seconds(headers.get("Retry-After")))
        line.failures = 0
        if status in _PASSING:
            raise ServerUnavailable(f"{what}: {said}")
        if status >= 400:
            raise ServerRefused(f"{what}: {said}", status)
        return _answer(what, status, text, headers)

    async def _exchange(
        self, endpoint: Endpoint, method: str, path: str, body: FreeForm | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=_PATIENCE, sock_connect=_CONNECT)
            self._session = aiohttp.ClientSession(
                timeout=limit,
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),  # what one Graph is known by is not for another's requests
            )
        headers = {"Accept": "application/json", **({"x-api-key": endpoint.key} if endpoint.key else {})}
        started, code = asyncio.get_running_loop().time(), 0
        try:
            async with self._session.request(
                method,
                endpoint.url + path,
                headers=headers,
                allow_redirects=False,
                ssl=self._trust(endpoint),
                json=body,
            ) as answer:
                code = answer.status
                return answer.status, await _read(answer, endpoint.url), answer.headers
        finally:
            self._observe(method, code, asyncio.get_running_loop().time() - started)

    def _trust(self, endpoint: Endpoint) -> ssl.SSLContext | bool:
        if endpoint.authorities is None:
            return True
        if endpoint.authorities not in self._trusted:
            self._trusted[endpoint.authorities] = ssl.create_default_context(cadata=endpoint.authorities)
        return self._trusted[endpoint.authorities]


async def _read(answer: aiohttp.ClientResponse, url: str) -> bytes:
    """The whole answer, unless it has no end."""
    parts, size = [], 0
    async for part in answer.content.iter_any():
        parts.append(part)
        size += len(part)
        if size > _LONGEST_ANSWER:
            raise NotALangGraphServer(f"{url} answers with more than {_LONGEST_ANSWER // 2**20} MiB")
    return b"".join(parts)


def _ask_leave(line: _Line, what: str) -> None:
    left = line.closed_until - asyncio.get_running_loop().time()
    if left > 0:
        raise ServerUnavailable(line.trouble or what, left)


def _closed(line: _Line, trouble: str, retry_after: float | None = None) -> ServerUnavailable:
    """Leave a server alone that does not answer, longer each time, or for as long as it asks for."""
    now = asyncio.get_running_loop().time()
    # What was under way beside the request that failed first fails of the same trouble.
    line.failures = max(line.failures + (now >= line.closed_until), 1)
    pause = min(_FIRST_PAUSE * 2.0 ** min(line.failures - 1, 10), _LONGEST_PAUSE)
    pause = min(retry_after, _LONGEST_OBEYED) if retry_after else pause
    line.closed_until = max(line.closed_until, now + pause)
    line.trouble = trouble
    return ServerUnavailable(trouble, pause)


def _answer(what: str, status: int, text: bytes, headers: Mapping[str, str]) -> Any:
    if 300 <= status < 400:
        raise NotALangGraphServer(f"{what} redirects to {headers.get('Location', 'nowhere')}: give that address")
    try:
        return json.loads(text) if text else None
    except ValueError as error:
        kind = headers.get("Content-Type", "no content type")
        raise NotALangGraphServer(f"{what} answers with {kind}, not with JSON") from error


def _parsed(endpoint: Endpoint, content: Any) -> RemoteAssistant:
    try:
        return RemoteAssistant.model_validate(content)
    except ValidationError as error:
        raise NotALangGraphServer(f"{endpoint.url} answers with something that is not an assistant") from error


def _lenient(schema: FreeForm) -> FreeForm:
    return {key: value for key, value in schema.items() if key != "required"}


def _detail(text: bytes, key: str | None) -> str:
    """What the server says of an error, in one line. Its echo of what was sent is left out: it may hold anything."""
    try:
        told = json.loads(text)
    except ValueError:
        return ""
    said = told.get("detail", "") if isinstance(told, dict) else ""
    words = str(said).split("On instance")[0].split("Failed validating")[0].split()
    shown = " ".join(words).replace(key, "(the key)") if key else " ".join(words)
    return shown[:_LONGEST_DETAIL]


def _reason(error: BaseException) -> str:
    """Why there was no answer: no two words for the same trouble, since a status is to stay as it is."""
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return f"the certificate is not trusted ({error.certificate_error})"
        case aiohttp.ClientConnectorSSLError():
            return "it does not speak TLS"
        case aiohttp.ClientConnectorDNSError():
            return "the name cannot be resolved"
        case TimeoutError():
            return "no answer in time"
        case aiohttp.ClientConnectorError():
            code = error.os_error.errno
            return f"no connection ({os.strerror(code) if code else type(error.os_error).__name__})"
        case aiohttp.ClientError():
            return f"the connection broke off ({type(error).__name__})"
    return f"the connection broke off ({error})"


def _seconds(retry_after: str | None) -> float | None:
    return float(retry_after) if retry_after and retry_after.isdigit() else None
