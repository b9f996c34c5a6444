"""A pin that is set in the cluster and not in Git: Argo CD keeps it, Flux removes the fields that kubectl owns."""

import copy
from collections.abc import Callable

import pytest

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace

from .deliverer import APPLY, Deliverer, Json, manifest

BOT = manifest("Assistant", "bot", graphRef={"name": "support"}, context={"prompt": "one"})
MERGE_PATCH = "application/merge-patch+json"
FLUX = "kustomize-controller"
MERGE = {"kustomize.toolkit.fluxcd.io/ssa": "merge"}
# Whose fields kustomize-controller takes over, by prefix and operation, before it applies.
TAKEN_OVER = (("kubectl", "Apply"), ("kubectl", "Update"), ("before-first-apply", "Update"), (FLUX, "Update"))


def argo_cd(workspace: Workspace, wanted: Json) -> None:
    """A sync with server-side apply."""
    Deliverer(workspace, "argocd-controller").apply(wanted)


def flux(workspace: Workspace, wanted: Json) -> None:
    """A reconciliation of kustomize-controller: it takes fields over, unless the manifest says merge, and applies."""
    live = workspace.get("assistants", "bot")
    is_merged = MERGE.items() <= wanted["metadata"].get("annotations", {}).items()
    if live and not is_merged:
        entries = taken_over(live["metadata"]["managedFields"])
        change = [{"op": "replace", "path": "/metadata/managedFields", "value": entries}]
        path = workspace.path("assistants", "bot") + f"?fieldManager={FLUX}"
        workspace.client.demand("PATCH", path, change, "application/json-patch+json")
    Deliverer(workspace, FLUX).apply(wanted)


def taken_over(entries: list[Json]) -> list[Json]:
    """The same with all fields of those managers in the one entry of Flux."""
    (own,) = [each for each in entries if (each["manager"], each["operation"]) == (FLUX, "Apply")]
    theirs = [each for each in entries if is_taken_over(each)]
    fields: Json = {}
    for each in (own, *theirs):
        merge(fields, each["fieldsV1"])
    return [{**own, "fieldsV1": fields}, *(each for each in entries if each is not own and each not in theirs)]


def is_taken_over(entry: Json) -> bool:
    return not entry.get("subresource") and any(
        entry["manager"].startswith(prefix) and entry["operation"] == operation for prefix, operation in TAKEN_OVER
    )


def merge(fields: Json, more: Json) -> None:
    for name, each in more.items():
        merge(fields.setdefault(name, {}), each)


def pin(workspace: Workspace, manager: str) -> None:
    """As `kubectl patch` or another client does."""
    path = workspace.path("assistants", "bot") + f"?fieldManager={manager}"
    workspace.client.demand("PATCH", path, {"spec": {"versioning": {"activeVersion": 1}}}, MERGE_PATCH)


def pin_by_apply(workspace: Workspace, manager: str) -> None:
    """As `kubectl apply --server-side` does."""
    path = workspace.path("assistants", "bot") + f"?fieldManager={manager}"
    workspace.client.demand("PATCH", path, manifest("Assistant", "bot", versioning={"activeVersion": 1}), APPLY)


def pinned(workspace: Workspace) -> int | None:
    found = workspace.get("assistants", "bot")
    assert found
    number: int | None = found["spec"].get("versioning", {}).get("activeVersion")
    return number


ROWS = [
    pytest.param(argo_cd, pin, "kubectl-patch", {}, True, id="Argo CD keeps a pin of kubectl"),
    pytest.param(argo_cd, pin, "kubectl-assistants", {}, True, id="Argo CD keeps a pin of the plugin"),
    pytest.param(argo_cd, pin, "argocd-server", {}, True, id="Argo CD keeps a pin of its own action"),
    pytest.param(flux, pin, "kubectl-patch", {}, False, id="Flux removes a pin of kubectl patch"),
    pytest.param(flux, pin, "kubectl-edit", {}, False, id="Flux removes a pin of kubectl edit"),
    pytest.param(flux, pin, "kubectl-assistants", {}, False, id="Flux removes a pin of the plugin"),
    pytest.param(flux, pin_by_apply, "kubectl", {}, False, id="Flux removes a pin of kubectl apply --server-side"),
    pytest.param(flux, pin, "console", {}, True, id="Flux keeps a pin of another client"),
    pytest.param(flux, pin, "kubectl-patch", MERGE, True, id="Flux keeps any pin where the manifest says merge"),
]


@pytest.mark.parametrize(("tool", "set_pin", "manager", "annotations", "kept"), ROWS)
def test_a_live_pin(
    operator: OperatorProcess,
    workspace: Workspace,
    tool: Callable[[Workspace, Json], None],
    set_pin: Callable[[Workspace, str], None],
    manager: str,
    annotations: Json,
    *,
    kept: bool,
) -> None:
    workspace.graph(defaultAssistant={"policy": "None"})
    wanted = copy.deepcopy(BOT)
    wanted["metadata"]["annotations"] = annotations
    tool(workspace, wanted)
    workspace.until_active(1)
    wanted["spec"]["context"]["prompt"] = "two"
    tool(workspace, wanted)
    workspace.until_active(2)
    set_pin(workspace, manager)
    workspace.until_active(1)
    for _ in range(3):
        tool(workspace, wanted)
    assert pinned(workspace) == (1 if kept else None)
    workspace.until_active(1 if kept else 2)
    eventually(lambda: workspace.status("bot")["latestVersion"] == 2)


@pytest.mark.parametrize("tool", [argo_cd, flux])
def test_a_pin_in_git_is_set_again(
    operator: OperatorProcess, workspace: Workspace, tool: Callable[[Workspace, Json], None]
) -> None:
    wanted = manifest("Assistant", "bot", **BOT["spec"], versioning={"activeVersion": 1})
    workspace.graph(defaultAssistant={"policy": "None"})
    tool(workspace, wanted)
    workspace.until_active(1)
    path = workspace.path("assistants", "bot") + "?fieldManager=kubectl-patch"
    workspace.client.demand("PATCH", path, {"spec": {"versioning": {"activeVersion": None}}}, MERGE_PATCH)
    assert pinned(workspace) is None
    tool(workspace, wanted)
    assert pinned(workspace) == 1
