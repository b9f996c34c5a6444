"""Control planes to measure on: fresh, with the definitions and roles of this repository."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually

ROOT = Path(__file__).parent.parent.parent
OPERATOR = "assistant-operator"
PLUGIN = Path(sys.executable).with_name("kubectl-assistants")


@contextlib.contextmanager
def fresh() -> Iterator[tuple[ControlPlane, Path]]:
    """Yield a control plane and a directory for logs. Both are removed afterwards."""
    with tempfile.TemporaryDirectory() as directory, ControlPlane(Path(directory)) as plane:
        plane.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
        plane.kubectl("apply", "--server-side", "-k", str(ROOT / "deploy"))
        eventually(lambda: plane.kubectl("get", "langgraph", check=False).returncode == 0)
        yield plane, Path(directory)


def kubeconfig(plane: ControlPlane) -> Path:
    """Of the operator's ServiceAccount."""
    return plane.kubeconfig_for(OPERATOR, OPERATOR)
