"""Typed reads and writes of Assistants, their aliases and Graphs, and the other API calls of the operator."""

import base64
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Literal, TypeVar

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_alias import AssistantAlias, AssistantAliasStatus, Published
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import API_VERSION, MANAGER, FreeForm, Key, ObjectMeta, Resource, position

from .objects import METADATA, METADATA_LIST, Objects, TooOld, checked_page, if_current, path_of, reading
from .resource_versions import ResourceVersions
from .shapes import HEADS
from .transport import (
    APPLY_PATCH,
    JSON_PATCH,
    MERGE_PATCH,
    AnswerTooLarge,
    ApiServer,
    Call,
    ClusterRefused,
    ClusterUnavailable,
    NoEffect,
)
from .versions import Versions


@dataclass(frozen=True, slots=True)
class Applied:
    """The apply succeeded. `position`: the resource version of the object after it."""

    position: int


R = TypeVar("R", bound=Resource)
_MOST_CONFLICTS = 4
_PROBE = "dry-run"


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """The identity and the state of an object."""

    uid: str
    resource_version: str
    generation: int


Conflicts = frozenset[str]
"""The fields that other field managers own, as the API server writes them: `.spec.context.prompt`."""


class Cluster:
    """The Kubernetes client of the operator. All methods raise ClusterUnavailable and ClusterRefused."""

    def __init__(
        self, server: ApiServer, namespaces: tuple[str, ...] = (), resource_versions: ResourceVersions | None = None
    ) -> None:
        """`namespaces`: the watched namespaces; empty for all."""
        self._objects = Objects(server, namespaces, resource_versions)
        self.versions = Versions(self._objects)

    async def close(self) -> None:
        await self._objects.server.close()

    # Assistants and Graphs

    async def read(self, kind: type[R], key: Key) -> R | None:
        """Return the object; None if it does not exist."""
        return await self._objects.get(kind, key)

    async def assistant(self, key: Key) -> Assistant | None:
        return await self.read(Assistant, key)

    async def graph(self, key: Key) -> Graph | None:
        return await self.read(Graph, key)

    async def alias(self, key: Key) -> AssistantAlias | None:
        return await self.read(AssistantAlias, key)

    async def assistant_at(self, key: Key, resource_version: int) -> Assistant | Literal["Expired"] | None:
        """Return the Assistant at that resource version; Expired if the API server has compacted it."""
        return await self._objects.get_at(Assistant, key, resource_version)

    async def replay(self, key: Key, since: int, until: int) -> list[Assistant] | Literal["Expired"]:
        """Return each state of the Assistant after `since` up to `until`, from the API server's watch cache."""
        states: list[Assistant] = []
        with suppress(TooOld):
            async with aclosing(self._objects.replay(Assistant, key, since, 10)) as replayed:
                async for state in replayed:
                    states.append(state)
                    if state.metadata.position >= until:
                        return states
        return "Expired"

    async def update_status(
        self, seen: Published | Graph, status: AssistantStatus | AssistantAliasStatus | GraphStatus
    ) -> int | Literal["Outrun", "Gone"]:
        """Write the status and return the new resource version.

        Outrun: the object was replaced by another one of its name, or its observed generation is not that of `seen`.
        Gone: the object does not exist. Raises ClusterRefused, also if a webhook refuses with the code of a conflict.
        """
        body = [
            {"op": "test", "path": "/metadata/uid", "value": seen.metadata.uid},
            {"op": "test", "path": "/status/observedGeneration", "value": seen.status.observed_generation},
            {"op": "replace", "path": "/status", "value": status.manifest()},
        ]
        try:
            meta = await self._objects.patch(type(seen), seen.key, body, JSON_PATCH, subresource="/status")
        except ClusterRefused as refused:
            return await self._why_not_updated(seen, refused)
        return meta.position

    async def _why_not_updated(self, seen: Published | Graph, refused: ClusterRefused) -> Literal["Outrun", "Gone"]:
        """Return why the `test` operations failed. Raises `refused` if the status itself was refused."""
        # A failed `test` is a 422 without causes. A refusal by the schema or by an admission policy has causes.
        if refused.status.code not in (404, 409, 422) or (refused.status.code == 422 and refused.status.causes):
            raise refused
        # A webhook may answer with any code and without causes: only the live object shows whether it was outrun.
        live = await self._objects.get(type(seen), seen.key)
        if live is None or live.metadata.uid != seen.metadata.uid:
            return "Gone" if refused.status.code == 404 else "Outrun"
        is_as_tested = live.status.observed_generation == seen.status.observed_generation
        is_as_seen = live.metadata.resource_version == seen.metadata.resource_version
        if is_as_seen or (is_as_tested and refused.status.code == 422):
            raise refused
        return "Outrun"

    async def apply_default(
        self, graph: Graph, name: str, labels: dict[str, str], spec: FreeForm, *, is_owned: bool = True
    ) -> Applied | Conflicts:
        """Server-side apply a default Assistant, without force. `is_owned`: with an owner reference to the Graph."""
        key = (graph.metadata.namespace, name)
        owner = {"ownerReferences": [graph.owner_reference().manifest()]} if is_owned else {}
        body = {
            "apiVersion": API_VERSION,
            "kind": Assistant.kind_name,
            "metadata": {"name": name, "labels": labels, **owner},
            "spec": spec,
        }
        query = {"fieldManager": MANAGER, "fieldValidation": "Strict"}
        try:
            meta = await self._objects.patch(Assistant, key, body, APPLY_PATCH, query=query)
        except ClusterRefused as refused:
            conflicts = frozenset(field for reason, field in refused.status.causes if reason == "FieldManagerConflict")
            if refused.status.code == 409 and conflicts:
                return conflicts
            raise
        return Applied(meta.position)

    async def drop_label(self, key: Key, label: str) -> ObjectMeta | None:
        """Remove a label of the operator. Returns the new metadata; None if the Assistant does not exist."""
        body = {"metadata": {"labels": {label: None}}}
        return await if_current(self._objects.patch(Assistant, key, body))

    async def set_finalizer(self, published: Published, finalizer: str, *, on: bool) -> int | None:
        """Add or remove a finalizer, also one that another field manager added. Returns the new resource version.

        None if the object does not exist, or if a finalizer is to be added and the object is being deleted. Other
        finalizers and concurrent changes are kept: the patch tests the list that it was computed from, and is computed
        again after a conflict. Raises ClusterRefused, also if the patch is accepted and has no effect.
        """
        kind, meta, is_live = type(published), published.metadata, False
        for _ in range(_MOST_CONFLICTS):
            is_due = (finalizer in meta.finalizers) != on
            if is_due and not (on and meta.is_being_deleted):
                patched = await self._patch_finalizers(kind, meta, finalizer, on=on)
                if patched is not None:
                    return patched
            elif is_live:
                return None if is_due else meta.position
            # The given metadata may be older than the last write.
            live = await self._objects.metadata(kind, meta.key)
            if live is None or live.uid != meta.uid:
                return None
            meta, is_live = live, True
        raise ClusterUnavailable(
            f"the finalizers of {meta.namespace}/{meta.name} change faster than they can be patched"
        )

    async def _patch_finalizers(
        self, kind: type[Resource], meta: ObjectMeta, finalizer: str, *, on: bool
    ) -> int | None:
        """Return the new resource version; None if the live finalizers differ. Raises ClusterRefused."""
        body, query = _finalizer_patch(meta, finalizer, on=on), {"fieldManager": f"{MANAGER}-finalizer"}
        try:
            changed = await self._objects.patch(kind, meta.key, body, JSON_PATCH, query=query)
        except ClusterRefused:
            # A failed `test` and the refusal of a policy may have the same code: the live object distinguishes them.
            live = await self._objects.metadata(kind, meta.key)
            if live and _has_same_finalizers(live, meta):
                raise
            return None
        if (finalizer in changed.finalizers) != on:
            raise NoEffect
        return changed.position

    async def heads(self, kind: type[Resource], namespace: str, *, is_consistent: bool) -> dict[Key, ObjectHead]:
        """List UID, resource version and generation of all objects of a kind.

        `namespace`: one of `namespaces`; empty for all. Unless `is_consistent`, the API server answers from its watch
        cache, which may be older than other reads. Read an object that differs before acting on the difference.
        """
        path = path_of(kind, (namespace, ""))
        pages = await (self._pages(path) if is_consistent else self._cached_pages(path))
        metas = (item["metadata"] for page in pages for item in page["items"])
        with reading(Call("GET", path)):
            return {
                (meta["namespace"], meta["name"]): ObjectHead(
                    meta["uid"], meta["resourceVersion"], meta.get("generation", 0)
                )
                for meta in metas
            }

    async def _cached_pages(self, path: str) -> list[FreeForm]:
        call = Call("GET", path, {"resourceVersion": "0"}, accept=METADATA_LIST, shape=HEADS)
        try:
            return [checked_page(call, await self._objects.server.send(call, timeout=60), "items")]
        except AnswerTooLarge:  # the watch cache ignores `limit`
            return await self._pages(path)

    async def _pages(self, path: str) -> list[FreeForm]:
        return [page async for page in self._objects.pages(path, METADATA_LIST, shape=HEADS)]

    async def position(self) -> int:
        """Return the current resource version of the storage."""
        path = path_of(AssistantVersion, (self.namespaces[0], ""))
        return position(await self._objects.newest_resource_version(path))

    @property
    def namespaces(self) -> tuple[str, ...]:
        return self._objects.namespaces

    # Objects of other kinds, read only

    async def read_entry(self, kind: Literal["Secret", "ConfigMap"], key: Key, entry: str) -> str | None:
        """Return one entry of a Secret or ConfigMap; None if it does not exist. Raises ValueError if it is not text."""
        plural = {"Secret": "secrets", "ConfigMap": "configmaps"}[kind]
        found = await self._objects.read(f"/api/v1/namespaces/{key[0]}/{plural}/{key[1]}")
        value = ((found or {}).get("data") or {}).get(entry)
        if value is None or kind == "ConfigMap":
            return value
        return base64.b64decode(value).decode()

    async def is_namespace_terminating(self, namespace: str) -> bool:
        """Return whether a namespace is being deleted, so that no object can be created in it.

        Uses a dry-run create, which the API server refuses there: this needs no permission to read namespaces.
        """
        body = {"metadata": {"name": "probe"}}
        try:
            await self._objects.server.send(Call("POST", _events(namespace), {"dryRun": "All"}, body))
        except ClusterRefused as refused:
            return refused.status.is_namespace_terminating
        return False

    # What the API server does and serves

    async def serves(self, group_version: str, resource: str) -> bool:
        """Return whether the API server serves that resource, such as `apps/v1` and `deployments`."""
        call = Call("GET", f"/apis/{group_version}")
        found = await self._objects.server.send(call)
        with reading(call):
            return any(each["name"] == resource for each in found["resources"])

    async def reverts_annotation(self, kind: type[Resource], key: Key, annotation: str) -> bool:
        """Return whether the API server does not let the operator change an annotation of an object.

        Uses a dry run, which changes nothing.
        """
        body = {"metadata": {"annotations": {annotation: _PROBE}}}
        query = {"dryRun": "All", "fieldManager": MANAGER}
        call = Call("PATCH", path_of(kind, key), query, body, MERGE_PATCH, METADATA)
        answer = await self._objects.server.send(call)
        with reading(call):
            return ObjectMeta.model_validate(answer["metadata"]).annotations.get(annotation) != _PROBE

    # Events

    async def post_event(self, namespace: str, event: FreeForm) -> None:
        await self._objects.server.send(Call("POST", _events(namespace), body=event))


def _events(namespace: str) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"


def _has_same_finalizers(one: ObjectMeta, other: ObjectMeta) -> bool:
    names = ("uid", "finalizers", "is_being_deleted")
    return all(getattr(one, name) == getattr(other, name) for name in names)


def _finalizer_patch(meta: ObjectMeta, finalizer: str, *, on: bool) -> list[FreeForm]:
    """Return a JSON patch that fails if the object was replaced or its finalizers have changed."""
    path = "/metadata/finalizers"
    is_same: FreeForm = {"op": "test", "path": "/metadata/uid", "value": meta.uid}
    if not on:
        item = f"{path}/{meta.finalizers.index(finalizer)}"
        return [is_same, {"op": "test", "path": item, "value": finalizer}, {"op": "remove", "path": item}]
    # For the API server an absent list equals null.
    found: FreeForm = {"op": "test", "path": path, "value": list(meta.finalizers) or None}
    return [is_same, found, {"op": "add", "path": path, "value": [*meta.finalizers, finalizer]}]
