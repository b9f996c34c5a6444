"""The informer: passes each watch event to the handler of its kind; the events of one object in order.

It uses kopf's watches, and no feature of kopf that writes to objects. It is the only module that imports kopf.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Generic, TypeVar, cast

import kopf
from pydantic import ValidationError

from assistant_operator.api.meta import GROUP, VERSION, Key, Resource
from assistant_operator.clients.kubernetes.watch_session import EPOCH, SERVER, WatchSession

log = logging.getLogger(__name__)

R = TypeVar("R", bound=Resource)

USER_AGENT = f"kopf/{version('kopf')}"
"""Distinguishes the watches from all other requests in the audit log of the API server."""
_GRACE_PERIOD = 0.5


@dataclass(frozen=True, slots=True)
class ResourceHandler(Generic[R]):
    """What handles the events of one kind. An exception of a handler is logged, and its event is lost."""

    kind: type[R]
    on_update: Callable[[R, int], Awaitable[None] | None]
    """Called with an object that was created or updated, and the epoch of its watch; see ResourceVersions."""
    on_delete: Callable[[Key, str, int], None]
    """Called with the key and the UID of an object that was deleted, and the epoch of its watch."""


class Informer:
    """Watches objects of several kinds, in some namespaces or in all."""

    def __init__(
        self,
        session: WatchSession,
        handlers: Sequence[ResourceHandler[Any]],
        namespaces: tuple[str, ...],
        *,
        on_unreadable: Callable[[type[Resource], Key, str], None],
    ) -> None:
        """`namespaces`: empty for all.

        `on_unreadable`: called with the key and the resource version of an object that does not fit its model.
        """
        self._session = session
        self._handlers = handlers
        self._namespaces = namespaces
        self._on_unreadable = on_unreadable
        self.stopping = asyncio.Event()

    async def run(self, shut_down: Callable[[], Awaitable[None]]) -> None:
        """Watch until `stopping` is set or the process gets a signal, then await `shut_down`. Raises if kopf fails."""
        registry = kopf.OperatorRegistry()

        # Only login and event handlers: for any other kind of handler kopf writes to the objects, and if such a write
        # fails it skips their events.
        @kopf.on.login(registry=registry)
        async def login(**_: Any) -> kopf.AiohttpSession:
            return kopf.AiohttpSession(server=SERVER, aiohttp_session=cast("Any", self._session))

        for handler in self._handlers:
            self._register(registry, handler)

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

    def _register(self, registry: kopf.OperatorRegistry, handler: ResourceHandler[Any]) -> None:
        @kopf.on.event(GROUP, VERSION, handler.kind.plural, registry=registry, id=handler.kind.plural)
        async def handle(event: Any, **_: Any) -> None:
            resource = self._parse(handler.kind, event["object"])
            if resource is None:
                return
            epoch = event["object"].get(EPOCH, 0)
            if event["type"] == "DELETED":
                handler.on_delete(resource.key, resource.metadata.uid, epoch)
            elif (handling := handler.on_update(resource, epoch)) is not None:
                await handling

    def _parse(self, kind: type[R], content: Any) -> R | None:
        try:
            return kind.model_validate(content)
        except ValidationError as error:
            meta = content.get("metadata", {})
            namespace, name = meta.get("namespace", ""), meta.get("name", "")
            self._on_unreadable(kind, (namespace, name), meta.get("resourceVersion", ""))
            fields = (kind.kind_name, namespace, name, describe_validation_error(error))
            # No traceback: it would contain values of the object.
            log.error("skipped unreadable object kind=%s namespace=%s name=%s: %s", *fields)  # noqa: TRY400
            return None


def describe_validation_error(error: ValidationError) -> str:
    """Return the path and the type of each validation error, without the values of the object."""
    errors = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['type']}" for one in errors)


class _NoDiffs(kopf.DiffBaseStorage):
    """Stores no last-handled configuration in the objects, and does not copy each object to compute one."""

    def build(self, *, body: Any, extra_fields: Any = None) -> Any:  # noqa: ARG002 (kopf passes them by name)
        return None

    def fetch(self, *, body: Any) -> Any:  # noqa: ARG002 (kopf passes them by name)
        return None

    def store(self, *, body: Any, patch: Any, essence: Any) -> None:
        pass


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    settings.persistence.diffbase_storage = _NoDiffs()
    settings.peering.standalone = True
    settings.scanning.disabled = True
    settings.posting.enabled = False
    settings.posting.loggers = False
    # kopf has a task for each object with an event, for as long as this: an edit and the events that follow it.
    settings.queueing.idle_timeout = 0.2
    settings.queueing.exit_timeout = 3.0
    settings.queueing.error_delays = ()
    settings.watching.initial_streaming = False
    settings.watching.chunk_size = 500
    settings.watching.inactivity_timeout = 70
    settings.watching.reconnect_backoff = 0.2
    settings.process.ultimate_exiting_timeout = 4.5
    return settings
