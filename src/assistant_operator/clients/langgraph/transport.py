"""HTTP transport for LangGraph Servers: limits and a circuit breaker for each server, and its errors."""

import asyncio
import hashlib
import os
import secrets
import ssl
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from assistant_operator.api.meta import FreeForm
from assistant_operator.api.reason import Reason
from assistant_operator.clients.expiring import Expiring
from assistant_operator.clients.http import responses, tls
from assistant_operator.clients.http.proxies import Proxies, Proxy

from .circuit_breaker import BACKOFF, CircuitBreaker

AT_ONCE = 8
"""Concurrent requests to one server."""
_TIMEOUT, _CONNECT_TIMEOUT = 15.0, 5.0
_LONGEST_DETAIL = 300
_LONGEST_ANSWER = 4 * 2**20
"""Bytes. An assistant in Kubernetes has at most 1.5 MiB; parsing 4 MiB of JSON takes a tenth of a second."""
_MOST_TRUSTED = 1_000
_TRUSTED_FOR = 10.0
"""Seconds until unused certificates from a Secret or ConfigMap, and idle connections, are dropped."""
_INPUT_FIELDS = {"input", "ctx", "instance"}
"""Fields of an error that repeat the request, which may contain any user data."""
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}
_OVERLOADED = {429, 502, 503, 504}


class ServerTrouble(Exception):
    """A request failed. `reason`: for the condition."""

    reason: Reason


class ServerUnavailable(ServerTrouble):
    """The server did not answer, or answered with a transient error: the same request may succeed later."""

    reason = Reason.SERVER_UNREACHABLE

    def __init__(self, message: str, retry_after: float = 0.0, status: int = 0) -> None:
        """`status`: of the answer to this request; 0 if there was none."""
        super().__init__(message)
        self.retry_after = retry_after
        self.status = status


class ServerRefused(ServerTrouble):
    """The server refused the request. The same request will be refused again."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status
        self.reason = Reason.SERVER_UNAUTHORIZED if status in (401, 403) else Reason.PUBLICATION_REFUSED


class NotALangGraphServer(ServerTrouble):
    """The answer is not one of a LangGraph Server."""

    reason = Reason.SERVER_UNRECOGNIZED


class AnswerTooLarge(NotALangGraphServer):
    """The answer is larger than the limit. A smaller page may succeed."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The URL, the API key and the CA bundle of a server. The repr has the URL only."""

    url: str
    key: str | None = field(default=None, repr=False)
    authorities: str | None = field(default=None, repr=False)
    """PEM of the trusted certificates; None for those of the system."""


class HttpTransport:
    """Sends requests to all LangGraph Servers, with limits for each."""

    def __init__(self, observe: Callable[[str, int, float], None], proxies: Proxies | None = None) -> None:
        """`observe`: called after each request with method, status (0 without an answer) and seconds.

        `proxies`: default: those of the environment.
        """
        self._observe = observe
        self._proxies = proxies or Proxies.from_environment()
        self._session: aiohttp.ClientSession | None = None
        self._system: ssl.SSLContext | None = None
        self._slots: dict[str, asyncio.Semaphore] = {}
        """By URL, only while there are requests."""
        self._requests: Counter[str] = Counter()
        # Also by key and CA bundle: a throttled key or a wrong bundle must not affect other users of the server.
        self._breaker = CircuitBreaker()
        self._trusted: Expiring[bytes, ssl.SSLContext] = Expiring(_TRUSTED_FOR, _MOST_TRUSTED)
        self._salt = secrets.token_bytes(32)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def is_busy(self, url: str) -> bool:
        """Return whether that server has reached its limit of concurrent requests."""
        slots = self._slots.get(url)
        return slots is not None and slots.locked()

    async def send(self, endpoint: Endpoint, method: str, path: str, body: FreeForm | None = None) -> Any:
        """Return the parsed answer. Raises ServerTrouble."""
        request = f"{method} {endpoint.url}{path}"
        circuit = self._digest(endpoint.url, endpoint.key, endpoint.authorities)
        async with self._slot(endpoint.url):
            if is_open := self._breaker.is_open(circuit):
                raise ServerUnavailable(*is_open)
            proxy = self._proxy(endpoint.url)
            try:
                status, text, headers = await self._exchange(endpoint, proxy, method, path, body)
            except (aiohttp.ClientError, TimeoutError, OSError) as error:
                via = f"through the proxy {proxy.url}: " if proxy else ""
                raise self._failed(circuit, f"{endpoint.url}: {via}{_reason(error)}") from error
        reply = f"{status} {_detail(text, endpoint.key)}".rstrip() if status >= 400 else ""
        if status in _OVERLOADED:
            # Without the request: the next requests fail with the same message, so that conditions do not change.
            retry_after = responses.retry_after_seconds(headers.get("Retry-After"))
            raise self._failed(circuit, f"{endpoint.url}: {reply}", retry_after)
        self._breaker.succeeded(circuit)
        if status in _TRANSIENT:
            raise ServerUnavailable(f"{request}: {reply}", status=status)
        if status == 407 and proxy:
            raise ServerUnavailable(f"{endpoint.url}: the proxy {proxy.url} asks for credentials", BACKOFF.longest)
        if status >= 400:
            raise ServerRefused(f"{request}: {reply}", status)
        return _answer(request, status, text, headers)

    def _proxy(self, url: str) -> Proxy | None:
        try:
            return self._proxies.of(url)
        except ValueError as error:
            raise ServerUnavailable(f"{url}: {error}", BACKOFF.longest) from None

    @asynccontextmanager
    async def _slot(self, url: str) -> AsyncIterator[None]:
        slots = self._slots.setdefault(url, asyncio.Semaphore(AT_ONCE))
        self._requests[url] += 1
        try:
            async with slots:
                yield
        finally:
            self._requests[url] -= 1
            if not self._requests[url]:
                del self._requests[url], self._slots[url]

    async def _exchange(
        self, endpoint: Endpoint, proxy: Proxy | None, method: str, path: str, body: FreeForm | None
    ) -> tuple[int, bytes, Mapping[str, str]]:
        if self._session is None:
            limit = aiohttp.ClientTimeout(total=_TIMEOUT, sock_connect=_CONNECT_TIMEOUT)
            self._session = aiohttp.ClientSession(
                timeout=limit,
                connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_TRUSTED_FOR),
                cookie_jar=aiohttp.DummyCookieJar(),  # cookies of one Graph must not be sent for another one
            )
        headers = {"Accept": "application/json", **({"x-api-key": endpoint.key} if endpoint.key else {})}
        # For https the proxy receives its headers with CONNECT, for http with the request.
        proxy_headers = proxy.headers if proxy else {}
        is_tunnel = endpoint.url.startswith("https:")
        started, code = asyncio.get_running_loop().time(), 0
        try:
            async with self._session.request(
                method,
                endpoint.url + path,
                headers=headers if is_tunnel else headers | proxy_headers,
                allow_redirects=False,
                ssl=self._trust(endpoint),
                json=body,
                proxy=proxy.url if proxy else None,
                proxy_headers=proxy_headers if is_tunnel else None,
            ) as answer:
                code = answer.status
                return answer.status, await responses.read_body(answer, _LONGEST_ANSWER), answer.headers
        except responses.TooLarge:
            raise AnswerTooLarge(f"{endpoint.url} answers with more than {_LONGEST_ANSWER // 2**20} MiB") from None
        finally:
            self._observe(method, code, asyncio.get_running_loop().time() - started)

    def _trust(self, endpoint: Endpoint) -> ssl.SSLContext:
        if endpoint.authorities is None:
            self._system = self._system or tls.of_system()
            return self._system
        bundle = self._digest(endpoint.authorities)
        context = self._trusted.get(bundle) or tls.of_bundle(endpoint.authorities)
        self._trusted[bundle] = context
        return context

    def _digest(self, *parts: str | None) -> bytes:
        """Return a salted digest as a cache key: the caches must not contain values from Secrets."""
        digest = hashlib.blake2b(key=self._salt, digest_size=32)
        for part in parts:
            text = b"" if part is None else part.encode()
            digest.update(b"%d:%d:" % (part is not None, len(text)) + text)
        return digest.digest()

    def _failed(self, circuit: bytes, error: str, retry_after: float | None = None) -> ServerUnavailable:
        return ServerUnavailable(error, self._breaker.failed(circuit, error, retry_after))


def _answer(request: str, status: int, text: bytes, headers: Mapping[str, str]) -> Any:
    if 300 <= status < 400:
        raise NotALangGraphServer(f"{request} redirects to {headers.get('Location', 'nowhere')}: give that address")
    try:
        return responses.parse_json(text) if text else None
    except ValueError as error:
        kind = headers.get("Content-Type", "no content type")
        raise NotALangGraphServer(f"{request} answers with {kind}, not with JSON") from error


def _detail(text: bytes, key: str | None) -> str:
    """Return the server's error message in one line, without the parts that repeat the request: it may be user data."""
    try:
        content = responses.parse_json(text)
        detail = content.get("detail", "") if isinstance(content, dict) else ""
        shown = _without_values(detail) if isinstance(detail, str) else str(_without_input(detail))
    except (ValueError, RecursionError):
        return ""
    line = " ".join(shown.split())
    return (line.replace(key, "(the key)") if key else line)[:_LONGEST_DETAIL]


def _without_values(detail: str) -> str:
    """Remove the value from a validator's message, which begins with it and repeats it after `On instance`."""
    message, _, instance = detail.partition("On instance")
    message = message.partition("Failed validating")[0]
    value = instance.partition(":")[2].strip()
    return f"the value{message.removeprefix(value)}" if value and message.startswith(value) else message


def _without_input(detail: Any) -> Any:
    if isinstance(detail, dict):
        return {name: _without_input(value) for name, value in detail.items() if name not in _INPUT_FIELDS}
    return [_without_input(item) for item in detail] if isinstance(detail, list) else detail


def _reason(error: BaseException) -> str:
    """Return why there was no answer. The same cause has always the same text, so that conditions do not change."""
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
