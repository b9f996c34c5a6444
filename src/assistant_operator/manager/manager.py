"""The lifecycle of the process: what it starts, what runs concurrently, and how it ends."""

import asyncio
import gc
import logging
import os
import time
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, Resource
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.configuration import Load
from assistant_operator.clients.kubernetes.leases import Leases
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.transport import ApiServer, ClusterRefused, ClusterUnavailable
from assistant_operator.clients.kubernetes.version_table import Failing, Opened, Replaced, VersionEvent
from assistant_operator.clients.kubernetes.watch_retry import BACKOFF
from assistant_operator.clients.kubernetes.watch_session import Place, WatchSession
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.runtime import memory
from assistant_operator.runtime.controller import Controller
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.health import HealthServer
from assistant_operator.runtime.informer import USER_AGENT, Informer, ResourceHandler
from assistant_operator.runtime.leader_election import LeaderElector
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.watch_health import TOLERANCE, WatchHealth

from .event_handlers import EventHandlers
from .resync import ClusterResync
from .settings import Settings
from .wiring import Clients, wire

log = logging.getLogger(__name__)

LEASE = "assistant-operator"
POLICY_API = "admissionregistration.k8s.io/v1", "mutatingadmissionpolicies"
"""What --record-user needs of the API server."""
_GRACE_PERIOD = 1.0
_TRIM_EVERY = 5.0
"""Seconds. It takes some milliseconds, if there is much to give back."""
_NO_POLICIES = (
    "--record-user: this API server does not serve MutatingAdmissionPolicy in admissionregistration.k8s.io/v1. Use"
    " Kubernetes 1.36 or newer, or run without --record-user"
)


class UnsupportedCluster(ValueError):
    """The API server lacks what a flag needs."""


class Manager:
    """Composes the operator and runs it until it gets a signal or one of its tasks fails."""

    def __init__(self, settings: Settings, connect: Load) -> None:
        """`connect`: returns the address and credentials of the API server; called again after 401 Unauthorized."""
        self._settings = settings
        self._connect = connect
        self._address = settings.address
        self._metrics = Metrics()
        self._tasks: list[asyncio.Task[None]] = []
        self._failure: BaseException | None = None
        self._resource_versions = ResourceVersions()
        kinds, namespaces = (Assistant, Graph, AssistantVersion, AssistantAlias), settings.namespaces or ("",)
        places = [(kind.kind_name, namespace) for kind in kinds for namespace in namespaces]
        self._watch_health = WatchHealth(places, optional=(AssistantAlias.kind_name,))
        self._watch_health.on_recovery = self._request_resync
        self._metrics.watches(places, self._watch_health.is_failing, self._watch_health.missing_columns)
        self._versions_listed = {namespace: asyncio.Event() for namespace in namespaces}
        self._resyncs: dict[str, ClusterResync] = {}
        self._is_supported = asyncio.Event()
        """Whether the API server serves what the flags need."""

    async def run(self) -> int:
        """Return the exit code: 0 after a signal, 1 after a failure. Raises UnsupportedCluster."""
        async with AsyncExitStack() as connections:
            clients, watching = await self._open_clients(connections)
            await self._run(clients, watching)
        if isinstance(self._failure, UnsupportedCluster):
            raise self._failure
        return 1 if self._failure else 0

    async def _open_clients(self, connections: AsyncExitStack) -> tuple[Clients, ApiServer]:
        """Return what connects to others, and the client of the watches. `connections` closes them."""
        settings, metrics = self._settings, self._metrics
        interrupted = self._resource_versions.interrupt
        api_server = partial(ApiServer, observe=metrics.called, interrupted=interrupted, reload=self._connect)
        configuration = await self._connect()
        fenced = api_server(configuration, may_write=self._may_write)
        unfenced = api_server(configuration)
        watching = api_server(configuration, headers={"User-Agent": USER_AGENT})
        self._elector = LeaderElector(
            Leases(unfenced, settings.lease_namespace, LEASE),
            identity=settings.identity,
            clock=_uptime,
            count_failure=metrics.lease_failed,
        )
        cluster = Cluster(fenced, settings.namespaces, self._resource_versions)
        events = EventRecorder(
            cluster, instance=settings.identity, count=metrics.event_queued, count_lost=metrics.event_lost
        )
        validator, servers = SchemaValidator(), LangGraphServers(may_write=self._may_write, observe=metrics.asked)
        for each in (unfenced, watching, fenced, servers, validator):
            connections.push_async_callback(each.close)
        return Clients(cluster, servers, validator, events, metrics, self._resource_versions), watching

    async def _run(self, clients: Clients, watching: ApiServer) -> None:
        settings, cluster, metrics = self._settings, clients.cluster, self._metrics
        handlers, controllers = wire(
            clients, settings.cluster_name, settings.server_credentials_role, record_user=settings.record_user
        )
        for namespace in cluster.namespaces:
            self._resyncs[namespace] = ClusterResync(
                handlers, cluster, self._resource_versions, namespace=namespace, metrics=metrics
            )
        self._informer = self._new_informer(handlers, watching)
        metrics.leader_status(LEASE, self._may_write)
        health = self._new_health_server(controllers)
        await health.start()
        try:
            await self._run_tasks(cluster, handlers, controllers, clients.events)
        finally:
            await self._cancel_tasks()
            await self._release_lease()
            await health.stop()

    def _new_informer(self, handlers: EventHandlers, watching: ApiServer) -> Informer:
        return Informer(
            WatchSession(watching, self._resource_versions, self._watch_health, (Assistant, Graph, AssistantAlias)),
            (
                ResourceHandler(Assistant, handlers.on_assistant_update, handlers.on_assistant_delete),
                ResourceHandler(Graph, handlers.on_graph_update, handlers.on_graph_delete),
                ResourceHandler(AssistantAlias, handlers.on_alias_update, handlers.on_alias_delete),
            ),
            self._settings.namespaces,
            on_unreadable=self._skip_unreadable,
        )

    def _new_health_server(self, controllers: tuple[Controller, ...]) -> HealthServer:
        return HealthServer(
            self._address,
            is_ready=self._is_ready,
            problems=lambda: [*self._watch_health.problems(), *self._elector.problems()],
            failure=lambda: self._restart_reason(controllers),
            metrics=self._metrics.registry,
        )

    def _may_write(self) -> bool:
        return not self._settings.leader_elect or self._elector.is_held()

    def _restart_reason(self, controllers: tuple[Controller, ...]) -> str | None:
        """Why the kubelet has to restart this process; None while it works."""
        if any(task.done() for task in self._tasks):
            return "a task of the process has ended unexpectedly"
        return next((reason for controller in controllers if (reason := controller.standstill())), None)

    def _is_ready(self) -> bool:
        if self._elector.failing_for() > TOLERANCE or not self._is_supported.is_set():
            return False
        return self._watch_health.is_ready() and all(resync.filled.is_set() for resync in self._resyncs.values())

    def _request_resync(self, place: Place) -> None:
        if resync := self._resyncs.get(place[1]):
            resync.request()

    def _skip_unreadable(self, kind: type[Resource], key: Key, resource_version: str) -> None:
        if resync := self._resyncs.get("") or self._resyncs.get(key[0]):
            resync.unreadable(kind, key, resource_version)

    async def _run_tasks(
        self, cluster: Cluster, handlers: EventHandlers, controllers: tuple[Controller, ...], events: EventRecorder
    ) -> None:
        # At its end kopf cancels every task that started after its own, so all others start first.
        for namespace, resync in self._resyncs.items():
            self._start(self._watch_versions(cluster, handlers, namespace))
            # A resync captures edits, and their numbers depend on the versions that exist.
            self._start(_after(self._versions_listed[namespace], resync.run))
        self._start(self._check_cluster(cluster))
        self._start(self._settle_memory())
        self._start(self._lead(handlers, controllers))
        self._start(events.run())
        await self._informer.run(self._cancel_tasks)
        if self._failure and not isinstance(self._failure, UnsupportedCluster):
            log.error("failed, exiting", exc_info=self._failure)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        task.add_done_callback(self._task_ended)
        self._tasks.append(task)

    def _task_ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (failure := task.exception()):
            self._failure = failure
            self._informer.stopping.set()

    async def _watch_versions(self, cluster: Cluster, handlers: EventHandlers, namespace: str) -> None:
        place, failures = (AssistantVersion.kind_name, namespace), 0
        while True:
            try:
                async for event in cluster.versions.watch(namespace):
                    handlers.on_version_event(namespace, event)
                    self._record_watch_health(place, event)
                    if isinstance(event, Opened):
                        failures = 0
            except (ClusterUnavailable, ClusterRefused) as error:
                self._watch_health.fails(place, error)
                failures += 1
                retry_after = error.retry_after if isinstance(error, ClusterUnavailable) else None
                await asyncio.sleep(BACKOFF.delay(failures, retry_after))

    def _record_watch_health(self, place: Place, event: VersionEvent) -> None:
        match event:
            case Replaced(missing=missing):
                self._watch_health.listed(place)
                self._watch_health.set_missing_columns(place, missing)
                self._versions_listed[place[1]].set()
            case Opened():
                self._watch_health.works(place)
            case Failing(error):
                self._watch_health.fails(place, error)

    async def _check_cluster(self, cluster: Cluster) -> None:
        """Raise UnsupportedCluster if the API server lacks what a flag needs. An API server that is down is awaited."""
        failures = 0
        while self._settings.record_user:
            try:
                if not await cluster.serves(*POLICY_API):
                    raise UnsupportedCluster(_NO_POLICIES)
                break
            except (ClusterUnavailable, ClusterRefused) as error:
                failures += 1
                log.warning("postponed check of the API server: %s", error)
                await asyncio.sleep(BACKOFF.delay(failures))
        self._is_supported.set()
        await asyncio.Event().wait()  # a task that ends counts as failed

    async def _settle_memory(self) -> None:
        """Exclude all objects of the first listing from garbage collection: they live long. Give back what is free."""
        for resync in self._resyncs.values():
            await resync.filled.wait()
        gc.freeze()
        while True:
            await asyncio.sleep(_TRIM_EVERY)
            memory.trim()

    async def _lead(self, handlers: EventHandlers, controllers: tuple[Controller, ...]) -> None:
        """Wait for leadership, then capture edits and run the controllers."""
        await self._is_supported.wait()
        if self._settings.leader_elect:
            self._start(self._hold_lease())
            await self._elector.acquired.wait()
        async with asyncio.TaskGroup() as group:
            group.create_task(handlers.capture())
            for namespace, listed in self._versions_listed.items():
                group.create_task(_after(listed, partial(handlers.lead, namespace)))
            for controller in controllers:
                group.create_task(controller.run())

    async def _hold_lease(self) -> None:
        """Renew the Lease. Its loss ends the process at once, before another replica leads."""
        await self._elector.run()
        log.error("leader election lost, exiting")
        os._exit(1)

    async def _cancel_tasks(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks, timeout=_GRACE_PERIOD)

    async def _release_lease(self) -> None:
        try:
            async with asyncio.timeout(_GRACE_PERIOD):
                await self._elector.release()
        except (ClusterUnavailable, ClusterRefused, TimeoutError) as error:
            log.warning("failed release of Lease: %s", error)


async def _after(listed: asyncio.Event, work: Callable[[], Awaitable[None]]) -> None:
    await listed.wait()
    await work()


def _uptime() -> float:
    """Return the seconds since boot, including those in which the machine was suspended."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))
