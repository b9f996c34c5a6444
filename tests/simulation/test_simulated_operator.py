"""The real operator runs in a simulation, and its client of LangGraph Servers on the simulated one."""

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

import pytest

from assistant_operator.api.graph import Schemas
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.langgraph.transport import (
    Endpoint,
    NotALangGraphServer,
    ServerRefused,
    ServerUnavailable,
)
from assistant_operator.policy import desired_copy
from assistant_operator.policy.desired_copy import DesiredAssistant
from harness.simulated_langgraph import WRITER, SimulatedLangGraphServer, default_id
from harness.simulated_operator import Operators
from harness.virtual_http import Answered, Faults, HttpServer, Reset, at
from harness.virtual_time import Simulation
from simulation.small_api import SmallApi

OWN = str(uuid.UUID(int=1))
HERE = Endpoint("http://langgraph")
WANTED = DesiredAssistant(
    "writer", "bot", "d", context={"p": 1}, configurable={}, config={"tags": ["t"]}, metadata={"k": 1}
)


def simulated_server(**options: object) -> SimulatedLangGraphServer:
    return SimulatedLangGraphServer(clock=lambda: datetime.now(UTC), new_id=uuid.uuid4, **options)  # type: ignore[arg-type]


async def served(sim: Simulation, faults: Faults | None = None, **options: object) -> SimulatedLangGraphServer:
    server = simulated_server(**options)
    await HttpServer(sim, "langgraph", server.handle, faults or Faults()).start()
    return server


def test_the_operators_client_publishes_and_withdraws() -> None:
    async def scenario(sim: Simulation) -> None:
        server, there = await served(sim), LangGraphServers()
        assert await there.release(HERE) == "0.16.7"
        assert await there.unknown_graph(HERE, "writer") is None
        assert "Graph 'nope' not found" in (await there.unknown_graph(HERE, "nope") or "")
        told = await there.schemas(HERE, default_id("writer"))
        assert isinstance(told, Schemas)
        assert told.context == WRITER.schemas["context_schema"]
        assert await there.assistant(HERE, OWN) is None
        made = await there.create(HERE, desired_copy.creation(WANTED, OWN))
        made = await there.update(HERE, OWN, desired_copy.update(WANTED, made))
        assert desired_copy.drift(WANTED, made) == ()
        server.edit(OWN, context={"p": 2})
        changed = await there.assistant(HERE, OWN)
        assert changed
        assert desired_copy.drift(WANTED, changed) == ("/config/tags", "/context/p"), "a context replaces all of config"
        await there.delete(HERE, OWN)
        assert server.assistant(OWN) is None
        await there.close()

    with Simulation() as sim:
        sim.run(scenario(sim))
        assert not sim.failures


def test_the_operators_client_reads_page_after_page() -> None:
    async def scenario(sim: Simulation) -> None:
        await served(sim)
        there = LangGraphServers()
        for number in range(450):
            await there.create(HERE, {"graph_id": "writer", "assistant_id": str(uuid.UUID(int=number))})
        found = [each.assistant_id async for each in there.assistants_of(HERE, "writer")]
        assert found == sorted(found)
        assert len(found) == 451
        await there.close()

    with Simulation() as sim:
        sim.run(scenario(sim))


def test_a_wrong_key_and_a_server_without_meta() -> None:
    async def scenario(sim: Simulation) -> None:
        await served(sim, key="secret", has_meta=False)
        there = LangGraphServers()
        with pytest.raises(ServerRefused, match="401 bad key"):
            await there.assistant(HERE, OWN)
        keyed = Endpoint(HERE.url, "secret")
        assert await there.assistant(keyed, OWN) is None
        with pytest.raises(NotALangGraphServer):
            await there.release(keyed)
        await there.close()

    with Simulation() as sim:
        sim.run(scenario(sim))


def test_a_lost_answer_leaves_what_the_request_did() -> None:
    async def scenario(sim: Simulation) -> None:
        faults = Faults(at(1, Reset(handled=True)))
        server, there = await served(sim, faults), LangGraphServers()
        with pytest.raises(ServerUnavailable):
            await there.create(HERE, desired_copy.creation(WANTED, OWN))
        assert server.assistant(OWN)
        await asyncio.sleep(1)
        assert (await there.create(HERE, desired_copy.creation(WANTED, OWN))).version == 1
        faults.plan = at(3, Answered(429, {"detail": "slow"}, {"Retry-After": "7"}))
        with pytest.raises(ServerUnavailable) as caught:
            await there.assistant(HERE, OWN)
        assert caught.value.retry_after == 7
        await there.close()

    with Simulation() as sim:
        sim.run(scenario(sim))


def test_a_request_that_is_not_simulated_is_a_failure() -> None:
    async def scenario(sim: Simulation) -> None:
        await served(sim)
        there = LangGraphServers()
        with pytest.raises(ServerRefused, match="501"):
            await there._transport.send(HERE, "POST", "/runs/wait", {})  # noqa: SLF001 (the operator makes no such request)
        await there.close()

    with Simulation() as sim:
        sim.run(scenario(sim))
        assert "does not simulate" in sim.failures[0]


def started(seed: int) -> str:
    """The trace of two replicas on an API server that has not all of their kinds."""

    async def scenario(operators: Operators) -> None:
        await HttpServer(sim, "api", SmallApi().handle, Faults()).start()
        nodes = [operators.start(name, leader_elect=False) for name in ("operator-1", "operator-2")]
        await asyncio.sleep(20)
        assert all(node.is_alive for node in nodes), "a kind that is not served is waited for"
        for node in nodes:
            node.signal(signal.SIGTERM)
        await sim.eventually(lambda: not any(node.is_alive for node in nodes))
        assert [node.exit_code for node in nodes] == [0, 0]

    with Simulation(seed) as sim, Operators(sim, dict.fromkeys(("operator-1", "operator-2"), "http://api")) as running:
        sim.run(scenario(running))
        assert not sim.failures
    return sim.trace.text()


def test_the_operator_runs_and_says_what_it_waits_for() -> None:
    told = started(1)
    assert "are the CustomResourceDefinitions of crds/ applied?" in told
    assert "operator-1     starts" in told
    assert "operator-2     exits with 0" in told


def test_the_operators_schedule_is_the_seeds() -> None:
    traces = []
    for seed in (2, 3, 4):
        traces += [started(seed), _elsewhere_in_memory(partial(started, seed))]
    assert traces[0::2] == traces[1::2]
    assert len(set(traces)) == 3


def test_a_schedule_is_the_same_in_each_process_with_the_same_hashes() -> None:
    """kopf has sets of names: PYTHONHASHSEED belongs to a seed."""
    told = [_told(hashes) for hashes in ("0", "0")]
    assert told[0] == told[1]
    assert len(told[0].splitlines()) > 70


def _elsewhere_in_memory(work: Callable[[], str]) -> str:
    """What comes of it where objects have other addresses."""
    filled = [[bytearray(size) for size in range(1, 2000, 7)], [object() for _ in range(50_000)]]
    told = work()
    filled.clear()
    return told


def _told(hashes: str) -> str:
    code = (
        "from simulation.test_virtual_time import trace_of; from simulation.test_simulated_operator import started;"
        "print(trace_of(5), started(5))"
    )
    path = os.pathsep.join(each for each in sys.path if each)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": hashes}
    done = subprocess.run([sys.executable, "-c", code], env=environment, check=True, capture_output=True, text=True)
    return done.stdout


def test_the_operator_ends_at_a_signal() -> None:
    async def scenario(operators: Operators) -> None:
        busy = Faults(lambda seen: Answered(503) if "/assistantversions" in seen.path else None)
        await HttpServer(sim, "api", SmallApi().handle, busy).start()
        node = operators.start("operator")
        await asyncio.sleep(20)
        assert node.is_alive, "it tries again"
        node.signal(signal.SIGTERM)
        await sim.eventually(lambda: not node.is_alive)
        assert node.exit_code == 0

    with Simulation() as sim, Operators(sim, {"operator": "http://api"}) as running:
        sim.run(scenario(running))
