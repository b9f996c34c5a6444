"""What only the simulator can do: faults, a held watch cache, the same again from the same seed."""

import asyncio
import hashlib
import json
import os
import random
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from aiohttp import ClientError, ClientSession

from harness.controlplane.faults import Answer, CutStream, Delay, DropAfter, DropBefore, Fault, Request
from harness.simulated_api import ApiError, SimulatedCluster

from .client import OURS, Api
from .objects import assistant, version
from .simulated import Simulated
from .walks import Walker, steps

HARMS = (ClientError, ConnectionError)
LONG_AGO = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def simulated(session: ClientSession) -> AsyncIterator[Simulated]:
    async with Simulated(session) as made:
        yield made


@pytest.fixture
def here(simulated: Simulated) -> Api:
    simulated.cluster.create_namespace("here")
    return simulated.api("here")


class Once:
    """A fault at the first request of that method."""

    def __init__(self, method: str, fault: Fault) -> None:
        self.method, self.fault, self.happened = method, fault, False

    def __call__(self, request: Request) -> Fault | None:
        if self.happened or request.method != self.method:
            return None
        self.happened = True
        return self.fault


def harm(simulated: Simulated, method: str, fault: Fault) -> None:
    simulated.cluster.server.front.intercept = Once(method, fault)


async def test_a_request_that_is_dropped_before_is_not_done(simulated: Simulated, here: Api) -> None:
    harm(simulated, "POST", DropBefore())
    with pytest.raises(HARMS):
        await here.create("assistants", assistant())
    assert (await here.get("assistants", "bot")).status == 404


async def test_a_request_that_is_dropped_after_is_done(simulated: Simulated, here: Api) -> None:
    harm(simulated, "POST", DropAfter())
    with pytest.raises(HARMS):
        await here.create("assistants", assistant())
    assert (await here.get("assistants", "bot")).status == 200


async def test_an_answer_can_be_given_in_place_of_the_server(simulated: Simulated, here: Api) -> None:
    harm(simulated, "POST", Answer(429, "TooManyRequests", "slow down", {"Retry-After": "7"}))
    refused = await here.create("assistants", assistant())
    assert refused.refusal == (429, "TooManyRequests")
    assert refused.headers["Retry-After"] == "7"
    harm(simulated, "GET", Answer(410, "Expired", "too old resource version"))
    gone = await here.send("GET", here.path("assistants"), watch="true", resourceVersion="1")
    assert gone.refusal == (410, "Expired")


async def test_an_answer_can_be_late(simulated: Simulated, here: Api) -> None:
    harm(simulated, "POST", Delay(0.3))
    started = asyncio.get_running_loop().time()
    assert (await here.create("assistants", assistant())).status == 201
    assert asyncio.get_running_loop().time() - started >= 0.3


async def test_an_answer_and_a_watch_can_be_cut(simulated: Simulated, here: Api) -> None:
    await here.create("assistants", assistant())
    harm(simulated, "GET", CutStream(10))
    with pytest.raises(HARMS):
        await here.get("assistants", "bot")
    async with here.watch("assistants") as watch:
        assert await watch.told(1) == [("ADDED", "bot")]
        assert simulated.cluster.server.front.cut_watches() == 1
        with pytest.raises(HARMS):
            await watch.event()


async def test_each_request_is_noted(simulated: Simulated, here: Api) -> None:
    await here.list("assistants", limit=5)
    (noted,) = simulated.cluster.server.front.requests
    assert (noted.method, noted.path, noted.query, noted.number) == (
        "GET",
        f"{OURS}/namespaces/here/assistants",
        "limit=5",
        1,
    )


async def test_a_held_server_shows_the_past_in_watches_and_cached_reads(simulated: Simulated, here: Api) -> None:
    other = here.at(await simulated.second_url())
    endpoint = simulated.cluster.servers[1].endpoint
    await here.create("assistants", assistant("a"))
    async with other.watch("assistants", resourceVersion=(await other.list("assistants")).position) as watch:
        endpoint.hold()
        await here.create("assistants", assistant("b"))
        assert (await other.list("assistants", resourceVersion="0")).names == ["a"]
        assert (await other.list("assistants")).names == ["a", "b"]
        assert (await here.list("assistants", resourceVersion="0")).names == ["a", "b"]
        endpoint.release()
        assert await watch.told(1) == [("ADDED", "b")]


async def test_one_resource_can_be_held_while_the_others_go_on(simulated: Simulated, here: Api) -> None:
    endpoint = simulated.cluster.server.endpoint
    start = (await here.list("assistants")).position
    endpoint.hold("assistants")
    await here.create("assistants", assistant())
    await here.create("assistantversions", version())
    async with (
        here.watch("assistantversions", resourceVersion=start) as others,
        here.watch("assistants", resourceVersion=start) as held,
    ):
        assert await others.told(1) == [("ADDED", "bot-v1")]
        assert (await here.list("assistants", resourceVersion="0")).names == []
        endpoint.release("assistants")
        assert await held.told(1) == [("ADDED", "bot")]


async def test_a_held_server_can_answer_every_read_from_the_past(simulated: Simulated, here: Api) -> None:
    await here.create("assistants", assistant("a"))
    simulated.cluster.server.endpoint.hold(reads=True)
    await here.create("assistants", assistant("b"))
    assert (await here.list("assistants")).names == ["a"]
    assert (await here.get("assistants", "b")).status == 404
    assert (await here.create("assistants", assistant("b"))).refusal == (409, "AlreadyExists")


async def test_every_watch_can_be_ended_with_an_error(simulated: Simulated, here: Api) -> None:
    async with here.watch("assistants", resourceVersion=(await here.list("assistants")).position) as watch:
        await here.create("assistants", assistant())
        assert await watch.told(1) == [("ADDED", "bot")]
        simulated.cluster.server.endpoint.interrupt(ApiError(500, "InternalError", "etcdserver: leader changed"))
        told = await watch.event()
        assert told
        assert (told["type"], told["object"]["message"]) == ("ERROR", "etcdserver: leader changed")
        assert await watch.event() is None
    async with here.watch("assistants", resourceVersion="0") as watch:
        assert await watch.told(1) == [("ADDED", "bot")]


async def test_a_held_server_does_not_go_back_behind_a_compaction(simulated: Simulated, here: Api) -> None:
    endpoint = simulated.cluster.server.endpoint
    endpoint.hold(reads=True)
    await here.create("assistants", assistant())
    simulated.cluster.compact()
    assert (await here.list("assistants", resourceVersion="0")).names == ["bot"]


async def test_a_forgotten_window_makes_a_watch_too_old(simulated: Simulated, here: Api) -> None:
    start = (await here.list("assistants")).position
    await here.create("assistants", assistant())
    simulated.cluster.server.endpoint.forget()
    async with here.watch("assistants", resourceVersion=start) as watch:
        told = await watch.event()
        assert told
        assert told["object"]["code"] == 410


@pytest.mark.parametrize(
    ("method", "path", "query"),
    [
        ("DELETE", f"{OURS}/namespaces/here/assistants", {}),
        ("GET", f"{OURS}/namespaces/here/assistants", {"sendInitialEvents": "true", "watch": "true"}),
        ("POST", f"{OURS}/namespaces/here/assistants", {"dryRun": "All"}),
        ("PATCH", "/api/v1/namespaces/here", {}),
    ],
    ids=["deletecollection", "a parameter of a watch", "a parameter of a write", "a verb of a built-in kind"],
)
async def test_what_is_not_simulated_fails_loudly(
    simulated: Simulated, here: Api, method: str, path: str, query: dict[str, str]
) -> None:
    refused = await here.send(method, path, {}, **query)
    assert refused.refusal == (501, "NotSimulated")
    assert refused.message.startswith("not simulated: ")
    assert simulated.failures == [refused.message]
    simulated.cluster.server.front.handlers.failures.clear()


async def test_the_same_seed_gives_the_same_objects() -> None:
    def run(seed: int) -> list[bytes]:
        cluster = SimulatedCluster(lambda: LONG_AGO, random.Random(seed))
        cluster.create_namespace("one")
        return [record.encoded for record in cluster.store.current.values()]

    assert run(1) == run(1)
    assert run(1) != run(2)


async def told_of_a_walk() -> str:
    """Everything that a walk was answered, as one digest."""
    digest = hashlib.sha256()
    async with ClientSession() as session, Simulated(session, lambda: LONG_AGO) as simulated:
        walker = Walker(simulated.api("here"))
        start = await walker.begin()
        for _, step in steps(1, 40):
            digest.update(json.dumps(walker.noted(await step(walker)).body).encode())
        digest.update(json.dumps(await walker.events(start)).encode())
    return digest.hexdigest()


def test_the_order_of_pythons_sets_decides_nothing() -> None:
    script = "import asyncio; from contract.api_server.test_simulated_faults import told_of_a_walk as told; "
    digests = {
        subprocess.run(
            [sys.executable, "-c", script + "print(asyncio.run(told()))"],
            env=os.environ | {"PYTHONHASHSEED": seed, "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            check=True,
        ).stdout
        for seed in ("1", "2", "3")
    }
    assert len(digests) == 1


async def test_a_row_says_how_old_its_object_is(session: ClientSession) -> None:
    async with Simulated(session) as simulated:
        simulated.cluster.create_namespace("here")
        here = simulated.api("here")
        await here.create("assistantversions", version())
        made = simulated.cluster.objects.now
        simulated.cluster.objects.now = lambda: datetime(2126, 3, 1, tzinfo=UTC)
        listed = await here.list("assistantversions", accept="application/json;as=Table;g=meta.k8s.io;v=v1")
        assert listed.body["rows"][0]["cells"][7].endswith("y")
        simulated.cluster.objects.now = made
