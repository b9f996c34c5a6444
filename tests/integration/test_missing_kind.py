"""An operator that is upgraded before its CustomResourceDefinitions works without aliases, and says what is missing."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import HEALING, eventually
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to

ROOT = Path(__file__).parents[2]


@pytest.fixture
def without_aliases(installed: ControlPlane) -> Iterator[ControlPlane]:
    installed.kubectl("delete", "crd", "assistantaliases.assistant-operator.dev")
    yield installed
    installed.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))


def test_it_works_without_aliases_and_with_them_once_they_are_served(
    without_aliases: ControlPlane, operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path
) -> None:
    workspace.graph()
    workspace.assistant(context={"prompt": "1"})
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log") as operator:
        workspace.until_ready(within=HEALING)
        workspace.edit(context={"prompt": "2"}, versioning={"historyLimit": 1})
        workspace.until_active(2)
        comes_to(lambda: [each["spec"]["number"] for each in workspace.versions()], [2])
        readyz = (operator.get("/readyz") or "").splitlines()
        assert readyz[0] == "ok"
        assert readyz[1].startswith("assistantaliases in all namespaces: Kubernetes refused GET")
        assert readyz[1].endswith("(are the CustomResourceDefinitions of crds/ applied?)")
        without_aliases.kubectl("apply", "--server-side", "--force-conflicts", "-k", str(ROOT / "crds"))
        eventually(lambda: workspace.client.ask("GET", workspace.path("assistantaliases"))[0] == 200)
        workspace.alias("production", version=2)
        workspace.until_ready("production", "assistantaliases", within=HEALING)
        eventually(lambda: operator.get("/readyz") == "ok\n", HEALING)
