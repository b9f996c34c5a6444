"""`python -m upgrade.record FOLDER`: makes every interesting state on a real control plane and writes it down."""

import sys
import tempfile
from pathlib import Path
from shutil import copy
from typing import Any

import yaml

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace

from .states import make_everything

ROOT = Path(__file__).parent.parent.parent
PLURALS = ("graphs", "assistants", "assistantversions")
NAMESPACE = "recorded"
Json = dict[str, Any]


def install(plane: ControlPlane) -> Path:
    """What crds/ and deploy/ put there; the kubeconfig of the operator."""
    for folder in ("crds", "deploy"):
        plane.kubectl("apply", "--server-side", "-k", str(ROOT / folder))
    names = [f"crd/{plural}.assistant-operator.dev" for plural in PLURALS]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    eventually(lambda: plane.kubectl("get", "langgraph", check=False).returncode == 0)
    return plane.kubeconfig_for("assistant-operator", "assistant-operator")


def recorded(workspace: Workspace, plural: str) -> list[Json]:
    """All of them as the API server has them."""
    kind = {"graphs": "Graph", "assistants": "Assistant", "assistantversions": "AssistantVersion"}[plural]
    found = workspace.all(plural)
    return [{"apiVersion": "assistant-operator.dev/v1alpha1", "kind": kind, **each} for each in found]


def write(workspace: Workspace, folder: Path) -> None:
    (folder / "crds").mkdir(parents=True, exist_ok=True)
    for plural in PLURALS:
        text = yaml.safe_dump_all(recorded(workspace, plural), sort_keys=True, allow_unicode=True, width=120)
        (folder / f"{plural}.yaml").write_text(text)
        copy(ROOT / "crds" / f"{plural}.yaml", folder / "crds")


def main(folder: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary, ControlPlane(Path(temporary)) as plane:
        kubeconfig = install(plane)
        plane.admin.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        workspace = Workspace(plane, NAMESPACE)
        with OperatorProcess(kubeconfig, Path(temporary) / "operator.log") as operator:
            make_everything(workspace, operator)
            operator.terminate()
            write(workspace, folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
