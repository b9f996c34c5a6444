"""An API server with one kind and no rules: enough for kopf's watcher, for the tests of virtual time alone."""

import asyncio
import json
from typing import Any

from aiohttp import web

from assistant_operator.api.meta import GROUP, VERSION

Json = dict[str, Any]


class SmallApi:
    def __init__(self) -> None:
        self.revision = 10
        self.objects: dict[str, Json] = {}
        self._watchers: list[asyncio.Queue[Json]] = []

    def put(self, name: str, number: int) -> None:
        """Create or replace an Assistant, and tell the watches."""
        self.revision += 1
        event = "MODIFIED" if name in self.objects else "ADDED"
        meta = {"name": name, "namespace": "t", "uid": name, "resourceVersion": str(self.revision)}
        self.objects[name] = {
            "apiVersion": f"{GROUP}/{VERSION}",
            "kind": "Assistant",
            "metadata": {**meta, "generation": number},
            "spec": {"n": number},
        }
        for watcher in self._watchers:
            watcher.put_nowait({"type": event, "object": self.objects[name]})

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        path = request.path
        if path.endswith("/assistants"):
            return await self._watch(request) if request.query.get("watch") else self._list()
        if path in _DISCOVERY:
            return web.json_response(_DISCOVERY[path])
        return web.json_response({"kind": "Status", "code": 404, "reason": "NotFound"}, status=404)

    def _list(self) -> web.Response:
        return web.json_response(
            {"metadata": {"resourceVersion": str(self.revision)}, "items": list(self.objects.values())}
        )

    async def _watch(self, request: web.BaseRequest) -> web.StreamResponse:
        answer = web.StreamResponse()
        await answer.prepare(request)
        queue: asyncio.Queue[Json] = asyncio.Queue()
        self._watchers.append(queue)
        try:
            while True:
                await answer.write(json.dumps(await queue.get()).encode() + b"\n")
        finally:
            self._watchers.remove(queue)


def _group(name: str, version: str) -> Json:
    this = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [this], "preferredVersion": this}


def _kinds(of: str, *resources: Json) -> Json:
    return {"kind": "APIResourceList", "groupVersion": of, "resources": list(resources)}


def _kind(plural: str, kind: str, *verbs: str, namespaced: bool = True) -> Json:
    return {
        "name": plural,
        "singularName": kind.lower(),
        "namespaced": namespaced,
        "kind": kind,
        "verbs": list(verbs),
    }


_DISCOVERY: dict[str, Json] = {
    "/api": {"versions": ["v1"]},
    "/apis": {"kind": "APIGroupList", "groups": [_group(GROUP, VERSION)]},
    "/api/v1": _kinds("v1", _kind("namespaces", "Namespace", "list", "watch", namespaced=False)),
    f"/apis/{GROUP}/{VERSION}": _kinds(
        f"{GROUP}/{VERSION}", _kind("assistants", "Assistant", "list", "watch", "get", "patch")
    ),
}
