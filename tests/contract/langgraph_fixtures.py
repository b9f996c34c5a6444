"""Fixtures of the contract of the LangGraph Server: each test that takes one runs against both servers."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from contract.langgraph_subjects import DEPLOYED, RealSubject, ServerWithoutMeta, SimulatedSubject, Subject
from harness.controlplane.component import ComponentFailed
from harness.langgraph_server import LangGraphServer
from harness.langgraph_server.environment import server_python

__all__ = ["assistant_id", "langgraph", "locked_langgraph", "metaless_langgraph", "own_langgraph"]

BOTH = ["simulated", "LangGraph Server"]
KEY = "secret"
_ATTEMPTS = 3


@pytest.fixture(params=BOTH, scope="session")
def langgraph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Shared by all tests: each uses ids of its own."""
    if request.param == "simulated":
        yield SimulatedSubject()
        return
    # The first installation takes a minute, and its progress is for the person who waits.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        server_python()
    with started(lambda: LangGraphServer(tmp_path_factory.mktemp("langgraph"), graphs=DEPLOYED)) as server:
        yield RealSubject(server)


@pytest.fixture(params=BOTH)
def own_langgraph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """Just installed, to restart and to kill."""
    if request.param == "simulated":
        yield SimulatedSubject()
        return
    with started(lambda: LangGraphServer(tmp_path_factory.mktemp("langgraph"), graphs=DEPLOYED)) as server:
        yield RealSubject(server)


@pytest.fixture(params=BOTH, scope="module")
def locked_langgraph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """One that wants a key."""
    if request.param == "simulated":
        yield SimulatedSubject(key=KEY)
        return
    with started(lambda: LangGraphServer(tmp_path_factory.mktemp("langgraph"), graphs=DEPLOYED, key=KEY)) as server:
        yield RealSubject(server)


@pytest.fixture(params=BOTH, scope="module")
def metaless_langgraph(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Subject]:
    """One whose langgraph.json has `disable_meta`."""
    if request.param == "simulated":
        yield SimulatedSubject(has_meta=False)
        return
    with started(lambda: ServerWithoutMeta(tmp_path_factory.mktemp("langgraph"))) as server:
        yield RealSubject(server)


@pytest.fixture
def assistant_id() -> str:
    """Of no assistant yet."""
    return str(uuid.uuid4())


@contextmanager
def started(made: Callable[[], LangGraphServer]) -> Iterator[LangGraphServer]:
    """A server that runs. While it starts, another process may take the port that was free."""
    for _ in range(_ATTEMPTS - 1):
        server = made()
        try:
            server.start()
        except ComponentFailed:
            server.kill()
            continue
        break
    else:
        server = made()
        server.start()
    try:
        yield server
    finally:
        server.kill()
