"""The plugin's Kubernetes client: reads of our kinds, and the JSON patch of an Assistant."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import FreeForm, Key, Resource
from assistant_operator.clients.kubernetes.objects import METADATA_LIST, Objects, path_of
from assistant_operator.clients.kubernetes.transport import JSON, JSON_PATCH, ApiServer, Call, ClusterRefused

FIELD_MANAGER = "kubectl-assistants"
_WATCH_SECONDS = "290"
_WATCH_TIMEOUT = 300.0

R = TypeVar("R", bound=Resource)


@dataclass(frozen=True, slots=True)
class Found(Generic[R]):
    """An object as a model, and as the API server sent it: `-o yaml` shows fields that the model does not have."""

    resource: R
    document: FreeForm


class Conflict(Exception):
    """The object was replaced or edited after it was read."""


class KubectlClient:
    """All methods raise ClusterUnavailable and ClusterRefused."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._requests = Objects(server)

    async def close(self) -> None:
        await self._server.close()

    async def assistant(self, key: Key) -> Found[Assistant] | None:
        """The Assistant; None if it does not exist."""
        return await self._get(Assistant, key)

    async def graph(self, key: Key) -> Found[Graph] | None:
        """The Graph; None if it does not exist."""
        return await self._get(Graph, key)

    async def assistants(self, namespace: str, labels: str = "", graph: str = "") -> list[Found[Assistant]]:
        """The Assistants with these labels and of that graph; with an empty namespace, of all namespaces."""
        fields = f"spec.graphRef.name={graph}" if graph else ""
        return await self._list(Assistant, namespace, {"labelSelector": labels, "fieldSelector": fields})

    async def versions(self, key: Key) -> list[Found[AssistantVersion]]:
        """The versions that name this Assistant, oldest first, also if the Assistant no longer exists."""
        fields = f"spec.assistantRef.name={key[1]}"
        versions = await self._list(AssistantVersion, key[0], {"fieldSelector": fields})
        return sorted(versions, key=lambda version: version.resource.number)

    async def names(self, kind: type[Resource], namespace: str) -> list[str]:
        return await self._list_names(path_of(kind, (namespace, "")))

    async def namespaces(self) -> list[str]:
        return await self._list_names("/api/v1/namespaces")

    async def watch(self, key: Key) -> AsyncIterator[Found[Assistant] | None]:
        """The Assistant now and after each change, None after its deletion. Ends after some minutes."""
        query = {"watch": "true", "fieldSelector": f"metadata.name={key[1]}", "timeoutSeconds": _WATCH_SECONDS}
        call = Call("GET", path_of(Assistant, (key[0], "")), query)
        async for event in self._server.stream(call, silence=_WATCH_TIMEOUT):
            match event["type"]:
                case "ADDED" | "MODIFIED":
                    yield _found(Assistant, event["object"])
                case "DELETED":
                    yield None
                case "ERROR":
                    return

    async def patch(self, key: Key, patch: list[FreeForm], *, dry_run: bool = False) -> Found[Assistant]:
        """Send a JSON patch and return the new object. Raises Conflict if a `test` in the patch fails."""
        query: dict[str, str | int] = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        try:
            answer = await self._server.send(Call("PATCH", path_of(Assistant, key), query, patch, JSON_PATCH))
        except ClusterRefused as refused:
            # A patch that cannot be applied is a 422 without causes; a spec that the schema refuses has causes.
            if refused.status.code == 409 or (refused.status.code == 422 and not refused.status.causes):
                raise Conflict(refused.status.message) from refused
            raise
        return _found(Assistant, answer)

    async def _get(self, kind: type[R], key: Key) -> Found[R] | None:
        document = await self._requests.read(path_of(kind, key))
        return None if document is None else _found(kind, document)

    async def _list(self, kind: type[R], namespace: str, selectors: Mapping[str, str]) -> list[Found[R]]:
        query = {name: value for name, value in selectors.items() if value}
        pages = self._requests.pages(path_of(kind, (namespace, "")), JSON, query)
        return [_found(kind, item) async for page in pages for item in page["items"]]

    async def _list_names(self, path: str) -> list[str]:
        pages = self._requests.pages(path, METADATA_LIST)
        return [item["metadata"]["name"] async for page in pages for item in page["items"]]


def _found(kind: type[R], document: FreeForm) -> Found[R]:
    return Found(kind.model_validate(document), document)
