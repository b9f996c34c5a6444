"""The health server, over HTTP."""

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from assistant_operator.runtime.health import HealthServer
from assistant_operator.runtime.metrics import Metrics


class Running:
    """A running server and the values that it serves."""

    def __init__(self, port: int) -> None:
        self._base = f"http://127.0.0.1:{port}"
        self.is_ready = False
        self.failure: str | None = None
        self.metrics = Metrics()

    async def get(self, path: str, method: str = "GET", **headers: str) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._base + path, headers=headers) as answer,
        ):
            return answer.status, await answer.text()


@asynccontextmanager
async def running() -> AsyncIterator[Running]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = Running(port)
    web = HealthServer(
        ("127.0.0.1", port),
        is_ready=lambda: server.is_ready,
        metrics=server.metrics.registry,
        failure=lambda: server.failure,
    )
    await web.start()
    try:
        yield server
    finally:
        await web.stop()


async def test_it_is_healthy_at_once_and_ready_once_the_caches_are_filled() -> None:
    async with running() as server:
        assert await server.get("/healthz") == (200, "ok\n")
        assert await server.get("/readyz") == (503, "the caches are not filled yet\n")
        server.is_ready = True
        assert await server.get("/readyz") == (200, "ok\n")
        assert (await server.get("/healthz", "HEAD"))[0] == 200


async def test_healthz_answers_503_with_the_reason_for_a_restart() -> None:
    async with running() as server:
        server.is_ready, server.failure = True, "the queue 'assistant' has not turned for 301 s"
        assert await server.get("/healthz") == (503, "the queue 'assistant' has not turned for 301 s\n")
        assert await server.get("/readyz") == (200, "ok\n")


async def test_metrics_are_shown_in_the_text_format() -> None:
    async with running() as server:
        server.metrics.made("Edited")
        server.metrics.reconciled("assistant", "success", 0.02)
        status, text = await server.get("/metrics")
        samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
        counted = [sample for sample in samples if sample.value]
        made = [sample for sample in counted if sample.name == "assistant_operator_versions_made_total"]
        assert status == 200
        assert [(sample.labels, sample.value) for sample in made] == [({"kind": "Edited"}, 1.0)]


async def test_metrics_are_shown_as_open_metrics_to_a_client_that_accepts_them() -> None:
    async with running() as server:
        server.metrics.missed(3)
        server.metrics.object_metrics(lambda: [("ready", "1 if ready.", [({"name": "bot"}, 1.0)])])
        status, text = await server.get("/metrics", Accept="application/openmetrics-text;version=1.0.0")
        parsed = openmetrics.text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
        families = {family.name: family for family in parsed}
        assert status == 200
        assert [sample.value for sample in families["assistant_operator_generations_missed"].samples] == [3.0]
        assert [sample.labels for sample in families["assistant_operator_ready"].samples] == [{"name": "bot"}]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/", 404), ("GET", "/debug", 404), ("POST", "/readyz", 405)]
)
async def test_other_paths_and_methods_are_refused(method: str, path: str, status: int) -> None:
    async with running() as server:
        assert (await server.get(path, method))[0] == status


async def test_an_address_that_is_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        web = HealthServer(("127.0.0.1", port), is_ready=lambda: True, metrics=CollectorRegistry())
        with pytest.raises(OSError, match=rf"^cannot listen on 127\.0\.0\.1:{port}: "):
            await web.start()
        await web.stop()


async def test_a_server_that_was_not_started_stops() -> None:
    await HealthServer(("127.0.0.1", 0), is_ready=lambda: True, metrics=CollectorRegistry()).stop()
