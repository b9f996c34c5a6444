"""One request to one LangGraph Server: its limits, its circuit, and what went wrong in words."""

import asyncio
import hashlib
import os
import secrets
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from assistant_operator.api.meta import FreeForm
from assistant_operator.api.reason import Reason
from assistant_operator.clients.expiring import Expiring
from assistant_operator.clients.http import responses, tls
from assistant_operator.clients.http.proxies import Proxies, Proxy

AT_ONCE = 8
"""Requests to one server at one time."""
_PATIENCE, _CONNECT = 15.0, 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 30.0
_LONGEST_DETAIL = 300
_LONGEST_ANSWER = 4 * 2**20
"""Bytes. The largest assistant that Kubernetes holds has 1.5 MiB; JSON of 4 MiB is parsed in a tenth of a second."""
_MOST_LINES = 10_000
_MOST_TRUSTED = 1_000
_TRUSTED_FOR = 10.0
"""Seconds that certificates from a Secret or ConfigMap, and connections made with them, are kept without being used."""
_TOLD_OF_INPUT = {"input", "ctx", "instance"}
"""What an error tells of the request it is about: it may hold anything."""
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


class AnswerTooLarge(NotALangGraphServer):
    """The answer is larger than what is read of one: a smaller page may have one that is not."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server and how to speak to it. The key is never shown."""

    url: str
    key: str | None = field(default=None, repr=False)
    authorities: str | None = field(default=None, repr=False)
    """PEM of the certificates to trust; None for the system's."""


@dataclass(frozen=True, slots=True)
class _Line:
    """What is known of one way to one server: until when it is left alone."""

    failures: int = 0
    closed_until: float = 0.0
    trouble: str = ""


class HttpTransport:
    """The way to every LangGraph Server there is, each with its own limits."""

    def __init__(self, observe: Callable[[str, int, float], None], proxies: Proxies | None = None) -> None:
        """`observe`: told of each request the method, the status (0 without an answer) and the seconds.

        `proxies`: those of the environment, if none are given.
        """
        self._observe = observe
        self._proxies = proxies or Proxies.from_environment()
        self._session: aiohttp.ClientSession | None = None
        self._system: ssl.SSLContext | None = None
        self._turns: dict[str, asyncio.Semaphore] = {}
        """Of the servers that are being asked, and of no others."""
        self._asking: Counter[str] = Counter()
        # By key and trust, too: whose key is throttled, or whose certificates are wrong, is alone with that.
        self._lines: Expiring[bytes, _Line] = Expiring(responses.LONGEST_PAUSE, _MOST_LINES)
        self._trusted: Expiring[bytes, ssl.SSLContext] = Expiring(_TRUSTED_FOR, _MOST_TRUSTED)
        self._salt = secrets.token_bytes(32)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def is_busy(self, url: str) -> bool:
        """Whether another request to that server would have to wait."""
        turns = self._turns.get(url)
        return turns is not None and turns.locked()

    async def send(self, endpoint: Endpoint, method: str, path: str, body: FreeForm | None = None) -> Any:
        """What the server answers, parsed. Raises ServerTrouble."""
        what = f"{method} {endpoint.url}{path}"
        line = self._digest(endpoint.url, endpoint.key, endpoint.authorities)
        async with self._turn(endpoint.url):
            self._check_circuit(line)
            proxy = self._proxy(endpoint.url)
            try:
                status, text, headers = await self._exchange(endpoint, proxy, method, path, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                way = f"through the proxy {proxy.url}: " if proxy else ""
                raise self._closed(line, f"{endpoint.url}: {way}{_reason(error)}") from error
        said = f"{status} {_detail(text, endpoint.key)}".rstrip() if status >= 400 else ""
        if status in _OVERLOADED:
            # Without the request: the trouble is the server's, and whoever asks next is to tell it in the same words.
            raise self._closed(line, f"{endpoint.url}: {said}", responses.pause(headers.get("Retry-After")))
        self._opened(line)
        if status in _PASSING:
            raise ServerUnavailable(f"{what}: {said}", status=status)
        if status == 407 and proxy:
            raise ServerUnavailable(f"{endpoint.url}: the proxy {proxy.url} asks for credentials", _LONGEST_PAUSE)
        if status >= 400:
            raise ServerRefused(f"{what}: {said}", status)
        return _answer(what, status, text, headers)

    def _proxy(self, url: str) -> Proxy | None:
        try:
            return self._proxies.of(url)
        except ValueError as error:
            raise ServerUnavailable(f"{url}: {error}", _LONGEST_PAUSE) from None

    @asynccontextmanager
    async def _turn(self, url: str) -> AsyncIterator[None]:
        turns = self._turns.setdefault(url, asyncio.Semaphore(AT_ONCE))
        self._asking[url] += 1
        try:
            async with turns:
                yield
        finally:
            self._asking[url] -= 1
            if not self._asking[url]:
                del self._asking[url], self._turns[url]

    async def _exchange(
        self, endpoint: Endpoint, proxy: Proxy | None, method: str, path: str, body: FreeForm | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=_PATIENCE, sock_connect=_CONNECT)
            self._session = aiohttp.ClientSession(
                timeout=limit,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_TRUSTED_FOR),
                cookie_jar=aiohttp.DummyCookieJar(),  # what one Graph is known by is not for another's requests
            )
        headers = {"Accept": "application/json", **({"x-api-key": endpoint.key} if endpoint.key else {})}
        # A proxy of https is told by itself, before the tunnel; one of http beside the request.
        aside = proxy.headers if proxy else {}
        is_tunnel = endpoint.url.startswith("https:")
        started, code = asyncio.get_running_loop().time(), 0
        try:
            async with self._session.request(
                method,
                endpoint.url + path,
                headers=headers if is_tunnel else headers | aside,
                allow_redirects=False,
                ssl=self._trust(endpoint),
                json=body,
                proxy=proxy.url if proxy else None,
                proxy_headers=aside if is_tunnel else None,
            ) as answer:
                code = answer.status
                return answer.status, await responses.whole(answer, _LONGEST_ANSWER), answer.headers
        except responses.TooLarge:
            raise AnswerTooLarge(f"{endpoint.url} answers with more than {_LONGEST_ANSWER // 2**20} MiB") from None
        finally:
            self._observe(method, code, asyncio.get_running_loop().time() - started)

    def _trust(self, endpoint: Endpoint) -> ssl.SSLContext:
        if endpoint.authorities is None:
            self._system = self._system or tls.of_system()
            return self._system
        known = self._digest(endpoint.authorities)
        return self._trusted.put(known, self._trusted.get(known) or tls.of_bundle(endpoint.authorities))

    def _digest(self, *parts: str | None) -> bytes:
        """Tells values from Secrets apart without keeping them."""
        found = hashlib.blake2b(key=self._salt, digest_size=32)
        for part in parts:
            text = b"" if part is None else part.encode()
            found.update(b"%d:%d:" % (part is not None, len(text)) + text)
        return found.digest()

    def _check_circuit(self, line: bytes) -> None:
        known = self._lines.get(line)
        left = known.closed_until - asyncio.get_running_loop().time() if known else 0.0
        if known and left > 0:
            raise ServerUnavailable(known.trouble, left)

    def _closed(self, line: bytes, trouble: str, retry_after: float | None = None) -> ServerUnavailable:
        """Leave a server alone that does not answer, longer each time, or for as long as it asks for."""
        known, now = self._lines.get(line) or _Line(), asyncio.get_running_loop().time()
        # What was under way beside the request that failed first fails of the same trouble.
        failures = max(known.failures + (now >= known.closed_until), 1)
        pause = retry_after or min(_FIRST_PAUSE * 2.0 ** min(failures - 1, 10), _LONGEST_PAUSE)
        self._lines.put(line, _Line(failures, max(known.closed_until, now + pause), trouble))
        return ServerUnavailable(trouble, pause)

    def _opened(self, line: bytes) -> None:
        """It answers. The time that it asked for stays its own, all the same."""
        known = self._lines.get(line)
        if known and known.closed_until <= asyncio.get_running_loop().time():
            self._lines.drop(line)
        elif known:
            self._lines.put(line, replace(known, failures=0))


def _answer(what: str, status: int, text: bytes, headers: Mapping[str, str]) -> Any:
    if 300 <= status < 400:
        raise NotALangGraphServer(f"{what} redirects to {headers.get('Location', 'nowhere')}: give that address")
    try:
        return responses.parsed(text) if text else None
    except ValueError as error:
        kind = headers.get("Content-Type", "no content type")
        raise NotALangGraphServer(f"{what} answers with {kind}, not with JSON") from error


def _detail(text: bytes, key: str | None) -> str:
    """What the server says of an error, in one line. Its echo of what was sent is left out: it may hold anything."""
    try:
        told = responses.parsed(text)
        said = told.get("detail", "") if isinstance(told, dict) else ""
        shown = _without_values(said) if isinstance(said, str) else str(_without_input(said))
    except (ValueError, RecursionError):
        return ""
    words = " ".join(shown.split())
    return (words.replace(key, "(the key)") if key else words)[:_LONGEST_DETAIL]


def _without_values(said: str) -> str:
    """What a validator says without the value, which it names first and shows at the end."""
    told, _, instance = said.partition("On instance")
    told = told.partition("Failed validating")[0]
    value = instance.partition(":")[2].strip()
    return f"the value{told.removeprefix(value)}" if value and told.startswith(value) else told


def _without_input(said: Any) -> Any:
    if isinstance(said, dict):
        return {name: _without_input(each) for name, each in said.items() if name not in _TOLD_OF_INPUT}
    return [_without_input(each) for each in said] if isinstance(said, list) else said


def _reason(error: BaseException) -> str:
    """Why there was no answer: no two words for the same trouble, since a status is to stay as it is."""
    match error:
        case aiohttp.ClientHttpProxyError():
            return f"the proxy refuses ({error.status} {error.message})"
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
