"""A LangGraph Server for all, one for a test that breaks it, and one operator for each file of tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess
from harness.support.fixtures import control_plane, installed, operator_kubeconfig
from harness.support.walk import complaints

__all__ = ["control_plane", "installed", "operator_kubeconfig"]


@pytest.fixture(scope="package")
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LangGraphServer]:
    """Shared: for tests that leave it as they found it."""
    # The first installation takes a minute, and its progress is for the person who waits.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        shared = LangGraphServer(tmp_path_factory.mktemp("server"))
    with shared:
        yield shared


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[LangGraphServer]:
    """To stop, kill and wipe."""
    with LangGraphServer(tmp_path / "server") as own:
        yield own


@pytest.fixture(scope="module")
def operator(operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    """Looks at the whole cluster, and says nothing bad in its log, whatever the tests of the file do."""
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("operator") / "operator.log") as process:
        yield process
    assert complaints(process) == []
