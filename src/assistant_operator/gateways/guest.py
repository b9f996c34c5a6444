"""The door for people who type commands: what they read, whole and as models, and the few things they change."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion, version_name
from ..resources.graph import Graph
from ..resources.meta import FreeForm, Key, Resource
from .api_server import JSON, JSON_PATCH, ApiServer, Call, ClusterRefused
from .requests import METADATA_LIST, Requests, path_of

FIELD_MANAGER = "kubectl-assistants"
_SILENCE = 300.0

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """An object as a model, and as the API server spells it: `-o yaml` shows every field, known here or not."""

    resource: R
    document: FreeForm


class Conflict(Exception):
    """The object is another one than was looked at, or was edited since."""


class Guest:
    """One person's look at our kinds."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._requests = Requests(server)

    async def close(self) -> None:
        await self._server.close()

    async def assistant(self, key: Key) -> Found[Assistant] | None:
        return await self._one(Assistant, key)

    async def graph(self, key: Key) -> Found[Graph] | None:
        return await self._one(Graph, key)

    async def version(self, key: Key, number: int) -> Found[AssistantVersion] | None:
        """The version of that number of the Assistant `key`."""
        return await self._one(AssistantVersion, (key[0], version_name(key[1], number)))

    async def assistants(self, namespace: str, labels: str = "", graph: str = "") -> list[Found[Assistant]]:
        """Those with these labels and of that graph; `namespace` empty: everywhere."""
        told = {"labelSelector": labels, "fieldSelector": f"spec.graphRef.name={graph}" if graph else ""}
        return await self._all(Assistant, namespace, told)

    async def versions(self, key: Key) -> list[Found[AssistantVersion]]:
        """All that bear the Assistant's name, oldest first, whether it still exists or not."""
        selection = {"fieldSelector": f"spec.assistantRef.name={key[1]}"}
        found = await self._all(AssistantVersion, key[0], selection)
        return sorted(found, key=lambda each: each.resource.number)

    async def names(self, kind: type[Resource], namespace: str) -> list[str]:
        return await self._names(path_of(kind, (namespace, "")))

    async def namespaces(self) -> list[str]:
        return await self._names("/api/v1/namespaces")

    async def watch(self, key: Key) -> AsyncIterator[Found[Assistant] | None]:
        """The Assistant as it is and as it changes, for a few minutes at most; None once it is gone."""
        query = {"watch": "true", "fieldSelector": f"metadata.name={key[1]}", "timeoutSeconds": "290"}
        call = Call("GET", path_of(Assistant, (key[0], "")), query)
        async for event in self._server.stream(call, silence=_SILENCE):
            match event["type"]:
                case "ADDED" | "MODIFIED":
                    yield _found(Assistant, event["object"])
                case "DELETED":
                    yield None
                case "ERROR":
                    return

    async def change(self, key: Key, patch: list[FreeForm], *, dry_run: bool = False) -> Found[Assistant]:
        """What became of the Assistant by this JSON patch. Raises Conflict when a `test` in it fails."""
        query: dict[str, str | int] = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        try:
            answer = await self._server.send(Call("PATCH", path_of(Assistant, key), query, patch, JSON_PATCH))
        except ClusterRefused as refused:
            # A patch that does not fit is a 422 without causes; a spec that the schema refuses has them.
            if refused.status.code == 409 or (refused.status.code == 422 and not refused.status.causes):
                raise Conflict(refused.status.message) from refused
            raise
        return _found(Assistant, answer)

    async def _one(self, kind: type[R], key: Key) -> Found[R] | None:
        """None if there is no such object; that there is no such kind is ClusterRefused."""
        try:
            return _found(kind, await self._server.send(Call("GET", path_of(kind, key))))
        except ClusterRefused as refused:
            if refused.status.code == 404 and refused.status.kind:
                return None
            raise

    async def _all(self, kind: type[R], namespace: str, selection: Mapping[str, str]) -> list[Found[R]]:
        told = {name: value for name, value in selection.items() if value}
        pages = self._requests.pages(path_of(kind, (namespace, "")), JSON, told)
        return [_found(kind, item) async for page in pages for item in page["items"]]

    async def _names(self, path: str) -> list[str]:
        pages = self._requests.pages(path, METADATA_LIST)
        return [item["metadata"]["name"] async for page in pages for item in page["items"]]


def _found(kind: type[R], document: FreeForm) -> Found[R]:
    return Found(kind.model_validate(document), document)
