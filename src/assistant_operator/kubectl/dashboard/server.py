"""Serves the dashboard on loopback until it is interrupted."""

import asyncio
import os
import signal
import socket
import sys
import webbrowser
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import click
from aiohttp import web

from assistant_operator.api.meta import Key
from assistant_operator.kubectl.client import KubectlClient
from assistant_operator.kubectl.errors import CliError, not_found

from .changes import Changes
from .moves import Moves
from .pages import Pages
from .rows import AssistantRow
from .security import Login
from .site import Site, assistants_of, compile_templates
from .timeline import path_of

_STATIC = Path(__file__).with_name("static")
_LONGEST_FORM = 64 * 2**10
_SHUTDOWN = 0.5


@dataclass(frozen=True, slots=True)
class Options:
    """`key`: the Assistant whose page is opened; None for the overview. `port`: 0 for a free one."""

    namespace: str
    key: Key | None
    port: int
    is_opened: bool


def application(site: Site) -> web.Application:
    """The pages, each behind the checks of `Site.guard`."""
    compile_templates()
    app = web.Application(middlewares=[site.guard], client_max_size=_LONGEST_FORM)
    pages = Pages(site)
    app.add_routes([*pages.routes(), *Changes(site, pages).routes(), *Moves(site, pages).routes()])
    app.router.add_static("/static", _STATIC)
    return app


async def serve(client: KubectlClient, options: Options) -> None:
    """Print the URL and serve until SIGINT or SIGTERM. Raises CliError, ClusterUnavailable and ClusterRefused."""
    listener = _listener(options.port)
    login = Login(listener.getsockname()[1])
    site = Site(client, login, urlsplit(client.server.host).netloc, options.namespace)
    runner = web.AppRunner(application(site), access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN)
    try:
        await _check(site, options)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        interrupted = _on_interrupt()  # before the URL is printed: who reads it may interrupt at once
        await _announce(site, options)
        await interrupted.wait()
    finally:
        await runner.cleanup()
        await site.feeds.close()
        listener.close()


async def _check(site: Site, options: Options) -> None:
    """Read what the first page shows, so that an error is reported where the command was typed."""
    if options.key is None:
        async with site.feeds.using(assistants_of(site.namespace), AssistantRow.of) as assistants:
            await assistants.listed()
    elif not await site.client.assistant(options.key) and not await site.client.versions(options.key):
        raise not_found("assistants", options.key[1])


def _listener(port: int) -> socket.socket:
    try:
        return socket.create_server(("127.0.0.1", port))
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        advice = "choose another with --port, or --port 0 for a free one"
        raise CliError(f"error: port {port} on 127.0.0.1 cannot be used ({reason}): {advice}") from None


async def _announce(site: Site, options: Options) -> None:
    path = path_of(options.key) if options.key else "/"
    url = f"http://127.0.0.1:{site.login.expected.port}{path}?token={site.login.token}"
    where = f"namespace {site.namespace}" if site.namespace else "all namespaces"
    click.echo(f"Dashboard of {site.host}, {where}: {url}")
    click.echo("The URL signs in one browser, once. Ctrl-C ends the dashboard.")
    if options.is_opened and _has_display():
        await asyncio.to_thread(webbrowser.open, url)


def _has_display() -> bool:
    """Whether a browser can open a window. Without a display Python would start a browser in this terminal."""
    named = ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY")
    return sys.platform in {"darwin", "win32"} or any(os.environ.get(name) for name in named)


def _on_interrupt() -> asyncio.Event:
    """Return what SIGINT and SIGTERM set from now on."""
    interrupted = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupted.set)
    return interrupted
