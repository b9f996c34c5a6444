"""A GitOps tool as the API server sees it: server-side apply, dry runs, and a look at what is its own."""

import copy
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from harness.support import Workspace

Json = dict[str, Any]
APPLY = "application/apply-patch+yaml"
PLURALS = {
    "Graph": "graphs",
    "Assistant": "assistants",
    "AssistantAlias": "assistantaliases",
    "AssistantVersion": "assistantversions",
}
ANNOTATION, LABEL = "argocd.argoproj.io/tracking-id", "app.kubernetes.io/instance"
APP = "shop"


@dataclass(frozen=True)
class Deliverer:
    """Applies manifests to one namespace, with force, as Argo CD and Flux do."""

    workspace: Workspace
    manager: str

    def apply(self, manifest: Json) -> Json:
        return self._apply(manifest, "")

    def apply_all(self, manifests: Iterable[Json]) -> list[Json]:
        return [self.apply(each) for each in manifests]

    def drift(self, manifest: Json) -> tuple[Json, Json] | None:
        """What is there and what would be there after an apply, if they differ in anything; nothing is ignored.

        Both are of one stored object: what the operator writes between the two reads is not drift.
        """
        while True:
            live = self._live(manifest)
            predicted = self._apply(manifest, "&dryRun=All")
            if self._live(manifest)["metadata"]["resourceVersion"] == live["metadata"]["resourceVersion"]:
                break
        pair = without_managers(live), without_managers(predicted)
        return None if pair[0] == pair[1] else pair

    def _live(self, manifest: Json) -> Json:
        kind, name = manifest["kind"], manifest["metadata"]["name"]
        live = self.workspace.get(PLURALS[kind], name)
        assert live, f"{kind} {name} is not there"
        return live

    def _apply(self, manifest: Json, more: str) -> Json:
        path = self.workspace.path(PLURALS[manifest["kind"]], manifest["metadata"]["name"])
        query = f"?fieldManager={self.manager}&force=true{more}"
        applied: Json = self.workspace.client.demand("PATCH", path + query, manifest, APPLY)
        return applied


def without_managers(found: Json) -> Json:
    """Without the book-keeping of who owns what, which every dry run renews, and without what a listing leaves out."""
    told = copy.deepcopy(found)
    told["metadata"].pop("managedFields", None)
    return told


def by_label(manifest: Json, namespace: str) -> Json:
    """As an Argo CD that tracks by label writes it."""
    return with_metadata(manifest, "labels", {LABEL: APP})


def by_annotation(manifest: Json, namespace: str) -> Json:
    """As an Argo CD that tracks by annotation, its default, writes it."""
    return with_metadata(manifest, "annotations", {ANNOTATION: tracking_id(manifest["kind"], namespace, manifest)})


def tracking_id(kind: str, namespace: str, found: Json) -> str:
    return f"{APP}:assistant-operator.dev/{kind}:{namespace}/{found['metadata']['name']}"


TRACKINGS: dict[str, Callable[[Json, str], Json]] = {"label": by_label, "annotation": by_annotation}


def with_metadata(manifest: Json, field: str, more: Json) -> Json:
    told = copy.deepcopy(manifest)
    told["metadata"].setdefault(field, {}).update(more)
    return told


def is_tracked(kind: str, namespace: str, found: Json) -> bool:
    """Whether Argo CD counts it to the application: by label, or by an annotation that speaks of this very object."""
    metadata = found["metadata"]
    says = metadata.get("annotations", {}).get(ANNOTATION)
    return bool(metadata.get("labels", {}).get(LABEL) == APP or says == tracking_id(kind, namespace, found))


def managed(workspace: Workspace) -> set[tuple[str, str]]:
    """What Argo CD would compare and prune: tracked, and not owned by another object."""
    return {
        (kind, each["metadata"]["name"])
        for kind, plural in PLURALS.items()
        for each in workspace.all(plural)
        if is_tracked(kind, workspace.namespace, each) and not each["metadata"].get("ownerReferences")
    }


def prunable(workspace: Workspace, wanted: Iterable[Json]) -> set[tuple[str, str]]:
    """What it would delete: its own, and in no manifest."""
    return managed(workspace) - {(each["kind"], each["metadata"]["name"]) for each in wanted}


def manifest(kind: str, name: str, **spec: Any) -> Json:
    body = {"apiVersion": "assistant-operator.dev/v1alpha1", "kind": kind, "metadata": {"name": name}}
    return {**body, "spec": spec}


GRAPH = manifest(
    "Graph",
    "support",
    contextSchema={"type": "object", "properties": {"prompt": {"type": "string"}}},
    defaults={"displayName": "Support", "context": {"prompt": "hello"}},
)
BOT = manifest(
    "Assistant",
    "bot",
    graphRef={"name": "support"},
    context={"prompt": "one", "tools": [{"name": "stock", "limit": 1.0}, {"name": "prices"}]},
    config={"tags": ["b", "a"], "recursionLimit": 7},
    metadata={"team": {"name": "bikes", "big": 2**53 + 1}},
)
PINNED = manifest(
    "Assistant", "pinned", graphRef={"name": "support"}, context={"prompt": "p"}, versioning={"activeVersion": 1}
)
ALIAS = manifest("AssistantAlias", "production", assistantRef={"name": "bot"}, version=1)
SHOP = (GRAPH, BOT, PINNED, ALIAS)


def settled(workspace: Workspace) -> None:
    """Until the shop is as it should be, versions and marks included."""
    workspace.until_ready("support", "graphs")
    for name in ("support", "bot", "pinned"):
        workspace.until_active(1, name)
    workspace.until_ready("production", "assistantaliases")


def fingerprints(workspace: Workspace) -> dict[tuple[str, str], str]:
    """The resourceVersion of every object of ours: it changes with whatever anybody writes."""
    return {
        (plural, each["metadata"]["name"]): each["metadata"]["resourceVersion"]
        for plural in PLURALS.values()
        for each in workspace.all(plural)
    }
