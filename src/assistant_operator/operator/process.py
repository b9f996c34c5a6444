"""One operator from start to end: what runs beside what, and how it stops."""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Coroutine
from typing import Any

from ..gateways.api_server import ApiServer, ClusterRefused, ClusterUnavailable, configuration
from ..gateways.cluster import Cluster
from ..gateways.langgraph import LangGraphServers
from ..gateways.leases import Leases
from ..gateways.schemas import SchemaJudge
from ..gateways.version_table import Listed
from .assembly import PUBLISHERS, STEADY_WORKERS, WORKERS, Doors, assemble
from .crank import Crank
from .events import Events
from .feed import Feed
from .lease import Leadership
from .metrics import Metrics
from .settings import Settings
from .sight import Sight
from .web import Web

log = logging.getLogger(__name__)

LEASE = "assistant-operator"
_PAUSE = 1.0
_HINTS = {
    401: " (is the token still good?)",
    403: " (are the roles of deploy/ applied?)",
    404: " (are the CustomResourceDefinitions of crds/ applied?)",
}
_FAREWELL = 1.0


class Process:
    """Composes an operator and runs it until a signal or a failure."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._address = settings.address
        self._metrics = Metrics()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None
        self._unlisted: set[str] = set()
        self._news = asyncio.Event()

    async def run(self) -> int:
        """The exit code: 0 after a signal, 1 after a failure."""
        settings = self._settings
        self._fenced = ApiServer(await configuration(), may_write=self._may_write, observe=self._metrics.called)
        self._unfenced = ApiServer(await configuration(), observe=self._metrics.called)
        self._leadership = Leadership(
            Leases(self._unfenced, settings.lease_namespace, LEASE), identity=settings.identity, clock=_uptime
        )
        cluster = Cluster(self._fenced, settings.namespaces)
        judge, events = SchemaJudge(), self._events(cluster)
        self._servers = LangGraphServers(may_write=self._may_write, observe=self._metrics.asked)
        doors = Doors(cluster, self._servers, judge, events, self._metrics)
        sight, crank = assemble(doors, settings.cluster_name)
        self._feed = Feed(sight, cluster, settings.namespaces)
        self._metrics.leads(LEASE, self._may_write)
        web = Web(
            self._address,
            is_ready=self._feed.filled.is_set,
            trouble=lambda: self._trouble(crank),
            metrics=self._metrics.text,
        )
        await web.start()
        try:
            await self._turn(cluster, sight, crank, events)
        finally:
            await self._end(judge)
            await web.stop()
        return 1 if self._failure else 0

    def _events(self, cluster: Cluster) -> Events:
        told, lost = self._metrics.told, self._metrics.event_lost
        return Events(cluster, instance=self._settings.identity, observe=told, lost=lost)

    def _may_write(self) -> bool:
        return not self._settings.leader_elect or self._leadership.is_held()

    def _trouble(self, crank: Crank) -> str | None:
        """Why this process had better be started anew; None while it works."""
        if any(task.done() for task in self._tasks):
            return "a task has ended that never should"
        return crank.trouble()

    async def _turn(self, cluster: Cluster, sight: Sight, crank: Crank, events: Events) -> None:
        # kopf ends every task that was started after its own: all of ours come first.
        self._unlisted.update(cluster.namespaces)
        for namespace in cluster.namespaces:
            self._start(self._watch_versions(cluster, sight, namespace))
        self._start(self._lead(sight, crank))
        self._start(self._compare())
        self._start(events.run())
        await self._feed.run(self._end_work)
        if isinstance(self._failure, ClusterRefused):
            log.error("ending: %s%s", self._failure, _HINTS.get(self._failure.status.code, ""))
        elif self._failure:
            log.error("ending because of a failure", exc_info=self._failure)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()):
            self._failure = failure
            self._feed.stopping.set()

    async def _watch_versions(self, cluster: Cluster, sight: Sight, namespace: str) -> None:
        while True:
            try:
                async for event in cluster.versions.watch(namespace):
                    sight.versions_seen(namespace, event)
                    if isinstance(event, Listed):
                        self._unlisted.discard(namespace)
                        self._news.set()
            except ClusterUnavailable as unavailable:
                log.warning("versions cannot be listed: %s", unavailable)
                await asyncio.sleep(_PAUSE)

    async def _compare(self) -> None:
        """Versions first: what an edit is worth depends on the versions there are."""
        while self._unlisted:
            self._news.clear()
            await self._news.wait()
        await self._feed.compare()

    async def _lead(self, sight: Sight, crank: Crank) -> None:
        """Work while leading. The loss of the Lease is the end of this process: another one leads."""
        if self._settings.leader_elect:
            self._start(self._hold())
            await self._leadership.gained.wait()
        await self._feed.filled.wait()
        gc.freeze()  # what was read at the start stays: garbage is looked for among the rest
        steady = [crank.work(sight.crowd.bearable) for _ in range(STEADY_WORKERS)]
        others = [crank.work(sight.crowd.calm) for _ in range(WORKERS - STEADY_WORKERS)]
        await asyncio.gather(sight.lead(), *steady, *others, *(crank.publish() for _ in range(PUBLISHERS)))

    async def _hold(self) -> None:
        await self._leadership.run()
        log.error("the Lease is lost: ending at once, so that nothing is written besides the next leader")
        os._exit(1)

    async def _end_work(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=_FAREWELL)

    async def _end(self, judge: SchemaJudge) -> None:
        await self._end_work()
        try:
            async with asyncio.timeout(_FAREWELL):
                await self._leadership.release()
        except (ClusterUnavailable, ClusterRefused, TimeoutError) as error:
            log.warning("the Lease was not released: %s", error)
        await judge.close()
        await self._servers.close()
        await self._fenced.close()
        await self._unfenced.close()


def _uptime() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
