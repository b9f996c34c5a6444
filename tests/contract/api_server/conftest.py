"""Each test runs twice: on the simulated API server, and on the real one."""

import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from aiohttp import ClientSession, TCPConnector

from .client import Api
from .clusters import Cluster
from .real import Plane, Real, install
from .simulated import Simulated

CRDS = Path(__file__).parents[3] / "crds"


@pytest.fixture(scope="package")
def plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plane]:
    """A real control plane, started when the first test asks for it."""
    made = Plane(tmp_path_factory.mktemp("contract"))
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        made.start()
    install(made, CRDS)
    yield made
    made.stop()


@pytest.fixture
async def session() -> AsyncIterator[ClientSession]:
    connector = TCPConnector(limit=0)
    async with ClientSession(connector=connector) as made:
        yield made
        # Without this TLS waits for the other side's goodbye.
        await connector.close(abort_ssl=True)


@pytest.fixture(params=["simulated", "kube-apiserver"])
async def cluster(request: pytest.FixtureRequest, session: ClientSession) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as stack:
        if request.param == "simulated":
            yield await stack.enter_async_context(Simulated(session))
        else:
            yield Real(session, request.getfixturevalue("plane"))


@pytest.fixture
async def api(cluster: Cluster) -> AsyncIterator[Api]:
    """A client as admin, in a namespace of its own."""
    made = cluster.api(f"test-{secrets.token_hex(4)}")
    await made.done("POST", "/api/v1/namespaces", {"metadata": {"name": made.namespace}})
    yield made
    await made.send("DELETE", f"/api/v1/namespaces/{made.namespace}")
