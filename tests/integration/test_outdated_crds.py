"""An operator newer than its CustomResourceDefinitions: it works, says once which fields they lack, and waits."""

import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import HEALING, eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import Client
from harness.support.histories import a_workspace, writes_since
from harness.support.walk import comes_to, events, marks
from harness.support.workspace import GROUP, Json

JSON_PATCH = "application/json-patch+json"
STATUS, SPEC = "status/properties", "spec/properties"
TAKEN_OUT = {
    "assistants": (f"{STATUS}/activations", f"{STATUS}/versions", f"{STATUS}/digest"),
    "graphs": (f"{STATUS}/graphId", f"{STATUS}/assistants"),
    "assistantversions": (
        f"{SPEC}/change/properties/manager",
        f"{SPEC}/snapshot/properties/description",
    ),
    "assistantaliases": (f"{STATUS}/moves", f"{STATUS}/digest"),
}
APPLY = "is older than the operator, run kubectl apply --server-side -k crds"
WINDOW, MOST_WRITES = 30.0, 12
"""Seconds, and how often one status is written in them: six times to store it, and as often because it changes."""
ROOT = Path(__file__).parents[2]


def taken_out(plane: ControlPlane, plural: str) -> None:
    where = "/spec/versions/0/schema/openAPIV3Schema/properties"
    body = [{"op": "remove", "path": f"{where}/{field}"} for field in TAKEN_OUT[plural]]
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.assistant-operator.dev"
    Client(plane.admin_kubeconfig).demand("PATCH", path, body, JSON_PATCH)


def applied(plane: ControlPlane) -> None:
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))


def stores(workspace: Workspace, plural: str, name: str, status: Json) -> bool:
    """Whether the API server would store that status."""
    path = workspace.path(plural, name) + "/status?dryRun=All"
    answer = workspace.client.demand("PATCH", path, {"status": status}, "application/merge-patch+json")
    stored: Json = answer["status"]
    return status.items() <= stored.items()


def is_served(workspace: Workspace) -> bool:
    """Whether the API server has taken the definitions in: until then it answers 429."""
    return all(workspace.client.ask("GET", workspace.path(plural))[0] == 200 for plural in TAKEN_OUT)


def is_known(workspace: Workspace) -> bool:
    """Whether the API server goes by whole CustomResourceDefinitions."""
    if not is_served(workspace):
        return False
    return known(workspace) == [True] * 4


def is_outdated(workspace: Workspace) -> bool:
    return is_served(workspace) and known(workspace) == [False] * 4


def known(workspace: Workspace) -> list[bool]:
    """Of each kind, whether the API server goes by the whole definition."""
    bot = stores(workspace, "assistants", "bot", {"versions": 77})
    graph = stores(workspace, "graphs", "support", {"assistants": 77})
    alias = stores(workspace, "assistantaliases", "production", {"digest": f"sha256:{'7' * 64}"})
    spec = workspace.versions()[0]["spec"]
    body = {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "AssistantVersion",
        "metadata": {"name": "bot-v99"},
        "spec": {**spec, "number": 99, "change": {"kind": "Created", "manager": "probe"}},
    }
    path = f"{GROUP}/namespaces/{workspace.namespace}/assistantversions?dryRun=All&fieldValidation=Strict"
    return [bot, graph, alias, workspace.client.ask("POST", path, body)[0] == 201]


@pytest.fixture(scope="module")
def workspace(installed: ControlPlane, running: OperatorProcess) -> Iterator[Workspace]:
    """A settled Assistant, and then the fields are taken out of the installed CustomResourceDefinitions."""
    with a_workspace(installed) as workspace:
        workspace.assistant(context={"n": 1})
        comes_to(lambda: marks(workspace), {1: "VA"})
        workspace.alias(version=1)
        workspace.until_ready("production", "assistantaliases")
        try:
            for plural in TAKEN_OUT:
                taken_out(installed, plural)
            eventually(lambda: is_outdated(workspace))
            yield workspace
        finally:
            applied(installed)
            eventually(lambda: is_known(workspace))


def counted(workspace: Workspace, since: int, what: str) -> int:
    return writes_since(workspace.plane, since, workspace.namespace).count(what)


def message(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> str:
    return str(workspace.condition(name, plural=plural).get("message", ""))


def warnings(workspace: Workspace, name: str) -> list[str]:
    return [note for kind, reason, note in events(workspace, name) if (kind, reason) == ("Warning", "FieldsNotStored")]


def moved_without_a_record(workspace: Workspace) -> None:
    """The alias stands for another version, and says what is not stored."""
    workspace.edit("production", "assistantaliases", version=2)
    eventually(lambda: "does not store status.digest" in message(workspace, "production", "assistantaliases"))
    assert message(workspace, "production", "assistantaliases").startswith("the alias stands for bot-v2; ")
    assert workspace.status("production", "assistantaliases")["version"] == 2


def recorded_again(workspace: Workspace) -> None:
    comes_to(lambda: message(workspace, "production", "assistantaliases"), "the alias stands for bot-v2")
    digest = workspace.versions()[1]["spec"]["digest"]
    comes_to(lambda: workspace.status("production", "assistantaliases").get("digest"), digest)
    workspace.edit("production", "assistantaliases", version=1)
    comes_to(lambda: workspace.status("production", "assistantaliases").get("moves", [{}])[0].get("to"), 1)
    workspace.edit("production", "assistantaliases", version=2)
    comes_to(lambda: workspace.status("production", "assistantaliases")["moves"][0].get("to"), 2)


def test_what_older_definitions_lack_is_told_once_and_stored_when_they_are_applied(
    workspace: Workspace, running: OperatorProcess
) -> None:
    _, since = workspace.plane.audit_since()
    started = time.monotonic()
    workspace.edit("support", "graphs", description="second")
    workspace.edit(context={"n": 2})
    eventually(lambda: workspace.status().get("activeVersion") == 2)
    moved_without_a_record(workspace)

    said = "the API server does not store status.activations, status.digest, status.versions"
    eventually(lambda: said in message(workspace))
    assert message(workspace).startswith("bot-v2 is active; ")
    assert message(workspace).endswith(APPLY)
    eventually(lambda: "status.assistants, status.graphId" in message(workspace, "support", "graphs"))
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA"})
    assert workspace.condition()["status"] == "True"

    time.sleep(max(0.0, started + WINDOW - time.monotonic()))
    for what in ("assistants/status bot", "graphs/status support", "assistantaliases/status production"):
        assert 2 <= counted(workspace, since, f"patch {what}") <= MOST_WRITES
    (about_fields,) = [each for each in warnings(workspace, "bot") if "status." in each]
    # The operator may have found it out before the edit: then no activation had to be stored yet.
    assert re.search(r"does not store (status\.activations, )?status\.digest, status\.versions", about_fields)
    assert [each for each in warnings(workspace, "bot") if "spec.change.manager" in each] != []
    for told in (warnings(workspace, "support"), warnings(workspace, "production")):
        # It may be found out field by field.
        assert 1 <= len(told) == len(set(told)), "once"
    shown = running.get("/metrics") or ""
    assert 'assistant_operator_unstored_fields_total{field="status.digest",kind="Assistant"}' in shown
    assert 'assistant_operator_unstored_fields_total{field="status.graphId",kind="Graph"}' in shown

    workspace.edit(description="cannot be kept in a version")
    status = workspace.status()
    eventually(lambda: any(each["reason"] == "VersionRefused" for each in workspace.status()["conditions"]))
    refusal = next(each["message"] for each in workspace.status()["conditions"] if each["type"] == "Ready")
    assert 'unknown field "spec.snapshot.description"' in refusal
    assert status["activeVersion"] == 2

    applied(workspace.plane)
    workspace.until_active(3, within=HEALING)
    eventually(lambda: message(workspace) == "bot-v3 is active", HEALING)
    # The first status after that may still be stored by the older definition: it is written again.
    comes_to(lambda: workspace.status().get("versions"), 3)
    comes_to(lambda: [each["number"] for each in workspace.status().get("activations", ())][:2], [3, 2])
    eventually(lambda: workspace.status("support", "graphs").get("graphId") == "support", HEALING)
    comes_to(lambda: message(workspace, "support", "graphs"), "the graph is deployed")
    recorded_again(workspace)
    assert workspace.versions()[2]["spec"]["snapshot"]["description"] == "cannot be kept in a version"
    _, since = workspace.plane.audit_since()
    time.sleep(5)
    assert writes_since(workspace.plane, since, workspace.namespace) == []
