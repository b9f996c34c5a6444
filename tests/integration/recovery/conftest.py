"""A control plane that these tests may break: its definitions are deleted, and etcd goes back to a snapshot."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.support import OperatorProcess, Workspace
from harness.support.fixtures import control_plane, installed, operator_kubeconfig

__all__ = ["control_plane", "installed", "operator_kubeconfig"]

Start = Callable[..., OperatorProcess]


@pytest.fixture
def place(installed: ControlPlane, namespace: str) -> Workspace:
    return Workspace(installed, namespace)


@pytest.fixture
def start(installed: ControlPlane, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[Start]:
    """Start an operator; in the end it is the same process still, and told of no bug."""
    with ExitStack() as stack:
        started: list[tuple[OperatorProcess, int]] = []

        def one(*flags: str, wait: bool = True) -> OperatorProcess:
            process = OperatorProcess(operator_kubeconfig, tmp_path / "operator.log", *flags)
            stack.callback(process.kill)
            process.start(wait=wait)
            started.append((process, process.pid))
            return process

        yield one
        for process, pid in started:
            assert process.is_running, process.log.read_text()[-4000:]
            assert process.pid == pid
            assert "Traceback" not in process.log.read_text()
