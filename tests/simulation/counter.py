"""A server that counts, and clients of it: what the tests of the simulation itself use."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

from harness.virtual_http import Faults, HttpServer
from harness.virtual_time import Simulation


class Counter:
    """A server that counts."""

    def __init__(self) -> None:
        self.count = 0

    async def handle(self, request: web.BaseRequest) -> web.Response:
        self.count += request.method == "POST"
        return web.json_response({"count": self.count})


async def counting(sim: Simulation, faults: Faults | None = None) -> Counter:
    counter = Counter()
    await HttpServer(sim, "server", counter.handle, faults or Faults()).start()
    return counter


@asynccontextmanager
async def http(seconds: float = 5.0) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(seconds)) as session:
        yield session


async def post(session: aiohttp.ClientSession) -> int:
    async with session.post("http://server/x") as answer:
        told: int = (await answer.json())["count"]
        return told
