"""The simulation's own promises: time jumps, clocks and chance are the seed's, and the real world is out of reach."""

import asyncio
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import types
import uuid
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import kopf
import pytest

from assistant_operator.api.meta import GROUP, VERSION
from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.transport import ApiServer, Call, ClusterUnavailable
from assistant_operator.runtime import leader_election
from harness.virtual_guard import RealWorldUsed
from harness.virtual_http import Answered, Faults, HttpServer, Reset, at
from harness.virtual_time import EPOCH, Simulation, StandsStill
from simulation.counter import counting, http, post
from simulation.small_api import SmallApi

HOUR = 3600.0


def test_hours_pass_at_once() -> None:
    started = time.perf_counter()
    with Simulation() as sim:
        sim.run(asyncio.sleep(100 * HOUR))
        assert sim.elapsed() == pytest.approx(100 * HOUR)
    assert time.perf_counter() - started < 5


def test_the_clocks_are_those_of_the_simulation() -> None:
    async def clocks() -> tuple[float, ...]:
        await asyncio.sleep(HOUR)
        return (
            time.time() - EPOCH,
            datetime.now(UTC).timestamp() - EPOCH,
            leader_election.datetime.now(UTC).timestamp() - EPOCH,  # type: ignore[attr-defined]
            time.clock_gettime(time.CLOCK_REALTIME) - EPOCH,
            time.monotonic() - 1000,
            time.clock_gettime(time.CLOCK_MONOTONIC) - 1000,
        )

    with Simulation() as sim:
        assert sim.run(clocks()) == pytest.approx((HOUR,) * 6)
        ahead = sim.node("ahead")
        ahead.skew = 90.0
        skewed = sim.run(sim.outcome(ahead.start(clocks())))
    assert skewed[0] - skewed[4] == pytest.approx(90)


def test_chance_is_the_seeds() -> None:
    async def chance() -> tuple[object, ...]:
        return random.random(), uuid.uuid4(), secrets.token_hex(4), os.urandom(3), random.SystemRandom

    def drawn(seed: int) -> tuple[object, ...]:
        with Simulation(seed) as sim:
            return sim.run(chance())

    assert drawn(1) == drawn(1)
    assert not {*drawn(1)[:4]} & {*drawn(2)[:4]}


def test_kopf_watches_for_hours() -> None:
    seen: list[int] = []

    async def operator() -> None:
        registry = kopf.OperatorRegistry()

        @kopf.on.login(registry=registry)
        async def login(**_: object) -> kopf.ConnectionInfo:
            return kopf.ConnectionInfo(server="http://api")

        @kopf.on.event(GROUP, VERSION, "assistants", registry=registry)
        async def event(event: kopf.RawEvent, **_: object) -> None:
            seen.append(event["object"]["spec"]["n"])

        settings = kopf.OperatorSettings()
        settings.scanning.disabled = True
        settings.posting.enabled = False
        settings.watching.inactivity_timeout = 70
        await kopf.operator(registry=registry, settings=settings, clusterwide=True, standalone=True)

    async def scenario(sim: Simulation) -> None:
        api, faults = SmallApi(), Faults()
        api.put("bot", 1)
        await HttpServer(sim, "api", api.handle, faults).start()
        process = sim.node("operator")
        process.start(operator())
        await asyncio.sleep(5)
        for number in range(2, 102):
            api.put("bot", number)
            await asyncio.sleep(7)
        assert sim.network.cut("operator", "api") > 0
        await asyncio.sleep(2 * HOUR)
        watches = [each for each in faults.seen if "watch=true" in each.path]
        assert 90 < len(watches) < 120, "one for each 70 s of silence"
        process.signal(signal.SIGTERM)
        await sim.eventually(lambda: not process.loop.unfinished())

    with Simulation() as sim:
        sim.run(scenario(sim))
        assert not sim.failures
    assert list(dict.fromkeys(seen)) == list(range(1, 102))


def test_the_client_of_the_operator_works_on_it() -> None:
    async def scenario(sim: Simulation) -> None:
        api = SmallApi()
        api.put("bot", 7)
        await HttpServer(sim, "api", api.handle, Faults(at(2, Answered(503, {"message": "not now"})))).start()
        server = ApiServer(Configuration(host="http://api"))
        call = Call("GET", f"/apis/{GROUP}/{VERSION}/assistants")
        assert (await server.send(call))["items"][0]["spec"] == {"n": 7}
        with pytest.raises(ClusterUnavailable, match="not now"):
            await server.send(call)
        stream = server.stream(Call("GET", call.path, {"watch": "true"}), silence=60)
        first = asyncio.ensure_future(anext(stream))
        await asyncio.sleep(30)
        api.put("bot", 8)
        assert (await first)["object"]["spec"] == {"n": 8}
        with pytest.raises(ClusterUnavailable, match="broke off"):
            await anext(stream)
        await server.close()

    with Simulation() as sim:
        sim.run(scenario(sim))
        assert 90 < sim.elapsed() < 92


async def crowd(sim: Simulation) -> None:
    """Some processes that race."""

    async def race() -> None:
        async with http() as session:
            for _ in range(5):
                await asyncio.gather(*(post(session) for _ in range(3)))
                await asyncio.sleep(random.random())

    await counting(sim, Faults(lambda seen: Reset(handled=True) if seen.number in (7, 20) else None))
    for name in ("a", "b", "c"):
        sim.node(name).start(race())
    await asyncio.sleep(20)


def trace_of(seed: int) -> str:
    with Simulation(seed) as sim:
        sim.run(crowd(sim))
    return sim.trace.text()


def test_a_seed_is_a_schedule() -> None:
    assert trace_of(1) == trace_of(1)
    assert trace_of(1) != trace_of(2)


REAL = {
    "a socket": socket.socket,
    "a sleep": lambda: time.sleep(0.001),
    "a thread": lambda: threading.Thread(target=print).start(),
    "a subprocess": lambda: subprocess.run(["true"], check=False),
    "a name": lambda: socket.getaddrinfo("localhost", 80),
}


@pytest.mark.parametrize("use", REAL.values(), ids=REAL)
def test_the_real_world_is_out_of_reach(use: object) -> None:
    async def scenario() -> None:
        with suppress(BaseException):
            use()  # type: ignore[operator]

    with pytest.raises(RealWorldUsed), Simulation() as sim:
        sim.run(scenario())


async def _spin() -> None:
    while True:  # noqa: ASYNC110 (that is the point)
        await asyncio.sleep(0)


def test_what_never_ends_is_noticed() -> None:
    with Simulation() as sim:
        with pytest.raises(StandsStill, match="nothing is left"):
            sim.run(asyncio.Event().wait())
        with pytest.raises(StandsStill, match="without end at"):
            sim.run(_spin())


def test_a_module_that_is_imported_meanwhile_does_not_keep_the_simulations_clocks() -> None:
    late = types.ModuleType("tests.late")

    async def scenario() -> None:
        sys.modules["tests.late"] = late
        exec("from time import monotonic\nfrom datetime import datetime", late.__dict__)

    with Simulation() as sim:
        sim.run(scenario())
        assert late.monotonic() == sim.now
    del sys.modules["tests.late"]
    assert (late.monotonic, late.datetime) == (time.monotonic, datetime)


def test_files_are_read_and_nothing_is_left_behind(tmp_path: Path) -> None:
    async def scenario() -> str:
        return await asyncio.get_running_loop().run_in_executor(None, (tmp_path / "file").read_text)

    (tmp_path / "file").write_text("text")
    before = (time.time, random.getstate(), asyncio.Task, os._exit, sys.get_asyncgen_hooks())
    with Simulation() as sim:
        assert sim.run(scenario()) == "text"
    assert (time.time, random.getstate(), asyncio.Task, os._exit, sys.get_asyncgen_hooks()) == before


def test_a_client_that_outlives_its_simulation_is_closed() -> None:
    """It would complain wherever its garbage is collected: in another test."""
    clients: list[aiohttp.ClientSession] = []

    async def scenario() -> None:
        clients.append(aiohttp.ClientSession())

    with Simulation() as sim:
        sim.run(scenario())
        connector = clients[0].connector
    assert clients[0].closed
    assert connector
    assert connector.closed
