"""A namespace for each test, and one operator for each file of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.support import OperatorProcess
from harness.support.fixtures import control_plane, installed, operator_kubeconfig
from harness.support.walk import complaints

__all__ = ["control_plane", "installed", "operator_kubeconfig"]


@pytest.fixture(scope="module")
def operator(operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Looks at the whole cluster, and says nothing bad in its log, whatever the tests of the file do."""
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("operator") / "operator.log") as process:
        yield process
    assert complaints(process) == []
