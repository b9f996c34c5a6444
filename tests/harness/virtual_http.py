"""HTTP servers of a simulation: each request is recorded, and any of them can be made to fail."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from aiohttp import web

from .virtual_time import Simulation

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]
_NOT_SIMULATED = 501


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that arrived. `number` counts the requests to all servers of the simulation, from 1."""

    number: int
    client: str
    server: str
    method: str
    path: str
    """With the query."""

    def __str__(self) -> str:
        return f"request {self.number} of {self.client}: {self.method} {self.path}"


@dataclass(frozen=True, slots=True)
class Answered:
    """Another answer in place of the server's. The request has no effect."""

    status: int
    body: Any = None
    """Sent as JSON, or as it is if it is bytes."""
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Reset:
    """The connection is reset. `handled`: whether the request had its effect, so that only its answer is lost."""

    handled: bool


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer ever comes. `handled`: whether the request had its effect."""

    handled: bool


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer comes late. `handled`: whether the request has its effect before the delay, or after it."""

    seconds: float
    handled: bool


@dataclass(frozen=True, slots=True)
class Crash:
    """The client crashes. `handled`: whether the request had its effect."""

    handled: bool


Fault = Answered | Reset | Silence | Delay | Crash
Plan = Callable[[Seen], Fault | None]


class Faults:
    """Decides about each request to any server of one simulation."""

    def __init__(self, plan: Plan = lambda seen: None) -> None:
        self.plan = plan
        self.listener: Callable[[Seen], None] = lambda seen: None
        """Told of each request as it arrives."""
        self.seen: list[Seen] = []

    def judge(self, client: str, server: str, method: str, path: str) -> tuple[Seen, Fault | None]:
        seen = Seen(len(self.seen) + 1, client, server, method, path)
        self.seen.append(seen)
        self.listener(seen)
        return seen, self.plan(seen)


def at(number: int, fault: Fault) -> Plan:
    """The plan in which one request fails."""
    return lambda seen: fault if seen.number == number else None


class HttpServer:
    """Serves on a process of the simulation under its name."""

    def __init__(self, simulation: Simulation, name: str, handler: Handler, faults: Faults, *, port: int = 80) -> None:
        self._simulation = simulation
        self._name = name
        self._handler = handler
        self._faults = faults
        self._port = port

    @property
    def url(self) -> str:
        return f"http://{self._name}" + (f":{self._port}" if self._port != 80 else "")

    async def start(self) -> None:
        """Listen, from the next instant on."""
        node = self._simulation.node(self._name)
        await self._simulation.outcome(node.start(self._listen()))

    async def _listen(self) -> None:
        server = web.Server(self._handle, access_log=None, handler_cancellation=True)
        await asyncio.get_running_loop().create_server(server, None, self._port)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        assert request.transport
        client = self._simulation.network.host_of(request.transport.get_extra_info("peername")[0])
        seen, fault = self._faults.judge(client, self._name, request.method, request.path_qs)
        self._note(str(seen) + (f": {fault}" if fault else ""))
        answer = await (self._faulty(request, client, fault) if fault else self._answer(request))
        if answer is None:
            return web.Response()  # to a connection that is gone
        self._note(f"answer {seen.number}: {answer.status}")
        if answer.status == _NOT_SIMULATED:
            self._simulation.failures.append(f"{self._name} does not simulate {seen}")
        return answer

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        try:
            return await self._handler(request)
        except ConnectionError:
            raise
        except Exception as error:
            self._simulation.failures.append(f"{self._name}: {request.method} {request.path_qs}: {error!r}")
            raise

    async def _faulty(self, request: web.BaseRequest, client: str, fault: Fault) -> web.StreamResponse | None:
        if isinstance(fault, Answered):
            return _response(fault)
        if isinstance(fault, Delay) and not fault.handled:
            await asyncio.sleep(fault.seconds)
            return await self._answer(request)
        answer = await self._answer(request) if fault.handled else None
        match fault:
            case Delay():
                assert answer
                await asyncio.sleep(fault.seconds)
                return answer
            case Reset():
                assert request.transport
                request.transport.abort()
            case Silence():
                await asyncio.get_running_loop().create_future()
            case Crash():
                self._simulation.node(client).crash()
            case _:
                assert_never(fault)
        return None

    def _note(self, text: str) -> None:
        self._simulation.trace.add(self._name, text)


def _response(fault: Answered) -> web.Response:
    if isinstance(fault.body, bytes):
        return web.Response(body=fault.body, status=fault.status, headers=fault.headers)
    return web.json_response(fault.body, status=fault.status, headers=fault.headers)
