"""The two LangGraph Servers that the contract is checked against: the simulated one, and the real one from PyPI."""

import http.client
import json
import random
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import aiohttp

from harness.langgraph_server import LangGraphServer
from harness.simulated_langgraph import ROUTER, WRITER, SimulatedLangGraphServer
from harness.virtual_http import Faults, HttpServer
from harness.virtual_time import Simulation

Json = dict[str, Any]
GRAPHS = {"writer": WRITER, "router": ROUTER}
DEPLOYED = {name: name for name in GRAPHS}
"""As a real server is told of them."""


@dataclass(frozen=True)
class Reply:
    status: int
    body: Any
    """Parsed; None if it is empty."""
    headers: Mapping[str, str]
    """Names in lower case."""

    @property
    def error(self) -> tuple[int, str]:
        """Status and detail of a refusal, without the schema and the instance that a 422 repeats."""
        return self.status, self.body["detail"].split("\n\n")[0]


class Subject(ABC):
    """A LangGraph Server that serves the graphs `writer` and `router`."""

    def ask(
        self, method: str, path: str, body: object = None, *, raw: bytes | None = None, key: str | None = None
    ) -> Reply:
        """`raw`: sent as it is in place of `body`. `key`: the header x-api-key."""
        content = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **({} if key is None else {"x-api-key": key})}
        return self._sent(method, path, content, headers)

    def got(self, method: str, path: str, body: object = None) -> Any:
        """The body of an answer that must be a 200."""
        reply = self.ask(method, path, body)
        assert reply.status == 200, reply
        return reply.body

    def created(self, assistant_id: str, graph_id: str = "writer", **fields: Any) -> Json:
        made: Json = self.got("POST", "/assistants", {"assistant_id": assistant_id, "graph_id": graph_id, **fields})
        return made

    def updated(self, assistant_id: str, **fields: Any) -> Json:
        changed: Json = self.got("PATCH", f"/assistants/{assistant_id}", fields)
        return changed

    def read(self, assistant_id: str) -> Json:
        found: Json = self.got("GET", f"/assistants/{assistant_id}")
        return found

    def found(self, **asked: Any) -> list[Json]:
        page: list[Json] = self.got("POST", "/assistants/search", asked)
        return page

    @abstractmethod
    def _sent(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Reply: ...

    @abstractmethod
    def restart(self, graphs: Sequence[str] = ("writer", "router")) -> None:
        """Stop it as SIGTERM does, and start it with these graphs deployed."""

    @abstractmethod
    def kill(self) -> None:
        """End it as SIGKILL does, and start it."""

    @abstractmethod
    def wait(self, seconds: float) -> None: ...


class SimulatedSubject(Subject):
    """Each request is a simulation of its own: aiohttp's client and server on the network in memory."""

    def __init__(self, **options: Any) -> None:
        self._now = datetime(2027, 1, 1, tzinfo=UTC)
        chance = random.Random(0)
        self._server = SimulatedLangGraphServer(
            clock=self._clock, new_id=lambda: UUID(int=chance.getrandbits(128), version=4), **options
        )

    def restart(self, graphs: Sequence[str] = ("writer", "router")) -> None:
        self._server.deploy({name: GRAPHS[name] for name in graphs})
        self._server.restart()

    def kill(self) -> None:
        self._server.kill()

    def wait(self, seconds: float) -> None:
        self._now += timedelta(seconds=seconds)

    def _clock(self) -> datetime:
        self._now += timedelta(milliseconds=1)
        return self._now

    def _sent(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        async def exchange(simulation: Simulation) -> Reply:
            server = HttpServer(simulation, "langgraph", self._server.handle, Faults())
            await server.start()
            async with (
                aiohttp.ClientSession() as session,
                session.request(
                    method, server.url + path, data=content, headers=headers, allow_redirects=False
                ) as answer,
            ):
                return _reply(answer.status, await answer.read(), answer.headers)

        with Simulation() as simulation:
            reply = simulation.run(exchange(simulation))
            assert not simulation.failures
        return reply


class RealSubject(Subject):
    def __init__(self, server: LangGraphServer) -> None:
        self._server = server

    def restart(self, graphs: Sequence[str] = ("writer", "router")) -> None:
        self._server.stop()
        self._server.deploy({name: name for name in graphs})
        self._server.start()

    def kill(self) -> None:
        self._server.kill()
        self._server.start()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def _sent(self, method: str, path: str, content: bytes, headers: Mapping[str, str]) -> Reply:
        connection = http.client.HTTPConnection(urlsplit(self._server.url).netloc, timeout=30)
        try:
            connection.request(method, path, content, dict(headers))
            answer = connection.getresponse()
            return _reply(answer.status, answer.read(), dict(answer.getheaders()))
        finally:
            connection.close()


class ServerWithoutMeta(LangGraphServer):
    """Its langgraph.json disables the routes about the server itself."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._directory = directory

    def deploy(self, graphs: Mapping[str, str]) -> None:
        super().deploy(graphs)
        file = self._directory / "langgraph.json"
        file.write_text(json.dumps({**json.loads(file.read_text()), "http": {"disable_meta": True}}))


def _reply(status: int, content: bytes, headers: Mapping[str, str]) -> Reply:
    body = json.loads(content) if content else None
    return Reply(status, body, {name.lower(): value for name, value in headers.items()})
