"""The HTTP side of the simulated LangGraph Server, and its life: start, stop, kill."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from aiohttp import web

from . import bodies
from .bodies import Refused
from .contents import kept_body
from .graphs import ROUTER, WRITER, DeployedGraph, Json
from .store import Store

T = TypeVar("T")
RELEASE = "0.16.7"
FLUSH = 10.0
"""Seconds between two times at which the server writes its state to the disk."""
_INFO: Json = {
    "version": RELEASE,
    "langgraph_py_version": "1.2.24",
    "flags": {"assistants": True, "crons": True, "langsmith": False},
    "host": {"kind": "self-hosted", "project_id": None, "host_revision_id": None, "tenant_id": None},
}
_UNSIMULATED = re.compile(
    r"/(threads|runs|store|mcp|a2a|docs|metrics|assistants/count|assistants/[^/]+/(graph|subgraphs))"
)
_ROUTES = {
    re.compile(r"/ok"): {"GET": "ok"},
    re.compile(r"/info"): {"GET": "info"},
    re.compile(r"/assistants"): {"POST": "create"},
    re.compile(r"/assistants/search"): {"POST": "search"},
    re.compile(r"/assistants/(?P<id>[^/]+)"): {"GET": "read", "PATCH": "update", "DELETE": "delete"},
    re.compile(r"/assistants/(?P<id>[^/]+)/schemas"): {"GET": "schemas"},
    re.compile(r"/assistants/(?P<id>[^/]+)/versions"): {"POST": "versions"},
    re.compile(r"/assistants/(?P<id>[^/]+)/latest"): {"POST": "latest"},
}


@dataclass(frozen=True)
class _Answer:
    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)


class SimulatedLangGraphServer:
    """One development server, started. `handle` is its aiohttp handler."""

    def __init__(
        self,
        *,
        clock: Callable[[], datetime],
        new_id: Callable[[], UUID],
        graphs: Mapping[str, DeployedGraph] | None = None,
        key: str | None = None,
        has_meta: bool = True,
    ) -> None:
        """`key`: what a request must carry as x-api-key. `has_meta`: whether it answers GET /info."""
        self._clock = clock
        self._new_id = new_id
        self._key = key
        self._has_meta = has_meta
        self._graphs = dict(graphs if graphs is not None else {"writer": WRITER, "router": ROUTER})
        self._store = Store(lambda: clock().isoformat(timespec="microseconds"))
        self._store.start(self._graphs)
        self._started = self._changed = clock()
        self._on_disk = Store(str).state()

    # Its life

    def deploy(self, graphs: Mapping[str, DeployedGraph]) -> None:
        """From the next start on it serves these graphs."""
        self._graphs = dict(graphs)

    def restart(self) -> None:
        """Stop it as SIGTERM does, and start it: it keeps what it knows."""
        self._on_disk = self._store.state()
        self._start()

    def kill(self) -> None:
        """End it as SIGKILL does, and start it: what was not on the disk is lost."""
        self._flush()
        self._start()

    def wipe(self) -> None:
        """Start it as if it had just been installed."""
        self._on_disk = Store(str).state()
        self._start()

    def _start(self) -> None:
        self._store.restore(self._on_disk)
        self._store.start(self._graphs)
        self._started = self._changed = self._clock()

    def _flush(self) -> None:
        """Write the present state to the disk if the time for it came since the last change."""
        slots = [int((time - self._started).total_seconds() / FLUSH) for time in (self._changed, self._clock())]
        if slots[0] != slots[1]:
            self._on_disk = self._store.state()

    # What tests look at and change

    def assistant(self, assistant_id: str) -> Json | None:
        """What it holds; None if nothing."""
        try:
            return self._store.read(assistant_id)
        except Refused:
            return None

    def assistants(self, graph_id: str | None = None) -> list[Json]:
        """All it holds, or all it holds of a graph, in the order of their ids."""
        asked = {} if graph_id is None else {"graph_id": graph_id}
        return self._store.search({**asked, "sort_by": "assistant_id", "sort_order": "asc"})

    def edit(self, assistant_id: str, **fields: Any) -> Json:
        """As somebody in Studio would. Raises Refused."""
        return self._edited(assistant_id, json.dumps(fields).encode())

    # HTTP

    async def handle(self, request: web.BaseRequest) -> web.Response:
        raw = await request.read()
        answer = self._answer(request, raw)
        body = b"" if answer.body is None else json.dumps(answer.body).encode()
        kind = {"Content-Type": "application/json"} if body else {}
        return web.Response(status=answer.status, body=body, headers={**kind, **answer.headers})

    def _answer(self, request: web.BaseRequest, raw: bytes) -> _Answer:
        path = request.path
        if self._key and path not in ("/ok", "/info") and request.headers.get("x-api-key") != self._key:
            return _Answer(401, {"detail": "bad key"})
        if _UNSIMULATED.match(path):
            return _Answer(501, {"detail": f"not simulated: {request.method} {path}"})
        for pattern, methods in _ROUTES.items():
            if match := pattern.fullmatch(path):
                if request.method in methods:
                    return self._called(methods[request.method], match.groupdict().get("id"), raw)
                # A path that fits two routes, such as that of the search, belongs to the one with the method.
                continue
        if any(pattern.fullmatch(path) for pattern in _ROUTES):
            return _Answer(405, {"detail": "Method Not Allowed"})
        if path.endswith("/") and any(pattern.fullmatch(path[:-1]) for pattern in _ROUTES):
            return _Answer(307, headers={"Location": str(request.url.with_path(path[:-1]))})
        return _Answer(404, {"detail": "Not Found"})

    def _called(self, name: str, assistant_id: str | None, raw: bytes) -> _Answer:
        try:
            given = [] if assistant_id is None else [assistant_id]
            answer: _Answer = getattr(self, f"_{name}")(*given, raw)
        except Refused as refused:
            return _Answer(refused.status, {"detail": refused.detail})
        return answer

    def _changing(self, change: Callable[[], T]) -> T:
        self._flush()
        changed = change()
        self._changed = self._clock()
        return changed

    def _ok(self, _: bytes) -> _Answer:
        return _Answer(200, {"ok": True, **({"services": {}} if self._has_meta else {})})

    def _info(self, _: bytes) -> _Answer:
        return _Answer(200, _INFO) if self._has_meta else _Answer(404, {"detail": "Not Found"})

    def _create(self, raw: bytes) -> _Answer:
        body = bodies.parsed(raw, bodies.CREATE)
        assistant_id = _uuid(body["assistant_id"]) if "assistant_id" in body else str(self._new_id())
        bodies.check_config(body)
        return _Answer(200, self._changing(lambda: self._store.create(assistant_id, kept_body(body))))

    def _read(self, assistant_id: str, _: bytes) -> _Answer:
        return _Answer(200, self._store.read(_uuid(assistant_id)))

    def _schemas(self, assistant_id: str, _: bytes) -> _Answer:
        return _Answer(200, self._store.schemas(_uuid(assistant_id)))

    def _update(self, assistant_id: str, raw: bytes) -> _Answer:
        return _Answer(200, self._edited(_uuid(assistant_id), raw))

    def _edited(self, assistant_id: str, raw: bytes) -> Json:
        body = bodies.parsed(raw, bodies.UPDATE)
        bodies.check_config(body)
        return self._changing(lambda: self._store.update(assistant_id, kept_body(body)))

    def _delete(self, assistant_id: str, _: bytes) -> _Answer:
        known = _uuid(assistant_id)
        self._changing(lambda: self._store.delete(known))
        return _Answer(204)

    def _search(self, raw: bytes) -> _Answer:
        body = bodies.parsed(raw, bodies.SEARCH)
        found = self._store.search(body)
        first, limit = int(body.get("offset", 0)), int(body.get("limit", 10))
        page, is_more = found[first : first + limit], len(found) > first + limit
        headers = {"X-Pagination-Total": str(first + len(page) + is_more)}
        if is_more:
            headers["X-Pagination-Next"] = str(first + limit)
        chosen = body.get("select")
        shown = [{key: row[key] for key in chosen} for row in page] if chosen else page
        return _Answer(200, shown, headers)

    def _versions(self, assistant_id: str, raw: bytes) -> _Answer:
        return _Answer(200, self._store.versions(_uuid(assistant_id), bodies.parsed(raw, bodies.VERSIONS)))

    def _latest(self, assistant_id: str, raw: bytes) -> _Answer:
        version = bodies.parsed(raw, bodies.LATEST).get("version")
        known = _uuid(assistant_id)
        return _Answer(200, self._changing(lambda: self._store.roll_back(known, version)))


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError as error:
        raise Refused(422, "Invalid assistant ID: must be a UUID") from error
