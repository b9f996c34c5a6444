"""The API server as requests and answers: one request in, JSON or a named error out. It knows none of our kinds."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import yaml
from kubernetes.aio import client, config

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY_PATCH = "application/apply-patch+yaml"

_TOO_LARGE = (
    "request is too large",
    "trying to send message larger than max",
    "grpc: received message larger than max",
)
_LONGEST_EVENT = 64 * 2**20
_IDLE = 45.0
"""Seconds until an unused connection is closed: before the API server (90) or what stands in front of it does that."""
_UNKNOWN_FIELD = re.compile(r'unknown field "([^"]+)"')
_PASSING = {408, 425, 429, 500, 502, 503, 504}


class ClusterUnavailable(Exception):
    """The API server did not answer, or said that it cannot just now: the same request may succeed later."""

    retry_after: float | None = None
    is_answer: bool = False
    """Whether the API server answered: then another request may succeed now."""


class ClusterRefused(Exception):
    """The API server refused: the same request will be refused again."""

    def __init__(self, what: str, status: "Status") -> None:
        super().__init__(f"Kubernetes refused {what}: {status.code} {status.reason}: {status.message}")
        self.status = status


class NotLeading(Exception):
    """A write was held back because the Lease is not ours any more."""


@dataclass(frozen=True, slots=True)
class Status:
    """A metav1.Status: what the API server says instead of an object."""

    code: int
    reason: str = ""
    message: str = ""
    causes: tuple[tuple[str, str], ...] = ()
    """Reason and field of each cause."""
    kind: str = ""
    """Plural of the kind that it is about."""

    @property
    def is_too_large(self) -> bool:
        return self.code == 413 or any(text in self.message for text in _TOO_LARGE)

    @property
    def is_passing(self) -> bool:
        return self.code in _PASSING and not self.is_too_large

    @property
    def unknown_fields(self) -> tuple[str, ...]:
        """The fields that strict field validation refused, such as `spec.change.user`."""
        is_strict = self.code == 400 and "strict decoding error" in self.message
        return tuple(_UNKNOWN_FIELD.findall(self.message)) if is_strict else ()

    @property
    def is_namespace_going(self) -> bool:
        """Whether nothing can be made there: the namespace is being deleted, or is gone and left objects behind.

        It does leave some: its deletion asks the API server which kinds there are, and one that just started does not
        know those of CustomResourceDefinitions yet.
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

    @property
    def url(self) -> str:
        asked = "?" + urlencode(self.query) if self.query else ""
        return quote(self.path) + asked

    def __str__(self) -> str:
        return f"{self.method} {self.path}"


class ApiServer:
    """A connection to one API server, as the kubeconfig or the pod's service account says."""

    def __init__(
        self,
        configuration: client.Configuration,
        *,
        may_write: Callable[[], bool] = lambda: True,
        observe: Callable[[str, int, float], None] = lambda method, code, seconds: None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers`: sent with each request."""
        self._client = client.ApiClient(configuration)
        # Connections outlast the pauses between a person's edits: a new one begins with a handshake.
        trust = self._client.rest_client.ssl_context
        self._connector = aiohttp.TCPConnector(limit=100, ssl=trust, keepalive_timeout=_IDLE)
        # Looking up proxies and netrc at every request would make each four times as dear.
        configuration.client_session_kwargs = {"trust_env": False, "connector": self._connector}
        self._may_write = may_write
        self._observe = observe
        self._headers = dict(headers or {})

    async def close(self) -> None:
        await self._client.close()  # type: ignore[no-untyped-call]
        await self._connector.close()

    async def send(self, call: Call, *, timeout: float = 30.0) -> dict[str, Any]:
        """The JSON answer. Raises ClusterUnavailable, ClusterRefused, NotLeading."""
        response = await self._open(call, timeout)
        return await _answer(call, response)

    async def stream(self, call: Call, *, silence: float) -> AsyncIterator[dict[str, Any]]:
        """The events of a watch, until it ends. Raises ClusterUnavailable after `silence` seconds without any."""
        response = await self._open(call, None)
        if response.status != 200:
            await _answer(call, response)
        lines = response.response.content
        try:
            while line := await asyncio.wait_for(lines.readline(max_line_length=_LONGEST_EVENT), silence):
                yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise ClusterUnavailable(f"{call}: the watch broke off: {error!r}") from error
        finally:
            response.response.close()

    async def _open(self, call: Call, timeout: float | None) -> Any:
        if call.method != "GET" and not self._may_write():
            raise NotLeading(f"{call}: the Lease is not held")
        headers = {**self._headers, "Accept": call.accept, "Content-Type": call.content_type}
        await self._client.update_params_for_auth(headers, [], ["BearerToken"], call.path, call.method, None)
        url = self._client.configuration.host + call.url
        limit = aiohttp.ClientTimeout(total=timeout, sock_connect=5.0)
        started = asyncio.get_running_loop().time()
        code = 0
        try:
            answer = await self._client.call_api(call.method, url, headers, call.body, _request_timeout=limit)
            code = answer.status
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise ClusterUnavailable(f"{call}: no answer: {error!r}") from error
        finally:
            self._observe(call.method, code, asyncio.get_running_loop().time() - started)
        return answer


async def _answer(call: Call, response: Any) -> dict[str, Any]:
    try:
        text = await response.read()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise ClusterUnavailable(f"{call}: the answer broke off: {error!r}") from error
    content = _parsed(text)
    if 200 <= response.status < 300:
        if isinstance(content, dict):
            return content
        raise ClusterUnavailable(f"{call}: {response.status}, but what answered is no Kubernetes API")
    status = _status(response.status, content if isinstance(content, dict) else {"message": _shown(text)})
    if status.is_passing:
        retry_after = response.headers.get("Retry-After", "")
        unavailable = ClusterUnavailable(f"{call}: {status.code} {status.reason}: {status.message}")
        unavailable.is_answer = True
        unavailable.retry_after = float(retry_after) if retry_after.isdecimal() else None
        raise unavailable
    raise ClusterRefused(str(call), status)


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text) if text else {}
    except ValueError:
        return None


def _shown(text: bytes) -> str:
    return " ".join(text[:200].decode("utf-8", "replace").split())


def _status(code: int, told: dict[str, Any]) -> Status:
    details = told.get("details")
    about = details if isinstance(details, dict) else {}
    return Status(
        code,
        str(told.get("reason", "")),
        str(told.get("message", "")),
        tuple((str(cause.get("reason", "")), str(cause.get("field", ""))) for cause in about.get("causes") or ()),
        str(about.get("kind", "")),
    )


UNREADABLE = (config.ConfigException, yaml.YAMLError, OSError, TypeError, AttributeError)
"""What the library makes of a kubeconfig that is none: the last two, of YAML that is no mapping."""


@contextmanager
def telling(where: str) -> Iterator[None]:
    """Whatever the library makes of what is written there, in words for the person who wrote it. Raises ValueError."""
    try:
        yield
    except UNREADABLE as error:
        raise ValueError(f"cannot tell from {where} how to reach a cluster: {' '.join(str(error).split())}") from error


async def configuration() -> client.Configuration:
    """How to reach the cluster: KUBECONFIG, else the pod's service account, else ~/.kube/config. Raises ValueError."""
    found = client.Configuration()
    if "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ:
        with telling("the pod's service account"):
            config.load_incluster_config(client_configuration=found)  # type: ignore[no-untyped-call]
    else:
        with telling(f"KUBECONFIG={os.environ.get('KUBECONFIG', '~/.kube/config')}"):
            await config.load_kube_config(client_configuration=found)  # type: ignore[no-untyped-call]
    return found


async def credentials() -> dict[str, Any]:
    """The same, as the parts that another client needs: where, whom to trust, who we are."""
    found = await configuration()
    scheme, _, token = (await found.get_api_key_with_prefix("BearerToken") or "").partition(" ")
    return {
        "server": found.host,
        "ca_path": found.ssl_ca_cert,
        "ca_data": found.ca_cert_data,
        "insecure": not found.verify_ssl,
        "scheme": scheme.capitalize() or None,
        "token": token or None,
        "certificate_path": found.cert_file,
        "private_key_path": found.key_file,
    }
