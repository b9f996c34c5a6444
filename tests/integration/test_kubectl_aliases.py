"""`promote` and `aliases`, as people run them on a real control plane, beside the real operator."""

import pytest
import yaml

from assistant_operator.kubectl.patch import CAUSE
from harness.support import OperatorProcess, Workspace
from harness.support.rights import person_with
from harness.support.walk import comes_to, marks
from integration.test_kubectl_plugin import Kubectl, cells

ALIAS = "assistantalias.assistant-operator.dev/production"


@pytest.fixture
def kubectl(operator: OperatorProcess, workspace: Workspace) -> Kubectl:
    """As admin, where the bot has two valid versions, the second active, and an alias stands for the first."""
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": "one"})
    workspace.until_active(1)
    workspace.edit(context={"prompt": "two"})
    workspace.until_active(2)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA"})
    kubectl = Kubectl(workspace.plane.admin_kubeconfig, workspace.namespace)
    created = kubectl("promote", "bot", "1", "--to", "production", "--create", "--cause", "first")
    assert created.stdout == f"{ALIAS} created for bot-v1\n"
    workspace.until_ready("production", "assistantaliases")
    return kubectl


def test_a_promotion_moves_the_alias_and_is_recorded(kubectl: Kubectl, workspace: Workspace) -> None:
    moved = kubectl("promote", "bot", "--to", "production", "--cause", "legal agreed")
    assert moved.stdout.endswith(
        f"-  prompt: one\n+  prompt: two\n graphRef:\n   name: support\n{ALIAS} moved to bot-v2, the active version\n"
    )
    comes_to(lambda: workspace.status("production", "assistantaliases").get("version"), 2)
    assert cells(kubectl("aliases").stdout)[1][:4] == ["production", "bot", "2", "True"]
    moves = [[*row[:4], *row[5:]] for row in cells(kubectl("aliases", "bot", "--moves").stdout)[1:]]
    assert moves == [
        ["production", "bot", "1", "2", "kubectl-assistants", "legal agreed"],
        ["production", "bot", "<none>", "1", "kubectl-assistants", "first"],
    ]
    assert [row[4] for row in cells(kubectl("history", "bot").stdout)] == ["ALIASES", "<none>", "production"]
    assert "alias production" in kubectl("tree", "support").stdout
    assert kubectl("promote", "bot", "--to", "production").stdout == (
        f"{ALIAS} stays at bot-v2, the active version (no change)\n"
    )
    assert len(workspace.versions()) == 2


def test_a_dry_run_on_the_server_writes_nothing(kubectl: Kubectl, workspace: Workspace) -> None:
    before = workspace.all("assistantaliases")
    words = ("promote", "bot", "--dry-run=server", "--cause", "why", "-o", "yaml")
    shown = yaml.safe_load(kubectl(*words, "--to", "production").stdout)
    assert (shown["spec"]["version"], shown["metadata"]["annotations"]) == (2, {CAUSE: "why"})
    assert yaml.safe_load(kubectl(*words, "--to", "blue", "--create").stdout)["spec"]["version"] == 2
    assert workspace.all("assistantaliases") == before


def test_an_alias_by_digest_stays_one(kubectl: Kubectl, workspace: Workspace) -> None:
    digests = [version["spec"]["digest"] for version in workspace.versions()]
    workspace.edit("production", "assistantaliases", version=None, digest=digests[0])
    kubectl("promote", "bot", "2", "--to", "production")
    found = workspace.get("assistantaliases", "production") or {}
    assert (found["spec"]["digest"], "version" in found["spec"]) == (digests[1], False)
    comes_to(lambda: workspace.status("production", "assistantaliases").get("version"), 2)


def test_who_edits_assistants_may_not_promote(kubectl: Kubectl, workspace: Workspace) -> None:
    before = workspace.get("assistantaliases", "production")
    editor = Kubectl(person_with(workspace, "edit"), workspace.namespace)
    refused = editor("promote", "bot", "--to", "production", code=1)
    assert "Error from server (Forbidden): " in refused.stderr
    assert "Moving one needs the role admin, or a RoleBinding to the ClusterRole" in refused.stderr
    assert workspace.get("assistantaliases", "production") == before
