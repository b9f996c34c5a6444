"""HTTP transport for the API server: sends a Call and returns its JSON. Independent of our kinds."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from aiohttp.http import HttpProcessingError

from assistant_operator.clients.http import responses
from assistant_operator.clients.http.responses import TooLarge

from .configuration import Configuration, Load
from .connection import Login
from .shapes import Shape

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_TOO_LARGE = (
    "request is too large",
    "trying to send message larger than max",
    "grpc: received message larger than max",
)
_NOT_ASCII = re.compile(r"[^\x20-\x7e]")
_LONGEST_EVENT = 8 * 2**20
"""Bytes. An event has one object: etcd stores 1.5 MiB by default, the API server accepts requests of 3 MiB."""
_LONGEST_ANSWER = 64 * 2**20
"""Bytes. A page of 500 objects of 100 KB fits; Objects.pages lists larger ones in smaller pages."""
_OPENING = 30.0
"""Timeout for the response headers of a watch, in seconds. The events have a separate timeout."""
_TOO_OLD = re.compile(r"too old resource version: \d+ \((\d+)\)")
_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
_TRANSIENT = {408, 425, 429, 500, 502, 503, 504}


class ClusterUnavailable(Exception):
    """The API server did not answer, or answered with a transient error: the same request may succeed later."""

    retry_after: float | None = None
    is_answer: bool = False
    """Whether the API server answered. Then another request may succeed now."""


class AnswerTooLarge(ClusterUnavailable):
    """The answer is larger than the limit. A request for fewer objects may succeed."""


class ClusterRefused(Exception):
    """The API server refused the request. The same request will be refused again."""

    def __init__(self, what: str, status: "Status") -> None:
        super().__init__(f"Kubernetes refused {what}: {status.code} {status.reason}: {status.message}")
        self.status = status


NO_EFFECT = "the write was accepted and had no effect"


class NoEffect(ClusterRefused):
    """The API server accepted a write that had no effect; for example, an admission webhook reverted it."""

    def __init__(self) -> None:
        Exception.__init__(self, NO_EFFECT)
        self.status = Status(200)


class NotLeading(Exception):
    """A write was not sent because this process does not hold the Lease."""


@dataclass(frozen=True, slots=True)
class Status:
    """A metav1.Status, which the API server returns instead of an object."""

    code: int
    reason: str = ""
    message: str = ""
    causes: tuple[tuple[str, str], ...] = ()
    """Reason and field of each cause."""
    kind: str = ""
    """Plural of the kind in its details."""
    field_owners: tuple[tuple[str, str], ...] = ()
    """Field and message of each conflict of a server-side apply; the message names the manager that owns the field."""

    @property
    def is_not_served(self) -> bool:
        """Whether the API server does not serve the kind. The 404 of an object that does not exist names its kind."""
        return self.code == 404 and not self.kind

    @property
    def is_too_large(self) -> bool:
        return self.code == 413 or any(text in self.message for text in _TOO_LARGE)

    @property
    def is_transient(self) -> bool:
        return self.code in _TRANSIENT and not self.is_too_large

    @property
    def unknown_fields(self) -> tuple[str, ...]:
        """The fields that strict field validation refused, for example `spec.change.user`."""
        is_strict = self.code == 400 and "strict decoding error" in self.message
        return tuple(_UNKNOWN_FIELD.findall(self.message)) if is_strict else ()

    @property
    def oldest_resource_version(self) -> int | None:
        """The start of the watch cache, if it is after the requested resource version."""
        found = _TOO_OLD.search(self.message) if self.code == 410 else None
        return int(found[1]) if found else None

    @property
    def is_of_another(self) -> bool:
        """Whether a patch has the UID of an object that was replaced by another one of the same name."""
        return self.code == 422 and any(field == "metadata.uid" for _, field in self.causes)

    @property
    def is_namespace_terminating(self) -> bool:
        """Whether nothing can be created because the namespace is being deleted or does not exist.

        A deleted namespace can leave custom objects behind: its deletion uses the API server's discovery, which lacks
        the kinds of CustomResourceDefinitions for a moment after a start.
        """
        is_gone = self.code == 404 and self.kind == "namespaces"
        return is_gone or (self.code == 403 and any(reason == "NamespaceTerminating" for reason, _ in self.causes))


@dataclass(frozen=True, slots=True)
class Call:
    """One request."""

    method: str
    path: str
    query: Mapping[str, str | int] | None = None
    body: Any = None
    content_type: str = JSON
    accept: str = JSON
    shape: Shape | None = None
    """What is read of the answer; None for all of it."""

    @property
    def url(self) -> str:
        query = "?" + urlencode(self.query) if self.query else ""
        return quote(self.path) + query

    @property
    def payload(self) -> bytes | None:
        """The encoded body: YAML for an apply, otherwise JSON."""
        if self.body is None:
            return None
        text = yaml_text(self.body) if self.content_type == APPLY_PATCH else json.dumps(self.body)
        return text.encode()

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


def yaml_text(content: Any) -> str:
    """Return JSON content as YAML in one ASCII line.

    JSON is not valid YAML in two cases: JSON escapes an emoji as two surrogates, which YAML parsers refuse, and a line
    separator that is not escaped is a line break in YAML.
    """
    return _NOT_ASCII.sub(_escaped, json.dumps(content, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    number = ord(found[0])
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


class ApiServer:
    """The client of one API server."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        may_write: Callable[[], bool] = lambda: True,
        observe: Callable[[str, int, float], None] = lambda method, code, seconds: None,
        interrupted: Callable[[], None] = lambda: None,
        headers: Mapping[str, str] | None = None,
        reload: Load | None = None,
    ) -> None:
        """`may_write`: checked before each write. `observe`: called with method, status code and seconds.

        `interrupted`: called after a request without an answer, and after a watch that broke off. `headers`: sent with
        each request. `reload`: reads new credentials after a 401.
        """
        self.host = configuration.host
        self._login = Login(configuration, reload)
        self._session: aiohttp.ClientSession | None = None
        self._may_write = may_write
        self._observe = observe
        self._interrupted = interrupted
        self._headers = dict(headers or {})

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    async def send(self, call: Call, *, timeout: float = 30.0) -> dict[str, Any]:
        """Return the JSON answer. Raises ClusterUnavailable, ClusterRefused, NotLeading."""
        response = await self._open(call, timeout)
        return await self._answer(call, response)

    async def stream(self, call: Call, *, silence: float) -> AsyncIterator[dict[str, Any]]:
        """Yield the events of a watch. Raises ClusterUnavailable after `silence` seconds without an event."""
        with closing(await self.watch(call, silence=silence)) as lines:
            async for line in lines:
                if not isinstance(event := _parsed(line), dict):
                    raise ClusterUnavailable(f"{call}: the watch broke off: a line is not an event")
                yield event

    async def watch(self, call: Call, *, silence: float) -> "Lines":
        """Open a watch, which the caller closes. Raises ClusterUnavailable and ClusterRefused.

        It is not an asynchronous context manager: those who use it are generators, and when a process ends, asyncio
        closes all generators in any order, also one within another.
        """
        try:
            async with asyncio.timeout(_OPENING):
                response = await self._open(call, None)
        except TimeoutError as late:
            self._interrupted()
            raise ClusterUnavailable(f"{call}: no answer within {_OPENING:.0f} s") from late
        try:
            if response.status != 200:
                await self._answer(call, response)
            if response.headers.get("Content-Type", "").startswith("text/"):
                what = f"{response.status}, but what answered is no Kubernetes API"
                raise ClusterUnavailable(f"{call}: {what}")  # noqa: TRY301 (the response is closed)
        except BaseException:
            response.close()
            raise
        return Lines(call, response, silence, self._interrupted)

    async def _open(self, call: Call, timeout: float | None) -> aiohttp.ClientResponse:
        if call.method != "GET" and not self._may_write():
            raise NotLeading(f"{call}: the Lease is not held")
        self._session = self._session or self._login.session()
        headers = {**self._headers, "Accept": call.accept, "Content-Type": call.content_type}
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=5.0)
        started = asyncio.get_running_loop().time()
        code = 0
        try:
            answer = await self._session.request(
                call.method,
                self.host + call.url,
                headers=headers,
                data=call.payload,
                timeout=limit,
            )
            code = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._interrupted()
            raise ClusterUnavailable(f"{call}: no answer: {responses.describe(error)}") from error
        finally:
            self._observe(call.method, code, asyncio.get_running_loop().time() - started)
        return answer

    async def _answer(self, call: Call, response: aiohttp.ClientResponse) -> dict[str, Any]:
        try:
            text = await responses.read_body(response, _LONGEST_ANSWER)
        except TooLarge as error:
            raise AnswerTooLarge(f"{call}: the answer has more than {_LONGEST_ANSWER // 2**20} MiB") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._interrupted()
            raise ClusterUnavailable(f"{call}: the answer broke off: {responses.describe(error)}") from error
        is_ok = 200 <= response.status < 300
        content = _parsed(text, call.shape if is_ok else None)
        if is_ok:
            if isinstance(content, dict):
                return content
            raise ClusterUnavailable(f"{call}: {response.status}, but what answered is no Kubernetes API")
        status = _status(response.status, content if isinstance(content, dict) else {"message": _shown(text)})
        if status.is_transient:
            unavailable = ClusterUnavailable(f"{call}: {status.code} {status.reason}: {status.message}")
            unavailable.is_answer = True
            unavailable.retry_after = responses.retry_after_seconds(response.headers.get("Retry-After"))
            raise unavailable
        raise ClusterRefused(str(call), status)


class Lines:
    """The lines of an open watch, one event each."""

    def __init__(
        self, call: Call, response: aiohttp.ClientResponse, silence: float, interrupted: Callable[[], None]
    ) -> None:
        self._interrupted = interrupted
        self._call = call
        self._response = response
        self._silence = silence

    def close(self) -> None:
        """End the watch. Further reads raise ClusterUnavailable."""
        self._response.close()

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._response.content
        try:
            while True:
                async with asyncio.timeout(self._silence):
                    line = await content.readline(max_line_length=_LONGEST_EVENT)
                if not line:
                    return
                yield line
        except (aiohttp.ClientError, HttpProcessingError, TimeoutError, OSError, ValueError) as error:
            self._interrupted()
            raise ClusterUnavailable(f"{self._call}: the watch broke off: {_event_error(error)}") from error


def watch_event(call: Call, line: bytes) -> dict[str, Any]:
    """Parse a line of a watch. Raises ClusterUnavailable if it is not an event with a type and an object."""
    event = _parsed(line) if line.endswith(b"\n") else None
    if not isinstance(event, dict) or not isinstance(event.get("type"), str) or not _is_object(event.get("object")):
        raise ClusterUnavailable(f"{call}: the watch broke off: a line is not an event")
    return event


def _is_object(found: Any) -> bool:
    return isinstance(found, dict) and isinstance(found.get("metadata", {}), dict)


def _event_error(error: Exception) -> str:
    """Describe the error without the content of the event."""
    if isinstance(error, HttpProcessingError):
        return f"an event has more than {_LONGEST_EVENT // 2**20} MiB"
    return responses.describe(error)


def _parsed(text: bytes, shape: Shape | None = None) -> Any:
    try:
        if shape:
            return shape.validate_json(text)
        return responses.parse_json(text) if text else {}
    except ValueError:
        return None


def _shown(text: bytes) -> str:
    return " ".join(text[:200].decode("utf-8", "replace").split())


def status_of(content: dict[str, Any]) -> Status:
    """Parse the metav1.Status of an ERROR event."""
    code = content.get("code")
    return _status(code if isinstance(code, int) else 500, content)


def _status(code: int, content: dict[str, Any]) -> Status:
    found = content.get("details")
    details = found if isinstance(found, dict) else {}
    return Status(
        code,
        str(content.get("reason", "")),
        str(content.get("message", "")),
        tuple((str(cause.get("reason", "")), str(cause.get("field", ""))) for cause in details.get("causes") or ()),
        str(details.get("kind", "")),
        tuple(
            (str(cause.get("field", "")), str(cause.get("message", "")))
            for cause in details.get("causes") or ()
            if cause.get("reason") == "FieldManagerConflict"
        ),
    )
