"""The plugin's Kubernetes client: reads of our kinds, the JSON patch of an Assistant or an alias, and creation."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import ValidationError

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion, version_name
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import GROUP, FreeForm, Key, Resource
from assistant_operator.clients.kubernetes.objects import METADATA, METADATA_LIST, Objects, path_of
from assistant_operator.clients.kubernetes.transport import (
    APPLY_PATCH,
    JSON,
    JSON_PATCH,
    ApiServer,
    Call,
    ClusterRefused,
    ClusterUnavailable,
)

FIELD_MANAGER = "kubectl-assistants"
_AUTHORIZATION = "authorization.k8s.io/v1"
_QUOTED = re.compile(r'"(?:[^"\\]|\\[^xaUv])*"')
_MISTYPED = re.compile(
    r"failed to create typed patch object \(.*?\): (.*?: (?:expected \w+|field not declared in schema))"
)
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


class FieldConflict(Exception):
    """Other field managers own fields that were applied with other values."""

    def __init__(self, owners: tuple[tuple[str, str], ...]) -> None:
        """`owners`: field, such as `.spec.context.prompt`, and its manager."""
        super().__init__(owners)
        self.owners = owners


class KubectlClient:
    """All methods raise ClusterUnavailable and ClusterRefused."""

    def __init__(self, server: ApiServer) -> None:
        self.server = server
        self._requests = Objects(server)

    async def close(self) -> None:
        await self.server.close()

    async def assistant(self, key: Key) -> Found[Assistant] | None:
        """The Assistant; None if it does not exist."""
        return await self._get(Assistant, key)

    async def alias(self, key: Key) -> Found[AssistantAlias] | None:
        """The AssistantAlias; None if it does not exist."""
        return await self._get(AssistantAlias, key)

    async def graph(self, key: Key) -> Found[Graph] | None:
        """The Graph; None if it does not exist."""
        return await self._get(Graph, key)

    async def assistants(self, namespace: str, labels: str = "", graph: str = "") -> list[Found[Assistant]]:
        """The Assistants with these labels and of that graph; with an empty namespace, of all namespaces."""
        fields = f"spec.graphRef.name={graph}" if graph else ""
        return await self._list(Assistant, namespace, {"labelSelector": labels, "fieldSelector": fields})

    async def aliases(self, namespace: str, assistant: str = "") -> list[Found[AssistantAlias]]:
        """The aliases of that Assistant, or of all; with an empty namespace, of all namespaces."""
        fields = f"spec.assistantRef.name={assistant}" if assistant else ""
        return await self._list(AssistantAlias, namespace, {"fieldSelector": fields})

    async def readable_aliases(self, namespace: str, assistant: str = "") -> list[AssistantAlias]:
        """The same; none if the API server does not serve the kind, or if the user may not list it."""
        try:
            return [found.resource for found in await self.aliases(namespace, assistant)]
        except ClusterRefused as refused:
            if refused.status.is_not_served or refused.status.code == 403:
                return []
            raise

    async def version(self, key: Key, number: int) -> Found[AssistantVersion] | None:
        """The version of the Assistant with that number; None if it does not exist."""
        return await self._get(AssistantVersion, (key[0], version_name(key[1], number)))

    async def versions(self, key: Key) -> list[Found[AssistantVersion]]:
        """The versions that name this Assistant, oldest first, also if the Assistant no longer exists.

        Without a name: the versions of all Assistants of the namespace.
        """
        fields = f"spec.assistantRef.name={key[1]}" if key[1] else ""
        versions = await self._list(AssistantVersion, key[0], {"fieldSelector": fields})
        return sorted(versions, key=lambda version: version.resource.number)

    async def each_version(self, namespace: str, name: str = "") -> AsyncIterator[FreeForm]:
        """The versions of the Assistant, or all of the namespace, in no order, as the API server sends them.

        One page is in memory at a time.
        """
        query = {"fieldSelector": f"spec.assistantRef.name={name}"} if name else {}
        async for page in self._requests.pages(path_of(AssistantVersion, (namespace, "")), JSON, query):
            for item in page["items"]:
                yield item

    async def names(self, kind: type[Resource], namespace: str) -> list[str]:
        return await self._list_names(path_of(kind, (namespace, "")))

    async def namespaces(self) -> list[str]:
        return await self._list_names("/api/v1/namespaces")

    async def watch(self, key: Key) -> AsyncIterator[Found[Assistant] | None]:
        """The Assistant now and after each change, None after its deletion. Ends after some minutes."""
        query = {"watch": "true", "fieldSelector": f"metadata.name={key[1]}", "timeoutSeconds": _WATCH_SECONDS}
        call = Call("GET", path_of(Assistant, (key[0], "")), query)
        async for event in self.server.stream(call, silence=_WATCH_TIMEOUT):
            match event["type"]:
                case "ADDED" | "MODIFIED":
                    yield _found(Assistant, event["object"])
                case "DELETED":
                    yield None
                case "ERROR":
                    return

    async def may_change(self, key: Key, kind: type[Resource] = Assistant) -> bool:
        """Whether the user may patch that object; without a name, all objects of that kind in the namespace."""
        attributes = {
            "verb": "patch",
            "group": GROUP,
            "resource": kind.plural,
            "namespace": key[0],
            "name": key[1],
        }
        review = {"apiVersion": _AUTHORIZATION, "kind": "SelfSubjectAccessReview"}
        body = {**review, "spec": {"resourceAttributes": attributes}}
        answer = await self.server.send(Call("POST", f"/apis/{_AUTHORIZATION}/selfsubjectaccessreviews", body=body))
        return answer.get("status", {}).get("allowed") is True

    async def patch(self, key: Key, patch: list[FreeForm], *, dry_run: bool = False) -> Found[Assistant]:
        """Send a JSON patch and return the new object. Raises Conflict if a `test` in the patch fails."""
        return await self._patch(Assistant, key, patch, dry_run=dry_run)

    async def patch_alias(self, key: Key, patch: list[FreeForm], *, dry_run: bool = False) -> Found[AssistantAlias]:
        """The same for an alias."""
        return await self._patch(AssistantAlias, key, patch, dry_run=dry_run)

    async def _patch(self, kind: type[R], key: Key, patch: list[FreeForm], *, dry_run: bool) -> Found[R]:
        query: dict[str, str | int] = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        try:
            answer = await self.server.send(Call("PATCH", path_of(kind, key), query, patch, JSON_PATCH))
        except ClusterRefused as refused:
            # A patch that cannot be applied is a 422 without causes; a spec that the schema refuses has causes.
            if refused.status.code == 409 or (refused.status.code == 422 and not refused.status.causes):
                raise Conflict(refused.status.message) from refused
            raise
        return _found(kind, answer)

    async def apply(
        self, key: Key, configuration: FreeForm, *, force: bool = False, dry_run: bool = False
    ) -> Found[Assistant]:
        """Apply the configuration by server-side apply and return the new object.

        Raises FieldConflict, and Conflict if the object is not the one with the UID and resource version of the
        configuration.
        """
        query: dict[str, str | int] = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        query |= {"force": "true"} if force else {}
        query |= {"dryRun": "All"} if dry_run else {}
        try:
            answer = await self.server.send(Call("PATCH", path_of(Assistant, key), query, configuration, APPLY_PATCH))
        except ClusterUnavailable as error:
            # The API server answers 500 where it should refuse.
            if mistyped := _MISTYPED.search(str(error)):
                raise ValueError(mistyped[1].removeprefix(".")) from None
            raise
        except ClusterRefused as refused:
            if refused.status.code != 409:
                raise
            if owners := refused.status.field_owners:
                raise FieldConflict(tuple((field, _manager(message)) for field, message in owners)) from refused
            raise Conflict(refused.status.message) from refused
        return _found(Assistant, answer)

    async def create(self, kind: type[R], namespace: str, manifest: FreeForm, *, dry_run: bool = False) -> bool:
        """Create an object. Returns False if one of that name exists already."""
        query: dict[str, str | int] = {"fieldManager": FIELD_MANAGER, "fieldValidation": "Strict"}
        query |= {"dryRun": "All"} if dry_run else {}
        call = Call("POST", path_of(kind, (namespace, "")), query, manifest, accept=METADATA)
        try:
            await self.server.send(call)
        except ClusterRefused as refused:
            if refused.status.reason == "AlreadyExists":
                return False
            raise
        return True

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


def _manager(message: str) -> str:
    """The field manager in the message of a conflict, such as `conflict with "kubectl-edit" using …`."""
    quoted = _QUOTED.search(message)
    return str(json.loads(quoted[0])) if quoted else message


def _found(kind: type[R], document: FreeForm) -> Found[R]:
    try:
        return Found(kind.model_validate(document), document)
    except ValidationError as error:
        meta = document.get("metadata")
        name = meta.get("name") if isinstance(meta, dict) else None
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        field = ".".join(map(str, first["loc"]))
        raise ValueError(
            f"{kind.plural} {name!r} cannot be read: {field}: {first['msg']}. Another release of the operator may have"
            " written it: install the plugin of that release"
        ) from None
