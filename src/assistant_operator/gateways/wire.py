"""One request to one LangGraph Server: its limits, its circuit, and what went wrong in words."""

import asyncio
import json
import os
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from ..resources.meta import FreeForm
from ..resources.reason import Reason

AT_ONCE = 8
"""Requests to one server at one time."""
_PATIENCE, _CONNECT = 15.0, 5.0
_FIRST_PAUSE, _LONGEST_PAUSE, _LONGEST_OBEYED = 0.5, 30.0, 300.0
_LONGEST_DETAIL = 300
_LONGEST_ANSWER = 128 * 2**20
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_OVERLOADED = {429, 502, 503, 504}


class ServerTrouble(Exception):
    """A server is not as it should be; `reason` is what a condition calls it."""

    reason: Reason


class ServerUnavailable(ServerTrouble):
    """The server did not answer, or said that it cannot just now: the same request may succeed later."""

    reason = Reason.SERVER_UNREACHABLE

    def __init__(self, message: str, retry_after: float = 0.0, status: int = 0) -> None:
        """`status`: of the answer, if this very request was answered; 0 if not."""
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class ServerRefused(ServerTrouble):
    """The server refused: the same request will be refused again."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        self.reason = Reason.SERVER_UNAUTHORIZED if status in (401, 403) else Reason.PUBLICATION_REFUSED


class NotALangGraphServer(ServerTrouble):
    """What answered is something else."""

    reason = Reason.SERVER_UNRECOGNIZED


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


class Wire:
    """The way to every LangGraph Server there is, each with its own limits."""

    def __init__(self, observe: Callable[[str, int, float], None]) -> None:
        """`observe`: told of each request the method, the status (0 without an answer) and the seconds."""
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

    async def send(self, endpoint: Endpoint, method: str, path: str, body: FreeForm | None = None) -> Any:
        """What the server answers, parsed. Raises ServerTrouble."""
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
            raise ServerUnavailable(f"{what}: {said}", status=status)
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
