"""What the tests of the packages share."""

from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.support.fixtures import control_plane, installed, operator_kubeconfig
from harness.tools import schemas as written

__all__ = ["control_plane", "installed", "operator_kubeconfig"]
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="package")
def schemas(control_plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of every kind that a real API server knows, and of ours."""
    return written.write(control_plane, ROOT / "crds", tmp_path_factory.mktemp("schemas"))
