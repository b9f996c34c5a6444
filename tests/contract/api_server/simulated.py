"""The simulated cluster, on a loopback socket."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Self

from aiohttp import ClientSession, web

from harness.simulated_api import ApiServer, Attempt, Grant, Policy, Quota, SimulatedCluster, Snapshot, User, grants_of

from .client import Api
from .clusters import Refusal, Rights

ADMIN = "admin-token"
ALL = frozenset({"*"})


class Simulated:
    """Serves a SimulatedCluster over HTTP."""

    def __init__(self, session: ClientSession, now: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self.cluster = SimulatedCluster(now, random.Random(1))
        self.cluster.authorizer.users[ADMIN] = User("admin", (Grant(ALL, ALL, ALL),))
        self._session = session
        self._runners: list[web.ServerRunner] = []
        self._urls: list[str] = []

    async def __aenter__(self) -> Self:
        await self._serve(self.cluster.server)
        self._work = asyncio.create_task(self.cluster.controllers.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        assert not self._work.done(), "the controllers ended by themselves"
        self._work.cancel()
        for runner in self._runners:
            await runner.cleanup()
        assert self.failures == []

    @property
    def failures(self) -> list[str]:
        """What the simulator could not do."""
        return [each for server in self.cluster.servers for each in server.front.handlers.failures]

    def api(self, namespace: str) -> Api:
        return Api(self._session, self._urls[0], namespace, token=ADMIN)

    async def restart(self) -> None:
        for server in self.cluster.servers:
            server.restart()

    async def compact(self) -> None:
        self.cluster.compact()

    async def snapshot(self) -> object:
        return self.cluster.snapshot()

    async def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, Snapshot)
        self.cluster.restore(snapshot)

    async def second_url(self) -> str:
        if len(self._urls) == 1:
            await self._serve(self.cluster.add_server())
        return self._urls[1]

    async def user(self, namespace: str, name: str, rights: Rights | None = None) -> str:
        grants = grants_of([rights.rule()], namespace) if rights else ()
        token = f"token-of-{namespace}-{name}"
        self.cluster.authorizer.users[token] = User(f"system:serviceaccount:{namespace}:{name}", grants)
        return token

    async def revoke(self, namespace: str, name: str) -> None:
        user = f"system:serviceaccount:{namespace}:{name}"
        self.cluster.authorizer.users[f"token-of-{namespace}-{name}"] = User(user)

    @asynccontextmanager
    async def quota(self, namespace: str, name: str, resource: str, hard: int) -> AsyncIterator[None]:
        self.cluster.quotas[name] = Quota(name, namespace, resource, hard)
        yield
        del self.cluster.quotas[name]

    @asynccontextmanager
    async def policy(self, namespace: str, name: str, refusal: Refusal) -> AsyncIterator[None]:
        def allows(attempt: Attempt) -> bool:
            content = attempt.new or attempt.old or {}
            return content["metadata"]["namespace"] != namespace or refusal.allows(attempt.new or {})

        self.cluster.policies[name] = Policy(
            name, refusal.plural, frozenset(refusal.operations), allows, refusal.message
        )
        yield
        del self.cluster.policies[name]

    async def _serve(self, server: ApiServer) -> None:
        runner = web.ServerRunner(server.front.server(), shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self._runners.append(runner)
        host, port = runner.addresses[0][:2]
        self._urls.append(f"http://{host}:{port}")
