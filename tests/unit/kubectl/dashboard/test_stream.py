"""The events of a page, while browsers come and leave."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web

from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.transport import ApiServer
from assistant_operator.kubectl.dashboard import pages
from assistant_operator.kubectl.dashboard.feed import Feed, Source


@pytest.fixture
def feed() -> Feed[str]:
    return Feed(ApiServer(Configuration(host="http://127.0.0.1:9")), Source("/things"), str)


@asynccontextmanager
async def _served(app: web.Application) -> AsyncIterator[str]:
    """Without the cancellation of handlers, which comes too late now and then."""
    runner = web.AppRunner(app, handler_cancellation=False)
    await runner.setup()
    listener = socket.create_server(("127.0.0.1", 0))
    await web.SockSite(runner, listener).start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/"
    finally:
        await runner.cleanup()


async def test_a_browser_that_leaves_is_no_error(
    feed: Feed[str], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page changed at the moment at which the browser closed it, and the terminal showed a stack trace."""
    monkeypatch.setattr(pages, "_COALESCE", 0.01)
    ended = asyncio.Event()

    async def events(request: web.Request) -> web.StreamResponse:
        try:
            return await pages.stream(request, [feed])
        finally:
            ended.set()

    app = web.Application()
    app.router.add_get("/", events)
    async with _served(app) as url, ClientSession() as session:
        async with session.get(url) as answer:
            assert await answer.content.readline() == b": connected\n"
            answer.close()
        async with asyncio.timeout(10):
            while not ended.is_set():
                feed.revision += 1
                feed._notify()  # noqa: SLF001 (as its watch does)
                await asyncio.sleep(0.02)
    assert [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING] == []
