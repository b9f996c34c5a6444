"""The operator in two namespaces, with Roles there and no ClusterRole: at home in both, blind to all others."""

import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace, assert_history
from harness.support.workspace import API_VERSION

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
DEPLOYED = Path(__file__).parents[2] / "deploy/rbac.yaml"
ACCOUNT = "namespaced"


@pytest.fixture
def places(installed: ControlPlane) -> Iterator[tuple[Workspace, Workspace, Workspace]]:
    """Two namespaces to look at and one to be blind to."""
    with ExitStack() as kept:
        one, two, other = (kept.enter_context(a_workspace(installed)) for _ in range(3))
        yield one, two, other


@pytest.fixture
def kubeconfig(places: tuple[Workspace, Workspace, Workspace]) -> Path:
    """An account in the first namespace, with the rules of deploy/ as Roles: the work in both, the Lease in one."""
    one, two, _ = places
    accounts = f"/api/v1/namespaces/{one.namespace}/serviceaccounts"
    one.client.demand("POST", accounts, {"metadata": {"name": ACCOUNT}})
    rules = {each["kind"]: each.get("rules") for each in yaml.safe_load_all(DEPLOYED.read_text())}
    grant(one, "work", rules["ClusterRole"], one.namespace)
    grant(two, "work", rules["ClusterRole"], one.namespace)
    grant(one, "lease", rules["Role"], one.namespace)
    return one.plane.kubeconfig_for(one.namespace, ACCOUNT)


def grant(workspace: Workspace, name: str, rules: Any, home: str) -> None:
    meta = {"metadata": {"name": name}}
    workspace.client.demand("POST", f"{RBAC}/{workspace.namespace}/roles", {**meta, "rules": rules})
    binding = {
        **meta,
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name},
        "subjects": [{"kind": "ServiceAccount", "name": ACCOUNT, "namespace": home}],
    }
    workspace.client.demand("POST", f"{RBAC}/{workspace.namespace}/rolebindings", binding)


def flags(one: str, two: str) -> tuple[list[str], Mapping[str, str]]:
    return [f"--namespace={one}", f"--namespace={two}", f"--lease-namespace={one}"], {}


def variables(one: str, two: str) -> tuple[list[str], Mapping[str, str]]:
    told = {"NAMESPACE": f"{one},{two}", "LEASE_NAMESPACE": one}
    return [], {f"ASSISTANT_OPERATOR_{name}": value for name, value in told.items()}


@pytest.mark.parametrize("told", [flags, variables], ids=["by flags", "by the environment"])
def test_roles_in_two_namespaces_suffice(
    places: tuple[Workspace, Workspace, Workspace], kubeconfig: Path, tmp_path: Path, told: Any
) -> None:
    one, two, other = places
    _, since = one.plane.audit_since()
    other.graph("own")
    other.assistant(context={"prompt": 0})
    arguments, environment = told(one.namespace, two.namespace)
    log = tmp_path / "operator.log"
    with OperatorProcess(kubeconfig, log, "--leader-elect", *arguments, environment=environment) as process:
        for workspace in (one, two):
            assert_everything_works(workspace)
        assert process.terminate() == 0
    # Before and among all that, there was time enough to see it.
    assert other.versions() == []
    assert other.get("assistants", "own") is None
    assert other.status() == other.status("own", "graphs") == {"observedGeneration": -1}
    assert_looked_only_at(one.plane, since, {one.namespace, two.namespace}, home=one.namespace)
    assert " ERROR " not in log.read_text()


def assert_everything_works(workspace: Workspace) -> None:
    """What needs each verb that the operator has."""
    workspace.graph("own", defaults={"context": {"prompt": "hello"}})
    workspace.until_ready("own", plural="graphs")
    assert_history(workspace.until_versions(1, "own"), ["hello"], "own")
    workspace.assistant(context={"prompt": 0})
    for number in range(1, 4):
        workspace.edit(context={"prompt": number})
    assert_history(workspace.until_versions(4), range(4))
    assert workspace.until_ready()["activeVersion"] == 4
    # As a backup leaves it: without an owner, with the uid of another.
    before = workspace.versions()[3]["spec"] | {"assistantRef": {"name": "back", "uid": "before"}}
    restored = {"apiVersion": API_VERSION, "kind": "AssistantVersion", "metadata": {"name": "back-v4"}, "spec": before}
    workspace.client.demand("POST", workspace.path("assistantversions"), restored)
    made = workspace.assistant("back", context={"prompt": 3}, versioning={"historyLimit": 1})
    eventually(lambda: owners(workspace, "back") == {4: made["metadata"]["uid"]})
    workspace.edit("back", context={"prompt": 4})
    eventually(lambda: owners(workspace, "back") == {5: made["metadata"]["uid"]})
    events = f"/apis/events.k8s.io/v1/namespaces/{workspace.namespace}/events"
    told = eventually(lambda: workspace.client.demand("GET", events)["items"])
    assert "DefaultAssistantApplied" in {each["reason"] for each in told}


def owners(workspace: Workspace, name: str) -> dict[int, str]:
    """Numbers and owners of the versions that are kept."""
    kept = [(each["spec"]["number"], each["metadata"].get("ownerReferences", [])) for each in workspace.versions(name)]
    return {number: references[0]["uid"] for number, references in kept if references}


def assert_looked_only_at(plane: ControlPlane, since: int, namespaces: set[str], *, home: str) -> None:
    entries, _ = plane.audit_since(since)
    user = f"system:serviceaccount:{home}:{ACCOUNT}"
    asked = [each for each in entries if each["user"].get("username") == user]
    # What has no object is discovery, which everybody may.
    assert {each["objectRef"].get("namespace") for each in asked if "objectRef" in each} == namespaces
    assert [each["requestURI"] for each in asked if each["responseStatus"]["code"] in {401, 403}] == []


def delete_role(workspace: Workspace) -> None:
    workspace.client.demand("DELETE", f"{RBAC}/{workspace.namespace}/rolebindings/work")
    workspace.client.demand("DELETE", f"{RBAC}/{workspace.namespace}/roles/work")


def rules() -> Any:
    return {each["kind"]: each.get("rules") for each in yaml.safe_load_all(DEPLOYED.read_text())}["ClusterRole"]


def has_edit(workspace: Workspace, prompts: range) -> None:
    """Each of these edits is a version."""
    for prompt in prompts:
        workspace.edit(context={"prompt": prompt})
    assert_history(workspace.until_versions(prompts.stop), range(prompts.stop))


def unready(process: OperatorProcess) -> str:
    """What /readyz says when it is not 200."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{process.port}/readyz", timeout=5):
            return ""
    except urllib.error.HTTPError as refused:
        with refused:
            return refused.read().decode()
    except urllib.error.URLError:
        return ""


def test_a_role_that_is_missing_or_taken_away_stops_nothing_elsewhere(
    places: tuple[Workspace, Workspace, Workspace], kubeconfig: Path, tmp_path: Path
) -> None:
    one, two, _ = places
    for workspace in (one, two):
        workspace.assistant(context={"prompt": 0})
    delete_role(two)
    arguments, _ = flags(one.namespace, two.namespace)
    log = tmp_path / "operator.log"
    process = OperatorProcess(kubeconfig, log, "--no-leader-elect", *arguments)
    process.start(wait=False)
    try:
        pid = process.pid
        named = f"not ready: assistants in namespace '{two.namespace}': Kubernetes refused GET"
        eventually(lambda: named in unready(process))
        has_edit(one, range(1, 3))
        assert one.until_ready()["activeVersion"] == 3
        grant(two, "work", rules(), one.namespace)
        has_edit(two, range(1, 3))
        eventually(lambda: process.get("/readyz") == "ok\n")
        delete_role(two)
        two.edit(context={"prompt": 3})
        eventually(
            lambda: (
                f"refused version of Assistant namespace={two.namespace} name=bot: Kubernetes refused"
                in log.read_text()
            )
        )
        has_edit(one, range(3, 5))
        grant(two, "work", rules(), one.namespace)
        two.edit(context={"prompt": 4})
        assert_history(two.until_versions(5), range(5))
        eventually(lambda: process.get("/readyz") == "ok\n")
        assert (process.is_running, process.pid) == (True, pid)
        assert "Traceback" not in log.read_text()
    finally:
        process.kill()


def test_a_namespace_that_is_deleted_stops_nothing_elsewhere_and_may_come_back(
    places: tuple[Workspace, Workspace, Workspace], kubeconfig: Path, tmp_path: Path
) -> None:
    one, two, _ = places
    for workspace in (one, two):
        workspace.assistant(context={"prompt": 0})
    arguments, _ = flags(one.namespace, two.namespace)
    log = tmp_path / "operator.log"
    namespace = f"/api/v1/namespaces/{two.namespace}"
    with OperatorProcess(kubeconfig, log, "--no-leader-elect", *arguments) as process:
        pid = process.pid
        has_edit(two, range(1, 3))
        two.client.demand("DELETE", namespace)
        has_edit(one, range(1, 3))
        eventually(lambda: two.client.ask("GET", namespace)[0] == 404)
        has_edit(one, range(3, 5))
        two.client.demand("POST", "/api/v1/namespaces", {"metadata": {"name": two.namespace}})
        grant(two, "work", rules(), one.namespace)
        two.graph(defaultAssistant={"policy": "None"})
        two.assistant(context={"prompt": 0})
        has_edit(two, range(1, 3))
        assert two.until_ready()["activeVersion"] == 3
        assert (process.is_running, process.pid) == (True, pid)
        assert "Traceback" not in log.read_text()
