"""kopf: login, the watch feed, the end. The only file that imports it; it registers nothing that makes kopf write."""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import kopf
from pydantic import ValidationError

from ..gateways.api_server import ClusterUnavailable
from ..gateways.cluster import Cluster
from ..gateways.connection import connection
from ..resources.assistant import Assistant
from ..resources.graph import Graph
from ..resources.meta import GROUP, VERSION, Key, Resource
from .sight import Sight

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Resource)

_RELIST_SETTLES, _RELIST_EVERY, _LOOK_AGAIN = 1.0, 600.0, 0.2
_FAREWELL = 0.5
_LOGIN_PAUSES = (0.0, 0.0, 1.0, 2.0, 5.0, 10.0, 30.0)


class Feed:
    """Shows each state of each Assistant and Graph, in order, as kopf's watch delivers them."""

    def __init__(self, sight: Sight, cluster: Cluster, namespaces: tuple[str, ...]) -> None:
        self._sight = sight
        self._cluster = cluster
        self._namespaces = namespaces
        self._relisted = asyncio.Event()
        self._unreadable: set[Key] = set()
        self.filled = asyncio.Event()
        self.stopping = asyncio.Event()

    async def run(self, end: Callable[[], Awaitable[None]]) -> None:
        """Watch until `stopping` is set or a signal comes, then `end` all work. Raises when kopf gives up."""
        registry = kopf.OperatorRegistry()
        self._register(registry)

        where: dict[str, Any] = {"namespaces": self._namespaces} if self._namespaces else {"clusterwide": True}
        # kopf would make one of the user's name, and the user of a container has none.
        where["identity"] = "assistant-operator"
        watching = asyncio.create_task(
            kopf.operator(registry=registry, settings=_settings(), standalone=True, stop_flag=self.stopping, **where)
        )

        # kopf waits for every task younger than its own, longer than there is time: after a signal it would be killed.
        @kopf.on.cleanup(registry=registry)
        async def ended(**_: Any) -> None:
            self.stopping.set()
            await end()
            asyncio.get_running_loop().call_later(_FAREWELL, watching.cancel)

        await asyncio.wait({watching})
        if not watching.cancelled():
            await watching

    async def compare(self) -> None:
        """After each listing, and now and then: what is listed was seen, what is not is gone. Until cancelled.

        kopf says nothing of objects that were deleted while its watch was broken.
        """
        while True:
            self._relisted.clear()
            wait = _LOOK_AGAIN
            try:
                if await self._is_level():
                    self.filled.set()
                    wait = _RELIST_EVERY
            except ClusterUnavailable as unavailable:
                log.warning("assistants and graphs cannot be listed: %s", unavailable)
                wait = _RELIST_SETTLES
            try:
                await asyncio.wait_for(self._relisted.wait(), wait)
                await asyncio.sleep(_RELIST_SETTLES)
            except TimeoutError:
                continue

    async def _is_level(self) -> bool:
        assistants, graphs = self._sight.known()
        listed_assistants = await self._cluster.uids(Assistant)
        listed_graphs = await self._cluster.uids(Graph)
        for key, uid in assistants.items() - listed_assistants.items():
            self._sight.assistant_gone(key, uid)
        for key, uid in graphs.items() - listed_graphs.items():
            self._sight.graph_gone(key, uid)
        unseen = (listed_assistants.items() - assistants.items()) | (listed_graphs.items() - graphs.items())
        return {key for key, _ in unseen} <= self._unreadable

    def _register(self, registry: kopf.OperatorRegistry) -> None:
        # Only login and event handlers: with any other kind kopf writes to the objects, and a write that fails
        # makes it skip their events.
        pauses = itertools.chain(_LOGIN_PAUSES, itertools.repeat(_LOGIN_PAUSES[-1]))

        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            # Asked again whenever the API server refuses what was answered before: not without a pause.
            await asyncio.sleep(next(pauses))
            server, session = await connection()
            return kopf.AiohttpSession(server=server, aiohttp_session=session)

        @kopf.on.event(GROUP, VERSION, Assistant.plural, registry=registry, id="assistants")
        async def assistant(event: Any, **_: Any) -> None:
            if seen := self._parsed(Assistant, event):
                if event["type"] == "DELETED":
                    self._sight.assistant_gone(seen.key, seen.metadata.uid)
                else:
                    await self._sight.assistant_seen(seen)

        @kopf.on.event(GROUP, VERSION, Graph.plural, registry=registry, id="graphs")
        async def graph(event: Any, **_: Any) -> None:
            if seen := self._parsed(Graph, event):
                if event["type"] == "DELETED":
                    self._sight.graph_gone(seen.key, seen.metadata.uid)
                else:
                    self._sight.graph_seen(seen)

    def _parsed(self, kind: type[R], event: Any) -> R | None:
        if event["type"] is None:
            self._relisted.set()
        try:
            return kind.model_validate(event["object"])
        except ValidationError as error:
            meta = event["object"].get("metadata", {})
            self._unreadable.add((meta.get("namespace", ""), meta.get("name", "")))
            where = (kind.kind_name, meta.get("namespace"), meta.get("name"))
            log.error("%s %s/%s cannot be read: %s", *where, error)  # noqa: TRY400 (said in full)
            return None


class _NoDiffs(kopf.DiffBaseStorage):
    """Nothing is remembered in the objects, and none is copied to find out what would be."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002 (kopf names them)
        return {}

    def fetch(self, *, body: Any) -> Any:  # noqa: ARG002 (kopf names them)
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """There is nothing to make progress with."""

    def fetch(self, *, key: Any, body: Any) -> Any:  # noqa: ARG002 (kopf names them)
        return None

    def store(self, *, key: Any, record: Any, body: Any, patch: Any) -> None:
        pass

    def purge(self, *, key: Any, body: Any, patch: Any) -> None:
        pass

    def touch(self, *, body: Any, patch: Any, value: Any) -> None:
        pass

    def clear(self, *, essence: Any) -> Any:
        return essence


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.persistence.progress_storage = _NoProgress()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.posting.loggers = False
    settings.queueing.idle_timeout = 1.0
    settings.queueing.exit_timeout = 3.0
    settings.queueing.error_delays = ()
    settings.watching.initial_streaming = False
    settings.watching.chunk_size = 500
    settings.watching.inactivity_timeout = 70
    settings.watching.reconnect_backoff = 0.2
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 5
    settings.networking.error_backoffs = (0.5, 1, 2, 4, 8, 15, 30, 30, 30, 30, 30)
    settings.process.ultimate_exiting_timeout = 4.5
    return settings
