"""The control plane that one folder of tests shares, and what is installed on it; no control plane is an error.

A folder's conftest.py imports these: pytest ends a fixture of scope "package" with the folder that it was found in. So
no test meets what those of another folder left behind.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually

__all__ = ["control_plane", "installed", "operator_kubeconfig"]

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="package")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path_factory.mktemp("plane"))
    # The first build takes minutes, and its progress is for the person who waits.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        plane.start()
    yield plane
    plane.stop()


@pytest.fixture(scope="package")
def installed(control_plane: ControlPlane) -> ControlPlane:
    """The control plane with what `deploy/` and `crds/` put on it."""
    control_plane.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
    control_plane.kubectl("apply", "--server-side", "-k", str(ROOT / "deploy"))
    names = [
        f"crd/{kind}.assistant-operator.dev"
        for kind in ("graphs", "assistants", "assistantversions", "assistantaliases")
    ]
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    eventually(lambda: control_plane.kubectl("get", "langgraph", check=False).returncode == 0)
    return control_plane


@pytest.fixture(scope="package")
def operator_kubeconfig(installed: ControlPlane) -> Path:
    """The rights that deploy/ gives the operator, and no others: a missing verb fails a test."""
    return installed.kubeconfig_for("assistant-operator", "assistant-operator")
