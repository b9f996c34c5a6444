"""Fixtures for every test that needs a control plane; the plane itself is its folder's: support/fixtures.py."""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from harness.controlplane import ControlPlane
from harness.support import OperatorProcess, Workspace
from harness.support.walk import complaints

# How long an example takes says how busy the machine is. In CI the same commit is to have the same result.
hypothesis.settings.register_profile("ours", deadline=None, derandomize="CI" in os.environ)
hypothesis.settings.load_profile("ours")


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    control_plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    control_plane.admin.request("DELETE", f"/api/v1/namespaces/{name}")


@pytest.fixture
def workspace(installed: ControlPlane, namespace: str) -> Workspace:
    return Workspace(installed, namespace)


@pytest.fixture
def operator(operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path) -> Iterator[OperatorProcess]:
    """An operator that looks at the whole cluster, and that said nothing bad in its log."""
    process = OperatorProcess(operator_kubeconfig, tmp_path / "operator.log")
    with process:
        yield process
    assert complaints(process) == []
