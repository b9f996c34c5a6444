"""A LangGraph Server for a session, and one for a test that breaks it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from langgraph_server import LangGraphServer


@pytest.fixture(scope="session")
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
