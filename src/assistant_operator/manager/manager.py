"""One operator from start to end: what runs beside what, and how it stops."""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Coroutine
from typing import Any

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.connection import Reload, configuration
from assistant_operator.clients.kubernetes.leases import Leases
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.transport import ApiServer, ClusterRefused, ClusterUnavailable
from assistant_operator.clients.kubernetes.version_table import Failing, Opened, Replaced, VersionEvent
from assistant_operator.clients.kubernetes.watch_retry import BACKOFF
from assistant_operator.clients.kubernetes.watch_session import Place, WatchSession
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.runtime.controller import Controller
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.health import HealthServer
from assistant_operator.runtime.leader_election import LeaderElector
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.watch_health import TOLERANCE, WatchHealth

from .event_handlers import EventHandlers
from .informer import USER_AGENT, Informer
from .resync import ClusterResync
from .settings import Settings
from .wiring import Clients, wire

log = logging.getLogger(__name__)

LEASE = "assistant-operator"
_GRACE_PERIOD = 1.0


class Manager:
    """Composes an operator and runs it until a signal or a failure."""

    def __init__(self, settings: Settings, connect: Reload = configuration) -> None:
        """`connect`: returns how to reach the API server; called again when the credentials are not accepted."""
        self._settings = settings
        self._connect = connect
        self._address = settings.address
        self._metrics = Metrics()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None
        self._resource_versions = ResourceVersions()
        kinds, namespaces = (Assistant, Graph, AssistantVersion), settings.namespaces or ("",)
        places = [(kind.kind_name, namespace) for kind in kinds for namespace in namespaces]
        self._health = WatchHealth(places)
        self._health.news = self._resync
        self._metrics.watches(places, self._health.is_failing, self._health.missing_columns)
        self._versions_listed = {namespace: asyncio.Event() for namespace in namespaces}
        self._resyncs: dict[str, ClusterResync] = {}

    async def run(self) -> int:
        """The exit code: 0 after a signal, 1 after a failure."""
        settings = self._settings
        seen = self._metrics.called
        self._fenced = ApiServer(await self._connect(), may_write=self._may_write, observe=seen, reload=self._connect)
        self._unfenced = ApiServer(await self._connect(), observe=seen, reload=self._connect)
        self._elector = LeaderElector(
            Leases(self._unfenced, settings.lease_namespace, LEASE),
            identity=settings.identity,
            clock=_uptime,
            failed=self._metrics.lease_failed,
        )
        self._watching = ApiServer(
            await self._connect(), observe=seen, headers={"User-Agent": USER_AGENT}, reload=self._connect
        )
        cluster = Cluster(self._fenced, settings.namespaces, self._resource_versions)
        judge, events = SchemaValidator(), self._events(cluster)
        self._servers = LangGraphServers(may_write=self._may_write, observe=self._metrics.asked)
        clients = Clients(cluster, self._servers, judge, events, self._metrics, self._resource_versions)
        handlers, controllers = wire(clients, settings.cluster_name, settings.server_credentials_role)
        self._resyncs.update(
            (each, ClusterResync(handlers, cluster, self._resource_versions, namespace=each, metrics=self._metrics))
            for each in cluster.namespaces
        )
        session = WatchSession(self._watching, self._resource_versions, self._health, (Assistant, Graph))
        self._feed = Informer(handlers, session, self._resyncs, settings.namespaces)
        self._metrics.leads(LEASE, self._may_write)
        web = HealthServer(
            self._address,
            is_ready=self._is_ready,
            affected=lambda: [*self._health.affected(), *self._elector.affected()],
            trouble=lambda: self._trouble(controllers),
            metrics=self._metrics.text,
        )
        await web.start()
        try:
            await self._turn(cluster, handlers, controllers, events)
        finally:
            await self._end(judge)
            await web.stop()
        return 1 if self._failure else 0

    def _events(self, cluster: Cluster) -> EventRecorder:
        told, lost = self._metrics.told, self._metrics.event_lost
        return EventRecorder(cluster, instance=self._settings.identity, observe=told, lost=lost)

    def _may_write(self) -> bool:
        return not self._settings.leader_elect or self._elector.is_held()

    def _trouble(self, controllers: tuple[Controller, ...]) -> str | None:
        """Why this process had better be started anew; None while it works."""
        if any(task.done() for task in self._tasks):
            return "a task has ended that never should"
        return next((why for each in controllers if (why := each.standstill())), None)

    def _is_ready(self) -> bool:
        if self._elector.failing_for() > TOLERANCE:
            return False
        return self._health.is_ready() and all(resync.filled.is_set() for resync in self._resyncs.values())

    def _resync(self, place: Place) -> None:
        if resync := self._resyncs.get(place[1]):
            resync.request()

    async def _turn(
        self, cluster: Cluster, handlers: EventHandlers, controllers: tuple[Controller, ...], events: EventRecorder
    ) -> None:
        # kopf ends every task that was started after its own: all of ours come first.
        for namespace, resync in self._resyncs.items():
            self._start(self._watch_versions(cluster, handlers, namespace))
            self._start(self._compare(resync, namespace))
        self._start(self._freeze())
        self._start(self._lead(handlers, controllers))
        self._start(events.run())
        await self._feed.run(self._end_work)
        if self._failure:
            log.error("failed, exiting", exc_info=self._failure)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()):
            self._failure = failure
            self._feed.stopping.set()

    async def _watch_versions(self, cluster: Cluster, handlers: EventHandlers, namespace: str) -> None:
        place, failures = (AssistantVersion.kind_name, namespace), 0
        while True:
            try:
                async for event in cluster.versions.watch(namespace):
                    handlers.on_version_event(namespace, event)
                    self._take_note(place, event)
                    if isinstance(event, Opened):
                        failures = 0
            except (ClusterUnavailable, ClusterRefused) as error:
                self._health.fails(place, error)
                failures += 1
                retry_after = error.retry_after if isinstance(error, ClusterUnavailable) else None
                await asyncio.sleep(BACKOFF.delay(failures, retry_after))

    def _take_note(self, place: Place, event: VersionEvent) -> None:
        """What an event says about the watch itself."""
        match event:
            case Replaced(missing=missing):
                self._health.listed(place)
                self._health.lacks(place, missing)
                self._versions_listed[place[1]].set()
            case Opened():
                self._health.works(place)
            case Failing(error):
                self._health.fails(place, error)
            case _:
                pass

    async def _compare(self, resync: ClusterResync, namespace: str) -> None:
        """Versions first: what an edit is worth depends on the versions there are."""
        await self._versions_listed[namespace].wait()
        await resync.run()

    async def _freeze(self) -> None:
        """What was read at the start stays: garbage is looked for among the rest."""
        for resync in self._resyncs.values():
            await resync.filled.wait()
        gc.freeze()
        await asyncio.Event().wait()

    async def _lead(self, handlers: EventHandlers, controllers: tuple[Controller, ...]) -> None:
        """Work while leading. The loss of the Lease is the end of this process: another one leads."""
        if self._settings.leader_elect:
            self._start(self._hold())
            await self._elector.gained.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(handlers.capture())
            for namespace, listed in self._versions_listed.items():
                group.create_task(self._record(handlers, namespace, listed))
            for controller in controllers:
                group.create_task(controller.run())

    async def _record(self, handlers: EventHandlers, namespace: str, listed: asyncio.Event) -> None:
        await listed.wait()
        await handlers.lead(namespace)

    async def _hold(self) -> None:
        await self._elector.run()
        log.error("leader election lost, exiting")
        os._exit(1)

    async def _end_work(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=_GRACE_PERIOD)

    async def _end(self, judge: SchemaValidator) -> None:
        await self._end_work()
        try:
            async with asyncio.timeout(_GRACE_PERIOD):
                await self._elector.release()
        except (ClusterUnavailable, ClusterRefused, TimeoutError) as error:
            log.warning("failed release of Lease: %s", error)
        await judge.close()
        await self._servers.close()
        await self._fenced.close()
        await self._watching.close()
        await self._unfenced.close()


def _uptime() -> float:
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
