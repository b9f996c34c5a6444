"""A small asynchronous client in plain JSON: requests as one user, and watches event by event."""

import asyncio
import io
import json
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientResponse, ClientSession, ClientTimeout

GROUP = "assistant-operator.dev"
API_VERSION = f"{GROUP}/v1alpha1"
OURS = f"/apis/{API_VERSION}"
MERGE = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
MANAGER = "contract"
LONGEST_EVENT = 16 * 2**20
Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """One answer: its status, its body parsed, its headers."""

    status: int
    body: Json
    headers: Mapping[str, str]

    @property
    def reason(self) -> str:
        return str(self.body.get("reason", ""))

    @property
    def message(self) -> str:
        return str(self.body.get("message", ""))

    @property
    def causes(self) -> list[Json]:
        return list((self.body.get("details") or {}).get("causes") or ())

    @property
    def meta(self) -> Json:
        return dict(self.body["metadata"])

    @property
    def position(self) -> int:
        """The resource version."""
        return int(self.body["metadata"]["resourceVersion"])

    @property
    def names(self) -> list[str]:
        """Of the items of a list."""
        return [each["metadata"]["name"] for each in self.body["items"]]

    @property
    def refusal(self) -> tuple[int, str]:
        return self.status, self.reason


class Watch:
    """One watch that is running."""

    def __init__(self, response: ClientResponse) -> None:
        self._response = response

    async def event(self, within: float = 30) -> Json | None:
        """The next event; None when the watch has ended."""
        line = await asyncio.wait_for(self._response.content.readline(max_line_length=LONGEST_EVENT), within)
        return dict(json.loads(line)) if line else None

    async def until(self, kind: str, within: float = 30) -> Json:
        """The object of the next event of that type; other events are passed over."""
        while told := await self.event(within):
            if told["type"] == kind:
                return dict(told["object"])
        raise AssertionError(f"the watch ended without an event {kind}")

    async def told(self, count: int, within: float = 30) -> list[tuple[str, str]]:
        """Type and name of the next events."""
        events = [await self.event(within) for _ in range(count)]
        return [(each["type"], each["object"]["metadata"]["name"]) for each in events if each]

    async def is_silent(self, seconds: float = 0.5) -> bool:
        """Whether nothing comes for that long; the watch is of no use afterwards."""
        try:
            await self.event(seconds)
        except TimeoutError:
            return True
        return False


class Api:
    """The API server as one user sees it; `namespace` is where the shorthands look."""

    def __init__(
        self, session: ClientSession, url: str, namespace: str, *, token: str = "", trust: ssl.SSLContext | None = None
    ) -> None:
        self.session, self.url, self.namespace, self.trust = session, url, namespace, trust
        self._token = token

    def as_user(self, token: str) -> "Api":
        return Api(self.session, self.url, self.namespace, token=token, trust=self.trust)

    def at(self, url: str) -> "Api":
        """The same through another API server."""
        return Api(self.session, url, self.namespace, token=self._token, trust=self.trust)

    async def send(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        accept: str = "application/json",
        kind: str = "",
        **query: Any,
    ) -> Reply:
        """Whatever the server answers. `kind`: the content type of the body."""
        data = body if isinstance(body, bytes) else None if body is None else json.dumps(body).encode()
        async with self._request(method, path, data, accept, kind, query) as answer:
            return Reply(answer.status, _parsed(await answer.read()), answer.headers)

    async def done(self, method: str, path: str, body: Any = None, **more: Any) -> Reply:
        """An answer that must be good."""
        reply = await self.send(method, path, body, **more)
        assert reply.status < 300, f"{method} {path}: {reply.status} {reply.body}"
        return reply

    def _request(
        self, method: str, path: str, data: bytes | None, accept: str, kind: str, query: Mapping[str, Any]
    ) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Accept": accept, "User-Agent": f"{MANAGER}/1"}
        if data is not None:
            headers["Content-Type"] = kind or "application/json"
        asked = {name: str(value) for name, value in query.items()}
        return self.session.request(
            method,
            self.url + path,
            params=asked,
            data=None if data is None else io.BytesIO(data),
            headers=headers,
            ssl=self.trust or True,
            timeout=ClientTimeout(total=None),
        )

    # Shorthands

    def path(self, plural: str, name: str = "", sub: str = "") -> str:
        return "/".join(part for part in (OURS, "namespaces", self.namespace, plural, name, sub) if part)

    async def get(self, plural: str, name: str, **more: Any) -> Reply:
        return await self.send("GET", self.path(plural, name), **more)

    async def list(self, plural: str, **query: Any) -> Reply:
        return await self.send("GET", self.path(plural), **query)

    async def create(self, plural: str, body: Json, **more: Any) -> Reply:
        return await self.send("POST", self.path(plural), body, **more)

    async def put(self, plural: str, name: str, body: Json, sub: str = "", **more: Any) -> Reply:
        return await self.send("PUT", self.path(plural, name, sub), body, **more)

    async def merge(self, plural: str, name: str, body: Json, sub: str = "", **more: Any) -> Reply:
        return await self.send("PATCH", self.path(plural, name, sub), body, kind=MERGE, **more)

    async def json_patch(self, plural: str, name: str, *operations: Json, sub: str = "", **more: Any) -> Reply:
        return await self.send("PATCH", self.path(plural, name, sub), list(operations), kind=JSON_PATCH, **more)

    async def apply(self, plural: str, name: str, body: Json, manager: str, sub: str = "", **more: Any) -> Reply:
        return await self.send("PATCH", self.path(plural, name, sub), body, kind=APPLY, fieldManager=manager, **more)

    async def delete(self, plural: str, name: str, **options: Any) -> Reply:
        return await self.send("DELETE", self.path(plural, name), options or None)

    @asynccontextmanager
    async def watch(self, plural: str, *, accept: str = "application/json", **query: Any) -> AsyncIterator[Watch]:
        """A watch that must begin well."""
        path = self.path(plural)
        async with self._request("GET", path, None, accept, "", {"watch": "true", **query}) as answer:
            assert answer.status == 200, f"watch {path}: {answer.status} {await answer.text()}"
            yield Watch(answer)


def _parsed(text: bytes) -> Json:
    try:
        return dict(json.loads(text))
    except ValueError:
        return {"message": text.decode(errors="replace")}
