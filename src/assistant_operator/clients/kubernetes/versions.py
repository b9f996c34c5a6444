"""The door to AssistantVersions: made, marked, owned, deleted, watched. Nothing here could write a version's spec."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Literal

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord, has_version_labels, version_labels
from assistant_operator.api.meta import API_VERSION, MANAGER, Condition, FreeForm, Key, ObjectMeta

from .objects import METADATA, Objects, TooOld, path_of
from .transport import MERGE_PATCH, Call, ClusterRefused, NoEffect
from .version_table import VersionEvent
from .version_watch import VersionWatch

_MOST_REPLAYS = 3
"""Tries to find where a watch cache begins: it moves on while it is asked for."""


@dataclass(frozen=True, slots=True)
class Created:
    """The version exists now, and we made it."""

    version: AssistantVersion
    unstored: tuple[str, ...] = ()
    """Fields that the CustomResourceDefinition lacks, so that they are not in it."""


@dataclass(frozen=True, slots=True)
class AlreadyExists:
    """A version of that name exists already."""


@dataclass(frozen=True, slots=True)
class Changed:
    """What a version's metadata is after a change, or that the change had no effect."""

    meta: ObjectMeta
    has_effect: bool = True


@dataclass(frozen=True, slots=True)
class Rejected:
    """No retry will help: the object is too large, or its namespace is being deleted or gone."""

    reason: Literal["TooLarge", "NamespaceGoing"]
    message: str


Creation = Created | AlreadyExists | Rejected


class Versions:
    """AssistantVersions as our models, or as the rows of a listing."""

    def __init__(self, requests: Objects) -> None:
        self._requests = requests

    async def read(self, key: Key) -> AssistantVersion | None:
        """The version whole; None if there is none."""
        found = await self._requests.read(path_of(AssistantVersion, key))
        return AssistantVersion.model_validate(found) if found else None

    async def read_at(self, key: Key, resource_version: int) -> AssistantVersion | Literal["Expired"] | None:
        items = await self._requests.exactly(AssistantVersion, key[0], key[1], resource_version)
        return items if items == "Expired" else next((AssistantVersion.model_validate(each) for each in items), None)

    async def states(self, key: Key) -> list[AssistantVersion]:
        """Each state of that version that the API server's watch cache holds, oldest first; the last may be deleted.

        A watch that begins before the cache ends in an error that names the oldest resource version to begin with.
        """
        since: int | None = 1
        for _ in range(_MOST_REPLAYS):
            if since is None:
                break
            try:
                # What the cache holds comes at once; the watch of a version that is gone has nothing to wait for.
                replayed = self._requests.replay(AssistantVersion, key, since, 1)
                return [AssistantVersion.model_validate(content) async for content in replayed]
            except TooOld as error:
                since = error.oldest
        return []

    async def create(self, version: AssistantVersion) -> Creation:
        """The name is the compare-and-swap: of all who try, one makes it.

        A version is immutable, so that a field which an older CustomResourceDefinition dropped would be lost for good:
        Raises ClusterRefused for such a field, unless it only describes the change.
        """
        try:
            return await self._create(version, "Strict")
        except ClusterRefused as refused:
            unknown = refused.status.unknown_fields
            if not unknown or not all(field.split(".")[:2] == ["spec", "change"] for field in unknown):
                raise
        creation = await self._create(version, "Ignore")
        return replace(creation, unstored=unknown) if isinstance(creation, Created) else creation

    async def _create(self, version: AssistantVersion, validation: Literal["Strict", "Ignore"]) -> Creation:
        body = {"apiVersion": API_VERSION, "kind": AssistantVersion.kind_name, **version.manifest()}
        path = path_of(AssistantVersion, (version.metadata.namespace, ""))
        query = {"fieldManager": MANAGER, "fieldValidation": validation}
        try:
            answer = await self._requests.write(AssistantVersion, Call("POST", path, query, body, accept=METADATA))
        except ClusterRefused as refused:
            if refused.status.code == 409 and refused.status.reason == "AlreadyExists":
                return AlreadyExists()
            if refused.status.is_too_large:
                return Rejected("TooLarge", refused.status.message)
            if refused.status.is_namespace_terminating:
                return Rejected("NamespaceGoing", refused.status.message)
            raise
        # What was sent is what stands there: only the metadata is news.
        return Created(version.model_copy(update={"metadata": ObjectMeta.model_validate(answer["metadata"])}))

    async def mark(self, record: VersionRecord, conditions: tuple[Condition, ...]) -> ObjectMeta | None:
        """Its metadata from then on; None if that very version is gone."""
        body = {"status": {"conditions": [each.manifest() for each in conditions]}}
        path = path_of(AssistantVersion, record.address) + "/status"
        answer = await self._requests.change(
            AssistantVersion, Call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE_PATCH, METADATA)
        )
        same = answer is not None and answer["metadata"]["uid"] == record.uid
        return ObjectMeta.model_validate(answer["metadata"]) if answer and same else None

    async def record_server_version(self, key: Key, number: int) -> None:
        """Keep the LangGraph Server's own number of a version's content.

        Raises ClusterRefused, also where the write is accepted and has no effect.
        """
        body = {"status": {"serverVersion": number}}
        path = path_of(AssistantVersion, key) + "/status"
        answer = await self._requests.change(
            AssistantVersion, Call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE_PATCH)
        )
        if answer is not None and answer.get("status", {}).get("serverVersion") != number:
            raise NoEffect

    async def adopt(self, record: VersionRecord, assistant: Assistant) -> Changed | None:
        """Become the controller of that very version, beside its other owners; None if it is gone or has changed."""
        path = path_of(AssistantVersion, record.address)
        found = await self._requests.read(path, METADATA)
        there = ObjectMeta.model_validate(found["metadata"]) if found else None
        if there is None or there.uid != record.uid or there.controller:
            return None
        owner = assistant.owner_reference()
        # A merge patch replaces the whole list. Its resource version keeps an owner that is added meanwhile.
        others = [each.manifest() for each in there.owner_references if each.uid != owner.uid]
        meta = {
            "uid": there.uid,
            "resourceVersion": there.resource_version,
            "ownerReferences": [*others, owner.manifest()],
            "labels": version_labels(record.key[1]),
        }
        changed = await self._changed_metadata(record, meta)
        if changed is None:
            return None
        controller = changed.controller
        return Changed(changed, has_effect=controller is not None and controller.uid == owner.uid)

    async def label(self, record: VersionRecord) -> Changed | None:
        """Put our labels on that very version; None if it is gone."""
        changed = await self._changed_metadata(record, {"uid": record.uid, "labels": version_labels(record.key[1])})
        if changed is None:
            return None
        return Changed(changed, has_effect=has_version_labels(changed.labels, record.key[1]))

    async def _changed_metadata(self, record: VersionRecord, meta: FreeForm) -> ObjectMeta | None:
        """The metadata after a merge patch of it; None if the version is gone or not as `meta` says."""
        path = path_of(AssistantVersion, record.address)
        answer = await self._requests.change(
            AssistantVersion, Call("PATCH", path, {"fieldManager": MANAGER}, {"metadata": meta}, MERGE_PATCH, METADATA)
        )
        return ObjectMeta.model_validate(answer["metadata"]) if answer else None

    async def delete(self, record: VersionRecord) -> bool:
        """Delete that very version as it was seen: not a later one of its name, nor one that a person labelled since.

        False if it is not known to be gone then.
        """
        path = path_of(AssistantVersion, record.address)
        preconditions = {"uid": record.uid, "resourceVersion": record.resource_version}
        call = Call("DELETE", path, body={"preconditions": preconditions})
        try:
            await self._requests.server.send(call)
        except ClusterRefused as refused:
            if refused.status.code not in (404, 409):
                raise
            return refused.status.code == 404
        return True

    async def watch(self, namespace: str) -> AsyncIterator[VersionEvent]:
        """All versions as a listing shows them, then what becomes of them; after Expired, start anew.

        `namespace`: one of `namespaces`; empty for everywhere. Raises ClusterUnavailable and ClusterRefused when
        listing fails; when watching fails, that is told, and tried again with growing pauses.
        """
        async for event in VersionWatch(self._requests, namespace).events():
            yield event
