"""The HTTP server of /healthz, /readyz and /metrics."""

from collections.abc import Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.aiohttp import make_aiohttp_handler


class HealthServer:
    """Serves the probes of the kubelet and the scrapes of Prometheus."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        is_ready: Callable[[], bool],
        metrics: CollectorRegistry,
        failure: Callable[[], str | None] = lambda: None,
        problems: Callable[[], list[str]] = list,
    ) -> None:
        """`address`: host and port. `metrics`: what /metrics shows.

        `failure`: returns why the process must be restarted, or None; /healthz answers 503 with it.
        `problems`: returns one line for each watch, or Lease, that does not work; /readyz lists them.
        """
        self._problems = problems
        self._address = address
        self._failure = failure
        self._is_ready = is_ready
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError if the address is not available."""
        app = web.Application()
        # While the event loop is blocked there is no answer at all: the liveness probe then fails by its timeout.
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", make_aiohttp_handler(self._metrics))
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, *self._address).start()
        except OSError as error:
            host, port = self._address
            raise OSError(f"cannot listen on {host}:{port}: {error.strerror or error}") from error

    async def stop(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _healthz(self, _: web.Request) -> web.Response:
        if failure := self._failure():
            return web.Response(status=503, text=f"{failure}\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        problems = self._problems()
        if self._is_ready():
            return web.Response(text="".join(f"{line}\n" for line in ("ok", *problems)))
        lines = [f"not ready: {problem}" for problem in problems] or ["the caches are not filled yet"]
        return web.Response(status=503, text="".join(f"{line}\n" for line in lines))
