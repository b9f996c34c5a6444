"""Health, readiness and metrics over HTTP. It says what it is told and knows nothing."""

from collections.abc import Callable

from aiohttp import web


class HealthServer:
    """A small HTTP server for probes and Prometheus."""

    def __init__(
        self,
        address: tuple[str, int],
        *,
        is_ready: Callable[[], bool],
        metrics: Callable[[], bytes],
        trouble: Callable[[], str | None] = lambda: None,
        affected: Callable[[], list[str]] = list,
    ) -> None:
        """`trouble`: why this process had better be started anew. `affected`: the parts that do not work."""
        self._affected = affected
        self._address = address
        self._trouble = trouble
        self._is_ready = is_ready
        self._metrics = metrics
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen. Raises OSError when the address cannot be had."""
        app = web.Application()
        # A stuck loop does not answer at all, and that is what the probe is for.
        app.router.add_get("/healthz", self._healthz)
        app.router.add_get("/readyz", self._readyz)
        app.router.add_get("/metrics", self._show)
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
        if trouble := self._trouble():
            return web.Response(status=503, text=f"{trouble}\n")
        return web.Response(text="ok\n")

    async def _readyz(self, _: web.Request) -> web.Response:
        affected = self._affected()
        if self._is_ready():
            return web.Response(text="".join(f"{line}\n" for line in ("ok", *affected)))
        lines = [f"not ready: {each}" for each in affected] or ["the caches are not filled yet"]
        return web.Response(status=503, text="".join(f"{line}\n" for line in lines))

    async def _show(self, _: web.Request) -> web.Response:
        return web.Response(body=self._metrics(), headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})
