"""The cluster as our models: what the operator reads from Kubernetes and the few things it may write there."""

import asyncio
import base64
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Literal

from ..resources.assistant import Assistant, AssistantStatus
from ..resources.assistant_version import AssistantVersion, VersionRecord
from ..resources.graph import Graph, GraphStatus
from ..resources.meta import API_VERSION, GROUP, MANAGER, VERSION, Condition, FreeForm, Key, ObjectMeta, Resource
from .api_server import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, ApiServer, Call, ClusterRefused, ClusterUnavailable
from .version_table import TABLE, Expired, Listed, VersionEvent, column_names, parse_event, parse_rows, position_of

PAGE = 500
METADATA = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"
_PAUSE = 0.5


@dataclass(frozen=True, slots=True)
class Created:
    """The version exists now, and we made it."""

    version: AssistantVersion


@dataclass(frozen=True, slots=True)
class NameTaken:
    """A version of that name exists already."""


@dataclass(frozen=True, slots=True)
class CannotStore:
    """No retry will help: the object is too large, or its namespace is being deleted."""

    reason: Literal["TooLarge", "NamespaceTerminating"]
    message: str


Creation = Created | NameTaken | CannotStore


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied stands at this resource version."""

    position: int


Conflicts = frozenset[str]
"""The fields of others that stood in the way, as the API server spells them: `.spec.context.prompt`."""


class Cluster:
    """Kubernetes as our models."""

    def __init__(self, server: ApiServer, namespaces: tuple[str, ...] = ()) -> None:
        """`namespaces`: where to look; empty for everywhere."""
        self._server = server
        self._namespaces = namespaces or ("",)

    async def close(self) -> None:
        await self._server.close()

    # Assistants and Graphs

    async def assistant(self, key: Key) -> Assistant | None:
        found = await self._read(_path(Assistant, key))
        return Assistant.model_validate(found) if found else None

    async def graph(self, key: Key) -> Graph | None:
        found = await self._read(_path(Graph, key))
        return Graph.model_validate(found) if found else None

    async def assistant_at(self, key: Key, resource_version: int) -> Assistant | Literal["Expired"] | None:
        """The Assistant as it was then; Expired when the API server no longer holds that time."""
        items = await self._exactly(Assistant, key[0], key[1], resource_version)
        return items if items == "Expired" else next((Assistant.model_validate(each) for each in items), None)

    async def replay(self, key: Key, since: int, until: int) -> list[Assistant] | Literal["Expired"]:
        """Each state of the Assistant after `since` up to `until`, from the API server's watch cache."""
        query = {"watch": "true", "fieldSelector": f"metadata.name={key[1]}", "resourceVersion": str(since)}
        call = Call("GET", _path(Assistant, (key[0], "")), {**query, "timeoutSeconds": "10"})
        states: list[Assistant] = []
        try:
            async for event in self._server.stream(call, silence=10):
                if event["type"] == "ERROR":
                    return "Expired"
                states.append(Assistant.model_validate(event["object"]))
                if int(states[-1].metadata.resource_version) >= until:
                    return states
        except ClusterRefused as refused:
            if refused.status.code != 410:
                raise
        return "Expired"

    async def report(
        self, seen: Assistant | Graph, status: AssistantStatus | GraphStatus
    ) -> int | Literal["Outrun", "Gone"]:
        """Write the status, provided nobody reported of another generation since, else we are outrun.

        The resource version at which it stands. Of an object made since under the same name we know nothing to report.
        """
        body = [
            {"op": "test", "path": "/metadata/uid", "value": seen.metadata.uid},
            {"op": "test", "path": "/status/observedGeneration", "value": seen.status.observed_generation},
            {"op": "replace", "path": "/status", "value": status.manifest()},
        ]
        call = Call("PATCH", _path(type(seen), seen.key) + "/status", {"fieldManager": MANAGER}, body, JSON_PATCH)
        try:
            answer = await self._server.send(call)
        except ClusterRefused as refused:
            if refused.status.code == 404:
                return "Gone"
            # A failed `test` is a 422 without causes; a status the schema refuses has them.
            if refused.status.code == 409 or (refused.status.code == 422 and not refused.status.causes):
                return "Outrun"
            raise
        return int(answer["metadata"]["resourceVersion"])

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
            answer = await self._server.send(Call("PATCH", _path(Assistant, key), query, body, APPLY_PATCH))
        except ClusterRefused as refused:
            conflicts = frozenset(field for reason, field in refused.status.causes if reason == "FieldManagerConflict")
            if refused.status.code == 409 and conflicts:
                return conflicts
            raise
        return Applied(int(answer["metadata"]["resourceVersion"]))

    async def drop_label(self, key: Key, label: str) -> None:
        """Take one of our own labels off an Assistant."""
        body = {"metadata": {"labels": {label: None}}}
        await self._change(Call("PATCH", _path(Assistant, key), {"fieldManager": MANAGER}, body, MERGE_PATCH))

    async def hold(self, assistant: Assistant, finalizer: str, *, on: bool) -> int | None:
        """Put a finalizer on, or take it off, whatever else changes meanwhile: the new resource version; None if gone.

        A server-side apply that owns nothing else: `uid` keeps it from making the object anew.
        """
        meta = assistant.metadata
        held = {"finalizers": [finalizer]} if on else {}
        told = {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid, **held}
        body = {"apiVersion": API_VERSION, "kind": Assistant.kind_name, "metadata": told}
        query = {"fieldManager": f"{MANAGER}-finalizer", "force": "true"}
        answer = await self._change(Call("PATCH", _path(Assistant, meta.key), query, body, APPLY_PATCH))
        return int(answer["metadata"]["resourceVersion"]) if answer else None

    async def uids(self, kind: type[Resource]) -> dict[Key, str]:
        """Namespace, name and UID of every object of a kind, without reading their bodies."""
        found: dict[Key, str] = {}
        for namespace in self._namespaces:
            async for page in self._pages(_path(kind, (namespace, "")), METADATA):
                metas = (item["metadata"] for item in page["items"] or ())
                found.update(((meta["namespace"], meta["name"]), meta["uid"]) for meta in metas)
        return found

    # Versions: made, marked, owned, deleted. Nothing here could write a version's spec.

    async def version(self, key: Key) -> AssistantVersion | None:
        found = await self._read(_path(AssistantVersion, key))
        return AssistantVersion.model_validate(found) if found else None

    async def version_at(self, key: Key, resource_version: int) -> AssistantVersion | Literal["Expired"] | None:
        items = await self._exactly(AssistantVersion, key[0], key[1], resource_version)
        return items if items == "Expired" else next((AssistantVersion.model_validate(each) for each in items), None)

    async def position(self) -> int:
        """The newest resource version."""
        path = _path(AssistantVersion, (self._namespaces[0], ""))
        page = await self._server.send(Call("GET", path, {"limit": 1}, accept=METADATA))
        return int(page["metadata"]["resourceVersion"])

    async def create_version(self, version: AssistantVersion) -> Creation:
        """The name is the compare-and-swap: of all who try, one makes it."""
        body = {"apiVersion": API_VERSION, "kind": AssistantVersion.kind_name, **version.manifest()}
        path = _path(AssistantVersion, (version.metadata.namespace, ""))
        query = {"fieldManager": MANAGER, "fieldValidation": "Ignore"}
        try:
            answer = await self._server.send(Call("POST", path, query, body))
        except ClusterRefused as refused:
            if refused.status.code == 409 and refused.status.reason == "AlreadyExists":
                return NameTaken()
            if refused.status.is_too_large:
                return CannotStore("TooLarge", refused.status.message)
            if refused.status.is_namespace_terminating:
                return CannotStore("NamespaceTerminating", refused.status.message)
            raise
        # What we sent is what stands there: only the metadata is news.
        return Created(version.model_copy(update={"metadata": ObjectMeta.model_validate(answer["metadata"])}))

    async def mark_version(self, record: VersionRecord, conditions: tuple[Condition, ...]) -> ObjectMeta | None:
        """Its metadata from then on; None if that very version is gone."""
        body = {"status": {"conditions": [each.manifest() for each in conditions]}}
        path = _path(AssistantVersion, (record.key[0], record.name)) + "/status"
        answer = await self._change(Call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE_PATCH))
        same = answer is not None and answer["metadata"]["uid"] == record.uid
        return ObjectMeta.model_validate(answer["metadata"]) if answer and same else None

    async def record_server_version(self, key: Key, number: int) -> None:
        """Keep the LangGraph Server's own number of a version's content."""
        body = {"status": {"serverVersion": number}}
        path = _path(AssistantVersion, key) + "/status"
        await self._change(Call("PATCH", path, {"fieldManager": MANAGER}, body, MERGE_PATCH))

    async def adopt_version(self, record: VersionRecord, assistant: Assistant) -> str | None:
        """Become the owner of that very version, provided nobody changed it meanwhile: its new resource version."""
        owner = assistant.owner_reference().manifest()
        meta = {"uid": record.uid, "resourceVersion": record.resource_version, "ownerReferences": [owner]}
        path = _path(AssistantVersion, (record.key[0], record.name))
        answer = await self._change(Call("PATCH", path, {"fieldManager": MANAGER}, {"metadata": meta}, MERGE_PATCH))
        return str(answer["metadata"]["resourceVersion"]) if answer else None

    async def delete_version(self, record: VersionRecord) -> None:
        """Delete that very version, not a later one of its name."""
        path = _path(AssistantVersion, (record.key[0], record.name))
        await self._change(Call("DELETE", path, body={"preconditions": {"uid": record.uid}}))

    async def watch_versions(self, namespace: str) -> AsyncIterator[VersionEvent]:
        """All versions as a listing shows them, then what becomes of them; after Expired, start anew.

        `namespace`: one of `namespaces`; empty for everywhere. Raises ClusterUnavailable when listing fails.
        """
        path = _path(AssistantVersion, (namespace, ""))
        listed, columns = await self._listed_versions(path)
        yield listed
        position = listed.position
        while True:
            query = {
                "watch": "true",
                "allowWatchBookmarks": "true",
                "resourceVersion": position,
                "timeoutSeconds": "290",
            }
            try:
                async for raw in self._server.stream(Call("GET", path, query, accept=TABLE), silence=120):
                    event = parse_event(raw, columns)
                    yield event
                    if isinstance(event, Expired):
                        return
                    position = position_of(event)
            except ClusterUnavailable:
                await asyncio.sleep(_PAUSE)
            except ClusterRefused as refused:
                if refused.status.code != 410:
                    raise
                yield Expired()
                return

    async def _listed_versions(self, path: str) -> tuple[Listed, list[str]]:
        records: list[VersionRecord] = []
        columns: list[str] = []
        position = ""
        async for page in self._pages(path, TABLE):
            columns = column_names(page) or columns
            records.extend(parse_rows(page, columns))
            position = page["metadata"]["resourceVersion"]
        return Listed(tuple(records), position), columns

    @property
    def namespaces(self) -> tuple[str, ...]:
        return self._namespaces

    # What others own and we only read

    async def value(self, kind: Literal["Secret", "ConfigMap"], key: Key, entry: str) -> str | None:
        """One entry of a Secret or ConfigMap; None if there is none. Raises ValueError if it is not text."""
        plural = {"Secret": "secrets", "ConfigMap": "configmaps"}[kind]
        found = await self._read(f"/api/v1/namespaces/{key[0]}/{plural}/{key[1]}")
        said = ((found or {}).get("data") or {}).get(entry)
        if said is None or kind == "ConfigMap":
            return said
        return base64.b64decode(said).decode()

    # Events

    async def post_event(self, namespace: str, event: FreeForm) -> None:
        await self._server.send(Call("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body=event))

    # How

    async def _read(self, path: str) -> FreeForm | None:
        try:
            return await self._server.send(Call("GET", path))
        except ClusterRefused as refused:
            if refused.status.code == 404:
                return None
            raise

    async def _exactly(
        self, kind: type[Resource], namespace: str, name: str, resource_version: int
    ) -> list[FreeForm] | Literal["Expired"]:
        query = {
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": str(resource_version),
            "resourceVersionMatch": "Exact",
        }
        try:
            found = await self._server.send(Call("GET", _path(kind, (namespace, "")), query))
        except ClusterRefused as refused:
            if refused.status.code in (400, 410):
                return "Expired"
            raise
        items: list[FreeForm] = found["items"]
        return items

    async def _pages(self, path: str, accept: str) -> AsyncIterator[FreeForm]:
        query: dict[str, str | int] = {"limit": PAGE}
        while True:
            page = await self._server.send(Call("GET", path, query, accept=accept), timeout=60)
            yield page
            if not (onward := page["metadata"].get("continue")):
                return
            query = {"limit": PAGE, "continue": onward}

    async def _change(self, call: Call) -> FreeForm | None:
        """A change that is pointless when its object is gone or has become another: the next look tells."""
        try:
            return await self._server.send(call)
        except ClusterRefused as refused:
            if refused.status.code not in (404, 409):
                raise
            return None


def _path(kind: type[Resource], key: Key) -> str:
    namespace, name = key
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{inside}/{kind.plural}" + (f"/{name}" if name else "")
