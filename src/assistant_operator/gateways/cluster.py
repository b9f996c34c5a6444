"""The cluster as our models: what the operator reads from Kubernetes and the few things it may write there."""

import base64
from dataclasses import dataclass
from typing import Literal

from ..resources.assistant import Assistant, AssistantStatus
from ..resources.assistant_version import AssistantVersion
from ..resources.graph import Graph, GraphStatus
from ..resources.meta import API_VERSION, MANAGER, FreeForm, Key, ObjectMeta, Resource
from .api_server import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, ApiServer, Call, ClusterRefused
from .requests import METADATA, METADATA_LIST, Requests, path_of
from .versions import Versions


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
        self._requests = Requests(server, namespaces)
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
        query = {"watch": "true", "fieldSelector": f"metadata.name={key[1]}", "resourceVersion": str(since)}
        call = Call("GET", path_of(Assistant, (key[0], "")), {**query, "timeoutSeconds": "10"})
        states: list[Assistant] = []
        try:
            async for event in self._requests.server.stream(call, silence=10):
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
            answer = await self._requests.server.send(call)
        except ClusterRefused as refused:
            return await self._why_not_reported(seen, refused)
        return int(answer["metadata"]["resourceVersion"])

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
            answer = await self._requests.server.send(
                Call("PATCH", path_of(Assistant, key), query, body, APPLY_PATCH, METADATA)
            )
        except ClusterRefused as refused:
            conflicts = frozenset(field for reason, field in refused.status.causes if reason == "FieldManagerConflict")
            if refused.status.code == 409 and conflicts:
                return conflicts
            raise
        return Applied(int(answer["metadata"]["resourceVersion"]))

    async def drop_label(self, key: Key, label: str) -> ObjectMeta | None:
        """Take one of our own labels off an Assistant: its metadata from then on; None if it is gone."""
        body = {"metadata": {"labels": {label: None}}}
        answer = await self._requests.change(
            Call("PATCH", path_of(Assistant, key), {"fieldManager": MANAGER}, body, MERGE_PATCH, METADATA)
        )
        return ObjectMeta.model_validate(answer["metadata"]) if answer else None

    async def hold(self, assistant: Assistant, finalizer: str, *, on: bool) -> int | None:
        """Put a finalizer on, or take it off, whatever else changes meanwhile: the new resource version; None if gone.

        A server-side apply that owns nothing else: `uid` keeps it from making the object anew.
        """
        meta = assistant.metadata
        held = {"finalizers": [finalizer]} if on else {}
        told = {"name": meta.name, "namespace": meta.namespace, "uid": meta.uid, **held}
        body = {"apiVersion": API_VERSION, "kind": Assistant.kind_name, "metadata": told}
        query = {"fieldManager": f"{MANAGER}-finalizer", "force": "true"}
        answer = await self._requests.change(
            Call("PATCH", path_of(Assistant, meta.key), query, body, APPLY_PATCH, METADATA)
        )
        return int(answer["metadata"]["resourceVersion"]) if answer else None

    async def uids(self, kind: type[Resource]) -> dict[Key, str]:
        """Namespace, name and UID of every object of a kind, without reading their bodies."""
        found: dict[Key, str] = {}
        for namespace in self._requests.namespaces:
            async for page in self._requests.pages(path_of(kind, (namespace, "")), METADATA_LIST):
                metas = (item["metadata"] for item in page["items"] or ())
                found.update(((meta["namespace"], meta["name"]), meta["uid"]) for meta in metas)
        return found

    async def position(self) -> int:
        """The newest resource version."""
        path = path_of(AssistantVersion, (self._requests.namespaces[0], ""))
        page = await self._requests.server.send(Call("GET", path, {"limit": 1}, accept=METADATA_LIST))
        return int(page["metadata"]["resourceVersion"])

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

    # Events

    async def post_event(self, namespace: str, event: FreeForm) -> None:
        await self._requests.server.send(
            Call("POST", f"/apis/events.k8s.io/v1/namespaces/{namespace}/events", body=event)
        )
