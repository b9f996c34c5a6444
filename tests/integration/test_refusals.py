"""What a policy of the cluster does not let the operator write is told in the status, and goes on when it may."""

import time
from collections.abc import Iterator, Mapping

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.histories import a_workspace, writes_since
from harness.support.walk import comes_to, marks

POLICIES = "/apis/admissionregistration.k8s.io/v1"


def a_policy(name: str, namespace: str, plural: str, expression: str) -> list[tuple[str, dict[str, object]]]:
    """A ValidatingAdmissionPolicy that lets the operator do nothing of the kind there, and its binding."""
    rule = {
        "apiGroups": ["assistant-operator.dev"],
        "apiVersions": ["*"],
        "operations": ["CREATE"],
        "resources": [plural],
    }
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
    policy = {
        "metadata": {"name": name},
        "spec": {
            "matchConstraints": {"resourceRules": [rule]},
            "validations": [{"expression": expression, "message": "not in this quarter"}],
        },
    }
    binding = {
        "metadata": {"name": name},
        "spec": {"policyName": name, "validationActions": ["Deny"], "matchResources": where},
    }
    return [("validatingadmissionpolicies", policy), ("validatingadmissionpolicybindings", binding)]


class Policy:
    """A policy that bites, until it is lifted."""

    def __init__(self, plane: ControlPlane, workspace: Workspace, plural: str, expression: str) -> None:
        self._plane = plane
        self.name = f"{plural}-{workspace.namespace}"
        for kind, body in a_policy(self.name, workspace.namespace, plural, expression):
            plane.admin.create(f"{POLICIES}/{kind}", body)

    def lift(self) -> None:
        for kind in ("validatingadmissionpolicybindings", "validatingadmissionpolicies"):
            self._plane.admin.request("DELETE", f"{POLICIES}/{kind}/{self.name}")


NONE = "sha256:" + "0" * 64
A_VERSION = {
    "kind": "AssistantVersion",
    "metadata": {"name": "x-v1"},
    "spec": {
        "assistantRef": {"name": "x", "uid": "none"},
        "number": 1,
        "generation": 1,
        "digest": NONE,
        "chain": NONE,
        "snapshot": {"graphRef": {"name": "none"}},
        "change": {"kind": "Created"},
    },
}
A_DEFAULT = {"kind": "Assistant", "metadata": {"name": "support"}, "spec": {"graphRef": {"name": "none"}}}


def biting(policy: Policy, plane: ControlPlane, path: str, probe: Mapping[str, object]) -> Iterator[Policy]:
    """The policy, once it bites, and never longer than the test."""
    body = {"apiVersion": "assistant-operator.dev/v1alpha1", **probe}
    eventually(lambda: "not in this quarter" in str(plane.admin.request("POST", f"{path}?dryRun=All", body).body))
    yield policy
    policy.lift()


@pytest.fixture
def no_versions(installed: ControlPlane, workspace: Workspace) -> Iterator[Policy]:
    policy = Policy(installed, workspace, "assistantversions", "false")
    yield from biting(policy, installed, workspace.path("assistantversions"), A_VERSION)


def test_versions_that_may_not_be_made_are_told_and_made_later(
    no_versions: Policy, operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one"})

    def told() -> str:
        said = workspace.status().get("conditions", [])
        return next((each["message"] for each in said if each["reason"] == "VersionRefused"), "")

    assert "not in this quarter" in eventually(told)
    assert workspace.status()["observedGeneration"] == 0
    assert workspace.versions() == []
    no_versions.lift()
    (only,) = workspace.until_versions(1)
    assert only["spec"]["snapshot"]["context"] == {"prompt": "one"}
    assert workspace.until_ready()["activeVersion"] == 1
    operator.log.write_text("")  # that it could not record is said there, and was meant


def said_refused(workspace: Workspace, name: str = "bot") -> str:
    said = workspace.status(name).get("conditions", [])
    return next((each["message"] for each in said if each["reason"] == "VersionRefused"), "")


def test_edits_that_may_not_be_recorded_wait_and_none_is_hidden(
    no_versions: Policy, operator: OperatorProcess, workspace: Workspace
) -> None:
    """More of them than are kept in memory: the others are looked for in the API server's history, and counted."""
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"n": 0}, versioning={"historyLimit": 1000})
    eventually(lambda: said_refused(workspace))
    for number in range(1, 151):
        workspace.edit(context={"n": number})
    no_versions.lift()
    eventually(lambda: workspace.status().get("observedGeneration") == 151)
    versions = workspace.versions()
    contents = [each["spec"]["snapshot"]["context"]["n"] for each in versions]
    assert contents == sorted(set(contents))
    assert contents[-1] == 150
    assert [each["spec"]["number"] for each in versions] == list(range(1, len(versions) + 1))
    assert len(versions) + workspace.status().get("missedGenerations", 0) == 151
    assert workspace.until_ready()["activeVersion"] == len(versions)
    operator.log.write_text("")  # that it could not record is said there, and was meant


def test_assistants_whose_versions_are_refused_keep_no_other_waiting(
    no_versions: Policy, operator: OperatorProcess, workspace: Workspace
) -> None:
    """More of them than there are workers, and each meets a status that somebody else wrote."""
    names = [f"bot{number}" for number in range(20)]
    workspace.graph(defaultAssistant={"policy": "None"})
    for name in names:
        workspace.assistant(name, context={"n": 0})
    for name in names:
        eventually(lambda name=name: said_refused(workspace, name))  # type: ignore[misc]
    for name in names:
        other = {"status": {"observedGeneration": -1, "versions": 7}}
        workspace.client.demand("PATCH", workspace.path("assistants", name) + "/status", other, MERGE)
        workspace.edit(name, suspend=True)
    with a_workspace(workspace.plane) as elsewhere:
        elsewhere.assistant(context={"n": 0})
        elsewhere.until_ready()
    said = "spec.suspend is true: edits are recorded, nothing is activated, published or pruned"
    for name in names:
        eventually(lambda name=name: said in str(workspace.status(name)["conditions"]))  # type: ignore[misc]
    no_versions.lift()
    operator.log.write_text("")  # that it could not record is said there, and was meant


@pytest.fixture
def no_assistants(installed: ControlPlane, workspace: Workspace) -> Iterator[Policy]:
    policy = Policy(installed, workspace, "assistants", "object.metadata.name != 'support'")
    yield from biting(policy, installed, workspace.path("assistants"), A_DEFAULT)


def test_a_default_assistant_that_may_not_be_made_is_told(
    no_assistants: Policy, operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph()
    status = workspace.until_not_ready("DefaultAssistantRefused", "support", "graphs")
    said = {each["type"]: each["message"] for each in status["conditions"]}
    assert "assistant 'support' cannot be made or changed" in said["DefaultAssistantReady"]
    assert "not in this quarter" in said["DefaultAssistantReady"]
    assert said["Stalled"] == said["Ready"]
    no_assistants.lift()
    workspace.edit("support", "graphs", description="looked at again")
    workspace.until_ready("support", "graphs")


def test_what_a_namespace_left_behind_when_it_went_costs_one_try_and_no_word(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    """As when an API server that just started does not know our kinds yet, and the namespace controller asks it."""
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one"})
    comes_to(lambda: marks(workspace), {1: "VA"})
    operator.terminate()
    workspace.patch("assistants", "bot", {"metadata": {"finalizers": ["tests.assistant-operator.dev/hold"]}})
    workspace.edit(context={"prompt": "two"})
    where = f"/api/v1/namespaces/{workspace.namespace}"
    admin = workspace.plane.admin
    admin.request("DELETE", where)
    gone = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": workspace.namespace}, "spec": {}}
    eventually(lambda: admin.request("PUT", f"{where}/finalize", gone).status == 404)
    _, position = workspace.plane.audit_since()
    operator.start()

    def tries() -> int:
        told = writes_since(workspace.plane, position, workspace.namespace)
        return sum(each.startswith("create assistantversions") for each in told)

    eventually(lambda: tries() == 1)
    time.sleep(3)
    assert tries() == 1
    # So that it can be deleted at all.
    admin.create("/api/v1/namespaces", {"metadata": {"name": workspace.namespace}})
    workspace.patch("assistants", "bot", {"metadata": {"finalizers": None}})


def test_schemas_too_large_for_the_status_beside_the_spec_are_told_and_still_judged_by(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    schema = {"properties": {"n": {"type": "integer"}}, "$comment": "x" * 800 * 1024}
    workspace.graph(contextSchema=schema)
    status = workspace.until_not_ready("SchemaUnusable", "support", "graphs")
    assert status["schemas"] == {"source": "Spec"}
    assert "too large" in workspace.condition("support", plural="graphs")["message"]
    workspace.assistant(context={"n": "text"})
    workspace.until_not_ready("SchemaRefused")
    workspace.edit("support", "graphs", contextSchema={**schema, "$comment": "x"})
    status = workspace.until_ready("support", "graphs")
    assert status["schemas"]["context"]["properties"] == schema["properties"]
