"""One control plane for all these tests, and one operator for those of a file that do not ask for their own."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.build import version_of
from harness.support import OperatorProcess, Workspace
from harness.support.fixtures import control_plane, installed, operator_kubeconfig
from harness.support.walk import complaints, until_collected

__all__ = ["control_plane", "installed", "operator_kubeconfig"]

# Before 1.36 the policy of deploy/record-user is not served: test_record_user_refused.py says what happens then.
IS_OLDER = int(version_of(os.environ).split(".")[1]) < 36
collect_ignore = ["test_record_user.py", "test_record_user_absent.py"] if IS_OLDER else []


@pytest.fixture(scope="module")
def running(
    installed: ControlPlane, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """Over the whole cluster, where garbage collection knows our kinds."""
    log = tmp_path_factory.mktemp("operator") / "operator.log"
    with OperatorProcess(operator_kubeconfig, log, "--log-level=debug") as process:
        until_collected(installed)
        yield process


@pytest.fixture
def operator(running: OperatorProcess, workspace: Workspace) -> Iterator[OperatorProcess]:
    """The operator of this file: it says nothing bad during a test, and runs again for the next."""
    before = running.log.stat().st_size
    yield running
    if not running.is_running:
        running.start()
    assert complaints(running, before) == []
