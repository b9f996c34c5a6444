"""Fixtures for every test that needs a control plane with our kinds on it."""

import os
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from controlplane import ControlPlane
from controlplane.waiting import eventually
from support import OperatorProcess, Workspace

ROOT = Path(__file__).parent.parent
pytest_plugins = ["controlplane.fixtures"]

# How long an example takes says how busy the machine is. In CI the same commit is to have the same result.
hypothesis.settings.register_profile("ours", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ours")


@pytest.fixture(scope="session")
def installed(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with what `deploy/` and `crds/` put on it."""
    control_plane.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
    control_plane.kubectl("apply", "--server-side", "-k", str(ROOT / "deploy"))
    names = [f"crd/{kind}.assistant-operator.dev" for kind in ("graphs", "assistants", "assistantversions")]
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    eventually(lambda: control_plane.kubectl("get", "langgraph", check=False).returncode == 0)
    return control_plane


@pytest.fixture(scope="session")
def operator_kubeconfig(installed: ControlPlane) -> Path:
    """The rights that deploy/ gives the operator, and no others: a missing verb fails a test."""
    return installed.kubeconfig_for("assistant-operator", "assistant-operator")


@pytest.fixture
def workspace(installed: ControlPlane, namespace: str) -> Workspace:
    return Workspace(installed, namespace)


@pytest.fixture
def operator(operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that looks at the whole cluster, and that said nothing bad in its log."""
    process = OperatorProcess(operator_kubeconfig, tmp_path / "operator.log")
    with process:
        yield process
    bad = [line for line in process.log.read_text().splitlines() if " ERROR " in line or "Traceback" in line]
    assert not bad, "\n".join(bad)
