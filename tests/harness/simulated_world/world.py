"""The world of one simulation."""

import asyncio
import random
import uuid
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import inf
from typing import Any

from aiohttp import web

from ..simulated_api import ApiServer, Grant, SimulatedCluster, Snapshot, User
from ..simulated_api.deletion import delete
from ..simulated_api.intents import Intent
from ..simulated_langgraph import SimulatedLangGraphServer
from ..simulated_operator import Operators
from ..virtual_http import Faults, HttpServer
from ..virtual_time import Simulation
from .audit import Audit
from .history import ALIASES, ASSISTANTS, History, Past
from .person import Person

NAMESPACE = "team"
TOKEN = "operator"
REVISION = 990
SETTLING, QUIET = 120.0, 30.0
"""Virtual seconds in which everything settles after faults, and in which nothing is written then."""
_CALM = 10.0
"""Virtual seconds without a write until all counts as settled.

An object whose event was lost is read after five seconds, at the next comparison, and then enqueued.
"""
_ALL = frozenset({"*"})


class Unsettled(AssertionError):
    """The world did not get where it should."""


class World:
    """A cluster, LangGraph Servers, replicas and a person."""

    def __init__(self, simulation: Simulation, operators: Operators, replicas: Sequence[str], **settings: Any) -> None:
        """`settings`: as of Settings."""
        self.simulation = simulation
        self.operators = operators
        self.replicas = replicas
        self.settings = settings
        self.cluster = SimulatedCluster(_now, random.Random(f"{simulation.seed} cluster"))
        self.cluster.authorizer.users[TOKEN] = User(TOKEN, (Grant(_ALL, _ALL, _ALL),))
        self.cluster.create_namespace(NAMESPACE)
        # The first edits come when resource versions get a digit more: they are compared as numbers, not as texts.
        self.cluster.store.advance(REVISION - self.cluster.store.revision)
        self.audit = Audit(simulation.elapsed, TOKEN)
        self._prepare(self.cluster.server)
        self.history = History(self.cluster.store, simulation.elapsed)
        self.person = Person(self.cluster, NAMESPACE)
        self.faults = Faults()
        self.servers: dict[str, SimulatedLangGraphServer] = {}
        self.foreign: dict[str, list[dict[str, Any]]] = {}
        """By LangGraph Server: the assistants on it that are not the operator's, as they were at first."""
        self.copies_changed: Callable[[], None] = lambda: None
        """Called after each write to a LangGraph Server."""
        self.troubled_until = 0.0
        """Virtual seconds at which the last fault is over."""
        self.blind: list[tuple[float, float]] = []
        """From when to when, in virtual seconds, the operator had no rights to watch Graphs."""
        self.not_ready: dict[str, str] = {}
        """By Assistant or alias that is not to be ready at the end: the reason. No two of them have one name."""

    def run(self, work: Coroutine[Any, Any, None], limit: float = 3_000.0) -> None:
        """Start the API server and the replicas, and run `work` to its end."""
        self.simulation.run(self._main(work), limit=limit)

    async def _main(self, work: Coroutine[Any, Any, None]) -> None:
        await HttpServer(self.simulation, "api", self._handle, self.faults).start()
        self.simulation.node("controllers").start(self.cluster.controllers.run())
        for name in self.replicas:
            self.start(name)
        keeper = asyncio.create_task(self._keep())
        try:
            await work
        finally:
            keeper.cancel()
            for server in self.cluster.servers:
                server.front.cut_watches()  # what a front remembers would keep the replicas' clients alive
                server.front.cut_connections()

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """As behind a load balancer: each connection goes to one of the API servers."""
        assert request.transport
        port: int = request.transport.get_extra_info("peername")[1]
        servers = self.cluster.servers
        return await servers[port % len(servers)].front.handle(request)

    def _prepare(self, server: ApiServer) -> None:
        server.front.keeps_requests = False
        server.front.handlers = self.audit.of_cluster(server.front.handlers)

    def add_api_server(self) -> ApiServer:
        """Another API server before the same store: every second connection goes there."""
        server = self.cluster.add_server()
        self._prepare(server)
        return server

    def end_namespace(self, name: str) -> None:
        """Delete a namespace: it is gone once all that is in it is."""
        resource = self.cluster.objects.catalogue.by_kind["v1", "Namespace"]
        delete(self.cluster.objects, Intent(resource, "", name, "admin"), {})

    def has_namespace(self, name: str) -> bool:
        return name in self.history.existing("/namespaces")

    def snapshot(self) -> tuple[Snapshot, Past]:
        """What the store holds, and what happened up to now."""
        return self.cluster.snapshot(), self.history.past()

    def restore(self, snapshot: Snapshot, past: Past) -> None:
        """Put the store back and start the API servers anew: nothing that was written since ever happened."""
        self.cluster.restore(snapshot)
        self.history.rewind(past)

    @property
    def leader(self) -> str:
        """The replica that holds the Lease, or the only one."""
        leases = self.history.existing("coordination.k8s.io/leases")
        return next((each["spec"]["holderIdentity"] for each in leases.values()), self.replicas[0])

    def start(self, name: str) -> None:
        self.operators.start(name, **self.settings)

    async def _keep(self) -> None:
        """Start replicas anew a second after they ended, as a Deployment does."""
        while True:
            await asyncio.sleep(1)
            for name in self.replicas:
                if not self.simulation.node(name).is_alive:
                    self.start(name)

    async def serve(self, name: str = "langgraph") -> SimulatedLangGraphServer:
        """Start a LangGraph Server at http://<name>."""
        server = SimulatedLangGraphServer(clock=_now, new_id=uuid.uuid4)
        handle = self.audit.of_server(server.handle, self._copies_changed)
        await HttpServer(self.simulation, name, handle, self.faults).start()
        self.servers[name] = server
        self.foreign[name] = server.assistants()
        return server

    def _copies_changed(self) -> None:
        self.copies_changed()

    def trouble(self, seconds: float) -> None:
        """A fault lasts so long from now on."""
        self.troubled_until = max(self.troubled_until, self.simulation.elapsed() + seconds)

    def lets_watch_graphs(self, *, is_let: bool) -> None:
        """From now on the operator has the rights to watch Graphs, or has not."""
        now, is_blind = self.simulation.elapsed(), bool(self.blind) and self.blind[-1][1] == inf
        if is_let and is_blind:
            self.blind[-1] = (self.blind[-1][0], now)
        elif not is_let and not is_blind:
            self.blind.append((now, inf))

    async def until(self, holds: Callable[[], object], within: float = 240.0) -> None:
        """Wait for a fact. Raises Unsettled."""
        end = self.simulation.now + within
        while not holds():
            if self.simulation.now >= end:
                raise Unsettled(f"not within {within:g} virtual seconds: {self.unready()}")
            await asyncio.sleep(0.1)

    async def until_ready(self) -> None:
        await self.until(self.is_ready)

    def is_ready(self) -> bool:
        return not self.unready()

    def unready(self) -> list[str]:
        """What is not as it is to be at the end, in words."""
        told = []
        for name, stated in {**self.history.existing(ASSISTANTS), **self.history.existing(ALIASES)}.items():
            reason = self.not_ready.get(stated["metadata"]["name"])
            ready = condition(stated, "Ready")
            found = (ready.get("status"), ready.get("reason"), ready.get("observedGeneration"))
            generation = stated["metadata"]["generation"]
            is_right = found[0] == ("False" if reason else "True") and found[2] == generation
            if not is_right or (reason and found[1] != reason):
                told.append(f"{name} at generation {generation} is {found}, expected {reason or 'Ready'}")
        return told

    def is_quiet(self, seconds: float) -> bool:
        """Whether the operator wrote nothing for so long."""
        writes = self.audit.writes
        return not writes or self.simulation.elapsed() - writes[-1].time >= seconds

    async def settle(self) -> None:
        """Wait until all is as it is to be and nothing is written. Raises Unsettled."""
        begun, elapsed = self.simulation.elapsed(), self.simulation.elapsed
        while not (elapsed() > self.troubled_until + _CALM and self.is_ready() and self.is_quiet(_CALM)):
            if elapsed() >= max(begun, self.troubled_until) + SETTLING:
                last = "\n".join([*self.unready(), "wrote last:", *map(str, self.audit.writes[-8:])])
                raise Unsettled(f"not settled after {SETTLING:g} virtual seconds: {last}")
            await asyncio.sleep(1)
        count = len(self.audit.writes)
        await asyncio.sleep(QUIET)
        if more := self.audit.writes[count:]:
            raise Unsettled("settled, and yet written:\n" + "\n".join(map(str, more[:8])))


@contextmanager
def simulated(seed: int = 0, *, replicas: int = 1, **settings: Any) -> Iterator[World]:
    """A world that has not begun. `settings`: as of Settings; leaders are elected among several replicas only."""
    names = [f"operator-{number + 1}" for number in range(replicas)]
    urls = dict.fromkeys(names, "http://api")
    with Simulation(seed) as simulation, Operators(simulation, urls, token=TOKEN) as operators:
        yield World(simulation, operators, names, **{"leader_elect": replicas > 1, **settings})


def condition(content: dict[str, Any], kind: str) -> dict[str, Any]:
    """The condition of that type; empty if there is none."""
    found: list[dict[str, Any]] = content.get("status", {}).get("conditions", [])
    return next((each for each in found if each["type"] == kind), {})


def _now() -> datetime:
    return datetime.now(UTC)
