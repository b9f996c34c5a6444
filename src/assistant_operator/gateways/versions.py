"""The door to AssistantVersions: made, marked, owned, deleted, watched. Nothing here could write a version's spec."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion, VersionRecord
from ..resources.meta import API_VERSION, MANAGER, Condition, Key, ObjectMeta
from .api_server import MERGE_PATCH, Call, ClusterRefused
from .requests import METADATA, Requests, path_of
from .version_table import VersionEvent
from .version_watch import VersionWatch


@dataclass(frozen=True, slots=True)
class Created:
    """The version exists now, and we made it."""

    version: AssistantVersion


@dataclass(frozen=True, slots=True)
class NameTaken:
    """A version of that name exists already."""


@dataclass(frozen=True, slots=True)
class CannotStore:
    """No retry will help: the object is too large, or its namespace is being deleted or gone."""

    reason: Literal["TooLarge", "NamespaceGoing"]
    message: str


Creation = Created | NameTaken | CannotStore


class Versions:
    """AssistantVersions as our models, or as the rows of a listing."""

    def __init__(self, requests: Requests) -> None:
        self._requests = requests

    async def read(self, key: Key) -> AssistantVersion | None:
        """The version whole; None if there is none."""
        found = await self._requests.read(path_of(AssistantVersion, key))
        return AssistantVersion.model_validate(found) if found else None

    async def read_at(self, key: Key, resource_version: int) -> AssistantVersion | Literal["Expired"] | None:
        items = await self._requests.exactly(AssistantVersion, key[0], key[1], resource_version)
        return items if items == "Expired" else next((AssistantVersion.model_validate(each) for each in items), None)

    async def create(self, version: AssistantVersion) -> Creation:
        """The name is the compare-and-swap: of all who try, one makes it."""
        body = {"apiVersion": API_VERSION, "kind": AssistantVersion.kind_name, **version.manifest()}
        path = path_of(AssistantVersion, (version.metadata.namespace, ""))
        query = {"fieldManager": MANAGER, "fieldValidation": "Ignore"}
        try:
            answer = await self._requests.server.send(Call("POST", path, query, body, accept=METADATA))
        except ClusterRefused as refused:
            if refused.status.code == 409 and refused.status.reason == "AlreadyExists":
                return NameTaken()
            if refused.status.is_too_large:
                return CannotStore("TooLarge", refused.status.message)
            if refused.status.is_namespace_going:
                return CannotStore("NamespaceGoing", refused.status.message)
            raise
        # What we sent is what stands there: only the metadata is news.
        return Created(version.model_copy(update={"metadata": ObjectMeta.model_validate(answer["metadata"])}))

    async def mark(self, record: VersionRecord, conditions: tuple[Condition, ...]) -> ObjectMeta | None:
        """Its metadata from then on; None if that very version is gone."""
        body = {"status": {"conditions": [each.manifest() for each in conditions]}}
        path = path_of(AssistantVersion, record.address) + "/status"
        answer = await self._requests.change(
            Call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE_PATCH, METADATA)
        )
        same = answer is not None and answer["metadata"]["uid"] == record.uid
        return ObjectMeta.model_validate(answer["metadata"]) if answer and same else None

    async def record_server_version(self, key: Key, number: int) -> None:
        """Keep the LangGraph Server's own number of a version's content."""
        body = {"status": {"serverVersion": number}}
        path = path_of(AssistantVersion, key) + "/status"
        await self._requests.change(Call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE_PATCH, METADATA))

    async def adopt(self, record: VersionRecord, assistant: Assistant) -> str | None:
        """Become the owner of that very version, provided nobody changed it meanwhile: its new resource version."""
        owner = assistant.owner_reference().manifest()
        meta = {"uid": record.uid, "resourceVersion": record.resource_version, "ownerReferences": [owner]}
        path = path_of(AssistantVersion, record.address)
        answer = await self._requests.change(
            Call("PATCH", path, {"fieldManager": MANAGER}, {"metadata": meta}, MERGE_PATCH, METADATA)
        )
        return str(answer["metadata"]["resourceVersion"]) if answer else None

    async def delete(self, record: VersionRecord) -> None:
        """Delete that very version, not a later one of its name."""
        path = path_of(AssistantVersion, record.address)
        await self._requests.change(Call("DELETE", path, body={"preconditions": {"uid": record.uid}}))

    async def watch(self, namespace: str) -> AsyncIterator[VersionEvent]:
        """All versions as a listing shows them, then what becomes of them; after Expired, start anew.

        `namespace`: one of `namespaces`; empty for everywhere. Raises ClusterUnavailable and ClusterRefused when
        listing fails; when watching fails, that is told, and tried again with growing pauses.
        """
        async for event in VersionWatch(self._requests, namespace).events():
            yield event
