"""Creates, marks, adopts, deletes and watches AssistantVersions. Never writes the spec of an existing one."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from pydantic import ValidationError

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord, has_version_labels, version_labels
from assistant_operator.api.meta import API_VERSION, MANAGER, Condition, FreeForm, Key, ObjectMeta

from .objects import METADATA, Objects, TooOld, if_current, path_of, written
from .transport import JSON, MERGE_PATCH, Call, ClusterRefused, NoEffect
from .version_table import VersionEvent
from .version_watch import VersionWatch

_CONTENTS = 60
"""Versions in a page of a listing with their content, which may be large."""
_MOST_REPLAYS = 3
"""Tries to find the start of the watch cache: it moves between two requests."""


@dataclass(frozen=True, slots=True)
class Created:
    """This call created the version."""

    version: AssistantVersion
    unstored: tuple[str, ...] = ()
    """Fields that were not stored, because the CustomResourceDefinition lacks them."""


@dataclass(frozen=True, slots=True)
class AlreadyExists:
    """A version of that name exists already."""


@dataclass(frozen=True, slots=True)
class Changed:
    """The metadata of a version after a change, and whether the change had an effect."""

    meta: ObjectMeta
    has_effect: bool = True


@dataclass(frozen=True, slots=True)
class Rejected:
    """A retry cannot succeed: the object is too large, or its namespace is being deleted or does not exist."""

    reason: Literal["TooLarge", "NamespaceTerminating"]
    refused: ClusterRefused


Creation = Created | AlreadyExists | Rejected


class Versions:
    """The client of AssistantVersions. All methods raise ClusterUnavailable and ClusterRefused."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    async def read(self, key: Key) -> AssistantVersion | None:
        """Return the version with its spec; None if it does not exist."""
        return await self._objects.get(AssistantVersion, key)

    async def contents(self, namespace: str) -> AsyncGenerator[AssistantVersion, None]:
        """Yield every version of a namespace with its spec. One that no model fits is left out."""
        path = path_of(AssistantVersion, (namespace, ""))
        async for page in self._objects.pages(path, JSON, limit=_CONTENTS):
            for item in page["items"]:
                await asyncio.sleep(0)  # the parsing of a page must not block others
                with suppress(ValidationError):
                    yield AssistantVersion.model_validate(item)

    async def read_at(self, key: Key, resource_version: int) -> AssistantVersion | Literal["Expired"] | None:
        return await self._objects.get_at(AssistantVersion, key, resource_version)

    async def states(self, key: Key) -> list[AssistantVersion]:
        """Return the states of a version in the API server's watch cache, oldest first, also if it was deleted.

        A watch from before the start of the cache fails with an error that names the oldest resource version in it.
        """
        since: int | None = 1
        for _ in range(_MOST_REPLAYS):
            if since is None:
                break
            try:
                # The API server sends the cached events at once, so one second is enough.
                return [state async for state in self._objects.replay(AssistantVersion, key, since, 1)]
            except TooOld as error:
                since = error.oldest
        return []

    async def create(self, version: AssistantVersion) -> Creation:
        """Create a version. Its name is the compare-and-swap: only one of several concurrent calls succeeds.

        Raises ClusterRefused for a field that an older CustomResourceDefinition lacks, because it could not be added to
        the immutable version later. A field of `spec.change`, which only describes the change, is left out instead.
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
            answer = await self._objects.write(Call("POST", path, query, body, accept=METADATA))
        except ClusterRefused as refused:
            if refused.status.code == 409 and refused.status.reason == "AlreadyExists":
                return AlreadyExists()
            if refused.status.is_too_large:
                return Rejected("TooLarge", refused)
            if refused.status.is_namespace_terminating:
                return Rejected("NamespaceTerminating", refused)
            raise
        # The API server stored the spec as it was sent; only the metadata is new.
        return Created(version.model_copy(update={"metadata": written(answer)}))

    async def mark(self, record: VersionRecord, conditions: tuple[Condition, ...]) -> ObjectMeta | None:
        """Replace the conditions. Returns the new metadata; None if the version does not exist or was replaced."""
        body = {"status": {"conditions": [condition.manifest() for condition in conditions]}}
        meta = await if_current(self._objects.patch(AssistantVersion, record.address, body, subresource="/status"))
        return meta if meta and meta.uid == record.uid else None

    async def record_server_version(self, key: Key, number: int) -> None:
        """Write the LangGraph Server's version number into the status.

        Raises ClusterRefused, also if the write is accepted and has no effect.
        """
        body = {"status": {"serverVersion": number}}
        path = path_of(AssistantVersion, key) + "/status"
        call = Call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE_PATCH)
        answer = await if_current(self._objects.write(call))
        if answer is not None and answer.get("status", {}).get("serverVersion") != number:
            raise NoEffect

    async def adopt(self, record: VersionRecord, assistant: Assistant) -> Changed | None:
        """Add the Assistant as controller. Returns None if the version is gone, replaced or has a controller."""
        live = await self._objects.metadata(AssistantVersion, record.address)
        if live is None or live.uid != record.uid or live.controller:
            return None
        owner = assistant.owner_reference()
        # A merge patch replaces the whole list. With the resource version it fails if an owner was added meanwhile.
        others = [other.manifest() for other in live.owner_references if other.uid != owner.uid]
        meta = {
            "uid": live.uid,
            "resourceVersion": live.resource_version,
            "ownerReferences": [*others, owner.manifest()],
            "labels": version_labels(record.key[1]),
        }
        changed = await self._changed_metadata(record, meta)
        if changed is None:
            return None
        controller = changed.controller
        return Changed(changed, has_effect=controller is not None and controller.uid == owner.uid)

    async def label(self, record: VersionRecord) -> Changed | None:
        """Set the operator's labels. Returns None if the version does not exist or was replaced."""
        changed = await self._changed_metadata(record, {"uid": record.uid, "labels": version_labels(record.key[1])})
        if changed is None:
            return None
        return Changed(changed, has_effect=has_version_labels(changed.labels, record.key[1]))

    async def _changed_metadata(self, record: VersionRecord, meta: FreeForm) -> ObjectMeta | None:
        """Send a merge patch and return the new metadata; None if the version is gone or does not match `meta`."""
        return await if_current(self._objects.patch(AssistantVersion, record.address, {"metadata": meta}))

    async def delete(self, record: VersionRecord) -> bool:
        """Delete the version if its UID and resource version match: it may have been replaced, or labelled by a user.

        Returns whether the version does not exist now; False after a conflict.
        """
        path = path_of(AssistantVersion, record.address)
        preconditions = {"uid": record.uid, "resourceVersion": record.resource_version}
        call = Call("DELETE", path, body={"preconditions": preconditions})
        await self._objects.confirm_storage()
        try:
            await self._objects.server.send(call)
        except ClusterRefused as refused:
            if refused.status.code not in (404, 409):
                raise
            return refused.status.code == 404
        return True

    def watch(self, namespace: str) -> AsyncIterator[VersionEvent]:
        """Yield all versions (Replaced), then the changes. Ends with Gone: then call it again.

        `namespace`: one of `namespaces`; empty for all. Raises ClusterUnavailable and ClusterRefused if the listing
        fails. If the watch fails, yields Failing and opens it again with backoff.
        """
        return VersionWatch(self._objects, namespace).events()
