"""kopf: the watch feed and the end. The only file that imports it; it registers nothing that makes kopf write."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import version
from typing import Any, TypeVar, cast

import kopf
from pydantic import ValidationError

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import GROUP, VERSION, Resource
from assistant_operator.clients.kubernetes.watch_session import EPOCH, SERVER, WatchSession

from .event_handlers import EventHandlers
from .resync import ClusterResync

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Resource)

USER_AGENT = f"kopf/{version('kopf')}"
"""By which the API server's audit log tells the watches from all else."""
_GRACE_PERIOD = 0.5


class Informer:
    """Shows each state of each Assistant and Graph, in order, as kopf's watch delivers them."""

    def __init__(
        self,
        handlers: EventHandlers,
        session: WatchSession,
        resyncs: Mapping[str, ClusterResync],
        namespaces: tuple[str, ...],
    ) -> None:
        """`resyncs`: by namespace, empty for all; told of what cannot be read."""
        self._handlers = handlers
        self._session = session
        self._resyncs = resyncs
        self._namespaces = namespaces
        self.stopping = asyncio.Event()

    async def run(self, end: Callable[[], Awaitable[None]]) -> None:
        """Watch until `stopping` is set or a signal comes, then `end` all work. Raises when kopf ends for a bug."""
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
            asyncio.get_running_loop().call_later(_GRACE_PERIOD, watching.cancel)

        await asyncio.wait({watching})
        if not watching.cancelled():
            await watching

    def _register(self, registry: kopf.OperatorRegistry) -> None:
        # Only login and event handlers: with any other kind kopf writes to the objects, and a write that fails
        # makes it skip their events.
        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            return kopf.AiohttpSession(server=SERVER, aiohttp_session=cast("Any", self._session))

        @kopf.on.event(GROUP, VERSION, Assistant.plural, registry=registry, id="assistants")
        async def assistant(event: Any, **_: Any) -> None:
            if seen := self._parsed(Assistant, event):
                if event["type"] == "DELETED":
                    self._handlers.on_assistant_delete(seen.key, seen.metadata.uid)
                else:
                    await self._handlers.on_assistant_update(seen, event["object"].get(EPOCH, 0))

        @kopf.on.event(GROUP, VERSION, Graph.plural, registry=registry, id="graphs")
        async def graph(event: Any, **_: Any) -> None:
            if seen := self._parsed(Graph, event):
                if event["type"] == "DELETED":
                    self._handlers.on_graph_delete(seen.key, seen.metadata.uid)
                else:
                    self._handlers.on_graph_update(seen, event["object"].get(EPOCH, 0))

    def _parsed(self, kind: type[R], event: Any) -> R | None:
        try:
            return kind.model_validate(event["object"])
        except ValidationError as error:
            meta = event["object"].get("metadata", {})
            namespace, name = meta.get("namespace", ""), meta.get("name", "")
            resync = self._resyncs.get("") or self._resyncs.get(namespace)
            if resync:
                resync.unreadable(kind, (namespace, name), meta.get("resourceVersion", ""))
            told = (kind.kind_name, namespace, name, describe_validation_error(error))
            # A traceback would repeat the values.
            log.error("skipped unreadable object kind=%s namespace=%s name=%s: %s", *told)  # noqa: TRY400
            return None


def describe_validation_error(error: ValidationError) -> str:
    """Where the object does not fit the model, and why: without the values that stand there."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in found)


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
    settings.process.ultimate_exiting_timeout = 4.5
    return settings
