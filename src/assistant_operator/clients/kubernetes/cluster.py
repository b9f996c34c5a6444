"""The cluster as our models: what the operator reads from Kubernetes and the few things it may write there."""

import base64
from contextlib import aclosing, suppress
from dataclasses import dataclass
from typing import Literal

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import API_VERSION, MANAGER, FreeForm, Key, ObjectMeta, Resource, position

from .objects import METADATA, METADATA_LIST, Objects, TooOld, checked_page, path_of, reading
from .resource_versions import ResourceVersions
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
    """What was applied stands at this resource version."""

    position: int


_MOST_CONFLICTS = 4


@dataclass(frozen=True, slots=True)
class ObjectHead:
    """Which object it is, and at what state."""

    uid: str
    resource_version: str
    generation: int


Conflicts = frozenset[str]
"""The fields of others that stood in the way, as the API server spells them: `.spec.context.prompt`."""


class Cluster:
    """Kubernetes as our models."""

    def __init__(
        self, server: ApiServer, namespaces: tuple[str, ...] = (), resource_versions: ResourceVersions | None = None
    ) -> None:
        """`namespaces`: where to look; empty for everywhere."""
        self._requests = Objects(server, namespaces, resource_versions)
        self.versions = Versions(self._requests)

    async def close(self) -> None:
        await self._requests.server.close()

    # Assistants and Graphs

    async def assistant(self, key: Key) -> Assistant | None:
        found = await self._requests.read(path_of(Assistant, key))
        return Assistant.model_validate(found) if found else None

    async def graph(self, key: Key) -> Graph | None:
        found = await self._requests.read(path_of(Graph, key))
        return Graph.model_validate(found) if found else None

    async def assistant_at(self, key: Key, resource_version: int) -> Assistant | Literal["Expired"] | None:
        """The Assistant as it was then; Expired when the API server no longer holds that time."""
        items = await self._requests.exactly(Assistant, key[0], key[1], resource_version)
        return items if items == "Expired" else next((Assistant.model_validate(each) for each in items), None)

    async def replay(self, key: Key, since: int, until: int) -> list[Assistant] | Literal["Expired"]:
        """Each state of the Assistant after `since` up to `until`, from the API server's watch cache."""
        states: list[Assistant] = []
        with suppress(TooOld):
            async with aclosing(self._requests.replay(Assistant, key, since, 10)) as replayed:
                async for content in replayed:
                    states.append(Assistant.model_validate(content))
                    if position(states[-1].metadata.resource_version) >= until:
                        return states
        return "Expired"

    async def report(
        self, seen: Assistant | Graph, status: AssistantStatus | GraphStatus
    ) -> int | Literal["Outrun", "Gone"]:
        """Write the status, provided nobody reported of another generation since, else we are outrun.

        The resource version at which it stands. Of an object made since under the same name we know nothing to report.
        Raises ClusterRefused, also where a webhook refuses in the terms of a conflict.
        """
        body = [
            {"op": "test", "path": "/metadata/uid", "value": seen.metadata.uid},
            {"op": "test", "path": "/status/observedGeneration", "value": seen.status.observed_generation},
            {"op": "replace", "path": "/status", "value": status.manifest()},
        ]
        call = Call(
            "PATCH", path_of(type(seen), seen.key) + "/status", {"fieldManager": MANAGER}, body, JSON_PATCH, METADATA
        )
        try:
            answer = await self._requests.write(type(seen), call)
        except ClusterRefused as refused:
            return await self._why_not_reported(seen, refused)
        return position(answer["metadata"]["resourceVersion"])

    async def _why_not_reported(self, seen: Assistant | Graph, refused: ClusterRefused) -> Literal["Outrun", "Gone"]:
        """What a refused status means. Raises `refused` if the status was refused for what it says."""
        # A failed `test` is a 422 without causes. A status that the schema or an admission policy refuses has them.
        if refused.status.code not in (404, 409, 422) or (refused.status.code == 422 and refused.status.causes):
            raise refused
        # A webhook may answer with any code and without causes: what is there now tells whether we were outrun.
        live = await (self.graph(seen.key) if isinstance(seen, Graph) else self.assistant(seen.key))
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
        """Server-side apply without force of a default Assistant; `is_owned`: with the reference to its Graph."""
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
            answer = await self._requests.write(
                Assistant, Call("PATCH", path_of(Assistant, key), query, body, APPLY_PATCH, METADATA)
            )
        except ClusterRefused as refused:
            conflicts = frozenset(field for reason, field in refused.status.causes if reason == "FieldManagerConflict")
            if refused.status.code == 409 and conflicts:
                return conflicts
            raise
        return Applied(position(answer["metadata"]["resourceVersion"]))

    async def drop_label(self, key: Key, label: str) -> ObjectMeta | None:
        """Take one of our own labels off an Assistant: its metadata from then on; None if it is gone."""
        body = {"metadata": {"labels": {label: None}}}
        answer = await self._requests.change(
            Assistant, Call("PATCH", path_of(Assistant, key), {"fieldManager": MANAGER}, body, MERGE_PATCH, METADATA)
        )
        return ObjectMeta.model_validate(answer["metadata"]) if answer else None

    async def hold(self, assistant: Assistant, finalizer: str, *, on: bool) -> int | None:
        """Add or remove one finalizer, no matter which field manager added it: the resource version from then on.

        None if the object is gone, or takes no finalizer any more because it is being deleted. The finalizers of others
        and concurrent changes stay: the patch tests what it was made from, and is made anew if that has changed.
        Raises ClusterRefused, also where a change is accepted and the finalizers stay what they were.
        """
        meta, is_live = assistant.metadata, False
        for _ in range(_MOST_CONFLICTS):
            is_due = (finalizer in meta.finalizers) != on
            if is_due and not (on and meta.is_being_deleted):
                patched = await self._patch_finalizers(meta, finalizer, on=on)
                if patched is not None:
                    return patched
            elif is_live:
                return None if is_due else position(meta.resource_version)
            # What was seen may be older than what we wrote last.
            live = await self._meta(Assistant, meta.key)
            if live is None or live.uid != meta.uid:
                return None
            meta, is_live = live, True
        raise ClusterUnavailable(
            f"the finalizers of {meta.namespace}/{meta.name} change faster than they can be patched"
        )

    async def _patch_finalizers(self, meta: ObjectMeta, finalizer: str, *, on: bool) -> int | None:
        """The resource version from then on; None if the finalizers are not those of `meta`. Raises ClusterRefused."""
        body, query = _finalizer_patch(meta, finalizer, on=on), {"fieldManager": f"{MANAGER}-finalizer"}
        try:
            answer = await self._requests.write(
                Assistant, Call("PATCH", path_of(Assistant, meta.key), query, body, JSON_PATCH, METADATA)
            )
        except ClusterRefused:
            # A failed test and a refusal of a policy may have the same code: what stands there tells them apart.
            live = await self._meta(Assistant, meta.key)
            if live and _holds_as(live, meta):
                raise
            return None
        changed = ObjectMeta.model_validate(answer["metadata"])
        if (finalizer in changed.finalizers) != on:
            raise NoEffect
        return position(changed.resource_version)

    async def _meta(self, kind: type[Resource], key: Key) -> ObjectMeta | None:
        found = await self._requests.read(path_of(kind, key), METADATA)
        return ObjectMeta.model_validate(found["metadata"]) if found else None

    async def heads(self, kind: type[Resource], namespace: str) -> dict[Key, ObjectHead]:
        """Of every object of a kind: which it is and at what state, as the API server's watch cache has it.

        That may be older than what was seen elsewhere: what differs must be read before it is believed.
        `namespace`: one of `namespaces`; empty for everywhere.
        """
        path = path_of(kind, (namespace, ""))
        call = Call("GET", path, {"resourceVersion": "0"}, accept=METADATA_LIST)
        try:
            pages = [checked_page(call, await self._requests.server.send(call, timeout=60), "items")]
        except AnswerTooLarge:  # the watch cache answers with all at once, whatever the limit
            pages = [page async for page in self._requests.pages(path, METADATA_LIST)]
        metas = (item["metadata"] for page in pages for item in page["items"])
        with reading(call):
            return {
                (meta["namespace"], meta["name"]): ObjectHead(
                    meta["uid"], meta["resourceVersion"], meta.get("generation", 0)
                )
                for meta in metas
            }

    async def position(self) -> int:
        """The newest resource version."""
        path = path_of(AssistantVersion, (self._requests.namespaces[0], ""))
        call = Call("GET", path, {"limit": 1}, accept=METADATA_LIST)
        page = checked_page(call, await self._requests.server.send(call), "items")
        return position(page["metadata"]["resourceVersion"])

    @property
    def namespaces(self) -> tuple[str, ...]:
        return self._requests.namespaces

    # What others own and we only read

    async def value(self, kind: Literal["Secret", "ConfigMap"], key: Key, entry: str) -> str | None:
        """One entry of a Secret or ConfigMap; None if there is none. Raises ValueError if it is not text."""
        plural = {"Secret": "secrets", "ConfigMap": "configmaps"}[kind]
        found = await self._requests.read(f"/api/v1/namespaces/{key[0]}/{plural}/{key[1]}")
        said = ((found or {}).get("data") or {}).get(entry)
        if said is None or kind == "ConfigMap":
            return said
        return base64.b64decode(said).decode()

    async def is_namespace_terminating(self, namespace: str) -> bool:
        """Whether a namespace is being deleted: what was deleted there cannot be made again.

        The API server tells who would make something there, so that no right to read namespaces is needed.
        """
        path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
        try:
            await self._requests.server.send(Call("POST", path, {"dryRun": "All"}, {"metadata": {"name": "probe"}}))
        except ClusterRefused as refused:
            return refused.status.is_namespace_terminating
        return False

    # Events

    async def post_event(self, namespace: str, event: FreeForm) -> None:
        await self._requests.server.send(
            Call("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body=event)
        )


def _holds_as(one: ObjectMeta, other: ObjectMeta) -> bool:
    """Whether a patch of the finalizers means the same to both."""
    what = ("uid", "finalizers", "is_being_deleted")
    return all(getattr(one, each) == getattr(other, each) for each in what)


def _finalizer_patch(meta: ObjectMeta, finalizer: str, *, on: bool) -> list[FreeForm]:
    """A JSON patch that fails if the object is another one, or has other finalizers by now."""
    path = "/metadata/finalizers"
    is_same: FreeForm = {"op": "test", "path": "/metadata/uid", "value": meta.uid}
    if not on:
        place = f"{path}/{meta.finalizers.index(finalizer)}"
        return [is_same, {"op": "test", "path": place, "value": finalizer}, {"op": "remove", "path": place}]
    # Null is what the API server sees where there are none.
    found: FreeForm = {"op": "test", "path": path, "value": list(meta.finalizers) or None}
    return [is_same, found, {"op": "add", "path": path, "value": [*meta.finalizers, finalizer]}]
