"""The informer of Assistants and Graphs: kopf's watches, without any kopf feature that writes to objects."""

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
"""Distinguishes the watches from all other requests in the audit log of the API server."""
_GRACE_PERIOD = 0.5


class Informer:
    """Passes each watch event of Assistants and Graphs to the event handlers; the events of one object in order."""

    def __init__(
        self,
        handlers: EventHandlers,
        session: WatchSession,
        resyncs: Mapping[str, ClusterResync],
        namespaces: tuple[str, ...],
    ) -> None:
        """`resyncs`: by namespace, empty for all; they are notified of objects that do not fit the model."""
        self._handlers = handlers
        self._session = session
        self._resyncs = resyncs
        self._namespaces = namespaces
        self.stopping = asyncio.Event()

    async def run(self, shut_down: Callable[[], Awaitable[None]]) -> None:
        """Watch until `stopping` is set or the process gets a signal, then await `shut_down`. Raises if kopf fails."""
        registry = kopf.OperatorRegistry()
        self._register(registry)

        scope: dict[str, Any] = {"namespaces": self._namespaces} if self._namespaces else {"clusterwide": True}
        # By default kopf builds the identity from the name of the user, and the user of a container has no name.
        scope["identity"] = "assistant-operator"
        watching = asyncio.create_task(
            kopf.operator(registry=registry, settings=_settings(), standalone=True, stop_flag=self.stopping, **scope)
        )

        # At its end kopf waits for every task that started after its own. That takes longer than the grace period of a
        # pod, so kopf is cancelled once the own tasks have ended.
        @kopf.on.cleanup(registry=registry)
        async def ended(**_: Any) -> None:
            self.stopping.set()
            await shut_down()
            asyncio.get_running_loop().call_later(_GRACE_PERIOD, watching.cancel)

        await asyncio.wait({watching})
        if not watching.cancelled():
            await watching

    def _register(self, registry: kopf.OperatorRegistry) -> None:
        # Only login and event handlers: for any other kind of handler kopf writes to the objects, and if such a write
        # fails it skips their events.
        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            return kopf.AiohttpSession(server=SERVER, aiohttp_session=cast("Any", self._session))

        @kopf.on.event(GROUP, VERSION, Assistant.plural, registry=registry, id="assistants")
        async def assistant(event: Any, **_: Any) -> None:
            if parsed := self._parse(Assistant, event):
                if event["type"] == "DELETED":
                    self._handlers.on_assistant_delete(parsed.key, parsed.metadata.uid)
                else:
                    await self._handlers.on_assistant_update(parsed, event["object"].get(EPOCH, 0))

        @kopf.on.event(GROUP, VERSION, Graph.plural, registry=registry, id="graphs")
        async def graph(event: Any, **_: Any) -> None:
            if parsed := self._parse(Graph, event):
                if event["type"] == "DELETED":
                    self._handlers.on_graph_delete(parsed.key, parsed.metadata.uid)
                else:
                    self._handlers.on_graph_update(parsed, event["object"].get(EPOCH, 0))

    def _parse(self, kind: type[R], event: Any) -> R | None:
        try:
            return kind.model_validate(event["object"])
        except ValidationError as error:
            meta = event["object"].get("metadata", {})
            namespace, name = meta.get("namespace", ""), meta.get("name", "")
            resync = self._resyncs.get("") or self._resyncs.get(namespace)
            if resync:
                resync.unreadable(kind, (namespace, name), meta.get("resourceVersion", ""))
            fields = (kind.kind_name, namespace, name, describe_validation_error(error))
            # No traceback: it would contain values of the object.
            log.error("skipped unreadable object kind=%s namespace=%s name=%s: %s", *fields)  # noqa: TRY400
            return None


def describe_validation_error(error: ValidationError) -> str:
    """Return the path and the type of each validation error, without the values of the object."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in errors)


class _NoDiffs(kopf.DiffBaseStorage):
    """Stores no last-handled configuration, and does not copy objects to compute one."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002 (kopf passes them by name)
        return {}

    def fetch(self, *, body: Any) -> Any:  # noqa: ARG002 (kopf passes them by name)
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        pass


class _NoProgress(kopf.ProgressStorage):
    """Stores no progress: event handlers have none."""

    def fetch(self, *, key: Any, body: Any) -> Any:  # noqa: ARG002 (kopf passes them by name)
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
