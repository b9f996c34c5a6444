"""What can go wrong in a simulation: processes end and stand still, connections and requests fail."""

import asyncio
import os
import signal
from collections.abc import Callable
from contextlib import suppress

import aiohttp
import pytest

from harness.virtual_http import Answered, Crash, Delay, Fault, Faults, Reset, Silence, at
from harness.virtual_time import Simulation
from simulation.counter import counting, http, post

HOUR = 3600.0


def test_a_crashed_process_cleans_nothing_up() -> None:
    cleaned: list[str] = []

    async def work() -> None:
        async with http() as session:
            try:
                while True:
                    await post(session)
                    await asyncio.sleep(1)
            finally:
                cleaned.append("finally")
                with suppress(aiohttp.ClientError):
                    await post(session)

    async def scenario(sim: Simulation) -> None:
        server, process = await counting(sim), sim.node("worker")
        process.start(work())
        await asyncio.sleep(10.5)
        assert server.count == 11
        process.crash()
        assert (process.is_alive, process.exit_code) == (False, -signal.SIGKILL)
        await asyncio.sleep(HOUR)
        assert (server.count, cleaned) == (11, [])
        again = sim.new_node("worker")
        again.start(work())
        await asyncio.sleep(0.5)
        assert again.is_alive
        assert server.count == 12

    with Simulation() as sim:
        sim.run(scenario(sim))
        assert not sim.failures


def test_a_process_that_exits_stops_at_that_line() -> None:
    async def work() -> None:
        await asyncio.sleep(1)
        leave: Callable[[int], object] = os._exit
        leave(3)
        pytest.fail("it went on")

    async def scenario(sim: Simulation) -> None:
        process = sim.node("worker")
        process.start(work())
        await sim.eventually(lambda: not process.is_alive)
        assert process.exit_code == 3

    with Simulation() as sim:
        sim.run(scenario(sim))
        assert "worker         exits with 3" in sim.trace.text()


def test_a_frozen_process_stands_while_others_go_on() -> None:
    ticks: dict[str, list[float]] = {"a": [], "b": []}

    async def tick(sim: Simulation, name: str) -> None:
        async with http(seconds=2) as session:
            while True:
                await post(session)
                ticks[name].append(sim.elapsed())
                await asyncio.sleep(1)

    async def scenario(sim: Simulation) -> None:
        await counting(sim)
        for name in ticks:
            sim.node(name).start(tick(sim, name))
        await asyncio.sleep(10)
        sim.node("a").freeze(30)
        await asyncio.sleep(30)
        assert len(ticks["a"]) == 10
        assert len(ticks["b"]) == 40
        await asyncio.sleep(10)
        assert len(ticks["a"]) == 20

    with Simulation() as sim:
        sim.run(scenario(sim))


RESET = (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError)
LOST = [
    pytest.param(Reset(handled=False), RESET, 0, 0, id="lost request"),
    pytest.param(Reset(handled=True), RESET, 1, 0, id="lost answer"),
    pytest.param(Silence(handled=False), TimeoutError, 0, 5, id="silence before it"),
    pytest.param(Silence(handled=True), TimeoutError, 1, 5, id="silence after it"),
    pytest.param(Delay(20, handled=True), TimeoutError, 1, 5, id="a delay beyond the timeout"),
    pytest.param(Answered(500), aiohttp.ClientResponseError, 0, 0, id="another answer"),
]


@pytest.mark.parametrize(("fault", "error", "count", "seconds"), LOST)
def test_a_request_can_fail_in_each_way(fault: Fault, error: type[Exception], count: int, seconds: float) -> None:
    async def scenario(sim: Simulation) -> None:
        server = await counting(sim, Faults(at(1, fault)))
        async with http() as session:
            with pytest.raises(error):
                async with session.post("http://server/x", raise_for_status=True):
                    pass
            assert server.count == count
            assert sim.elapsed() == pytest.approx(seconds, abs=1)
            assert await post(session) == count + 1

    with Simulation() as sim:
        sim.run(scenario(sim))
        assert str(fault) in sim.trace.text()


@pytest.mark.parametrize("handled", [False, True])
def test_a_client_can_crash_at_a_request(handled: bool) -> None:  # noqa: FBT001 (a parameter)
    async def work() -> None:
        async with http() as session:
            await post(session)

    async def scenario(sim: Simulation) -> None:
        server = await counting(sim, Faults(at(1, Crash(handled=handled))))
        process = sim.node("worker")
        process.start(work())
        await sim.eventually(lambda: not process.is_alive)
        assert server.count == handled

    with Simulation() as sim:
        sim.run(scenario(sim))


def test_connections_fail_in_each_way() -> None:
    async def scenario(sim: Simulation) -> None:
        await counting(sim)
        async with http() as session:
            with pytest.raises(aiohttp.ClientConnectorDNSError):
                await session.get("http://elsewhere/")
            sim.network.refuse("test", "server")
            with pytest.raises(aiohttp.ClientConnectorError, match="Connect call failed"):
                await post(session)
            sim.network.repair("test", "server")
            assert await post(session) == 1
            sim.network.disconnect("test", "server")
            started = sim.elapsed()
            with pytest.raises(TimeoutError):
                await post(session)
            assert sim.elapsed() - started == pytest.approx(5, abs=1), "aiohttp waits for whole seconds"
            sim.network.repair("test", "server")
            assert await post(session) == 3, "the request that got no answer arrived at last"
            sim.node("server").crash()
            await asyncio.sleep(1)
            with pytest.raises(aiohttp.ClientConnectorError):
                await post(session)

    with Simulation() as sim:
        sim.run(scenario(sim))
