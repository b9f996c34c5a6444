"""A simulated cluster on a loopback socket, and a kubeconfig that names it."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from aiohttp.test_utils import RawTestServer

from harness.simulated_api import SimulatedCluster

TOKEN = "person"


@asynccontextmanager
async def serving(cluster: SimulatedCluster, kubeconfig: Path) -> AsyncIterator[None]:
    """Serve the cluster, and write that file. Everything that was asked must be simulated."""
    async with RawTestServer(cluster.server.front.handle) as server:
        write_kubeconfig(kubeconfig, str(server.make_url("/")))
        yield
    assert cluster.server.front.handlers.failures == []


def write_kubeconfig(path: Path, server: str) -> None:
    """With one context, `here`, in the namespace team."""
    told = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server.rstrip("/")}}],
        "users": [{"name": "me", "user": {"token": TOKEN}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me", "namespace": "team"}}],
    }
    path.write_text(json.dumps(told))
