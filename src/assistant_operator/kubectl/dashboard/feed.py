"""Lists objects and keeps them up to date by a watch, for as long as a page needs them."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from assistant_operator.api.meta import FreeForm, Key
from assistant_operator.clients.kubernetes.objects import Objects
from assistant_operator.clients.kubernetes.transport import (
    JSON,
    ApiServer,
    Call,
    ClusterRefused,
    ClusterUnavailable,
    status_of,
)

T = TypeVar("T")

_WATCH_SECONDS, _SILENCE = 25, 35.0
"""A watch ends after 25 s and is opened again, so that an API server that is gone is noticed within 35 s."""
_SHORT_PAUSE, _PAUSE, _LONG_PAUSE = 0.1, 1.0, 10.0
"""Seconds before the next attempt: after an outdated watch, after no answer, and after a refusal."""
_KEPT = 60.0
"""Seconds for which a feed that no page uses goes on: the next page often needs it again."""
_GONE = 410


class _Outdated(Exception):
    """The API server no longer has that resource version: list again."""


@dataclass(frozen=True, slots=True)
class Source:
    """A listing: a path of the API, and a field selector."""

    path: str
    fields: str = ""

    @property
    def query(self) -> Mapping[str, str]:
        return {"fieldSelector": self.fields} if self.fields else {}


@dataclass
class Feed(Generic[T]):
    """The objects of one listing. `parse`: returns what is kept of an object; raises ValueError for an unknown form."""

    server: ApiServer
    source: Source
    parse: Callable[[FreeForm], T]
    items: dict[Key, T] = field(default_factory=dict)
    unreadable: set[Key] = field(default_factory=set)
    """Objects that `parse` refused; they are not in `items`."""
    lost: str = ""
    """Why the items may be out of date; empty while the watch runs."""
    revision: int = field(default_factory=time.monotonic_ns)
    """Grows with each change; that of another feed of the same source is another one."""
    users: int = 0
    idle_since: float = 0.0
    error: ClusterRefused | ClusterUnavailable | None = None
    """Why it was not listed or is not watched; None while the watch runs."""
    _position: str = ""
    _is_listed: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            pause = _PAUSE
            try:
                await self._list()
                while True:
                    await self._watch()
            except _Outdated:
                pause = _SHORT_PAUSE
            except ClusterRefused as refused:
                pause = _LONG_PAUSE
                self._fail(refused)
            except ClusterUnavailable as unavailable:
                self._fail(unavailable)
            except (AttributeError, KeyError, TypeError) as error:
                self._fail(ClusterUnavailable(f"what answered is no Kubernetes API: {type(error).__name__}"))
            await asyncio.sleep(pause)

    async def listed(self) -> "Feed[T]":
        """This feed, once it has items. Raises ClusterUnavailable and ClusterRefused if the first listing fails."""
        while not self._is_listed:
            if self.error:
                raise self.error
            await self.changed()
        return self

    async def changed(self) -> None:
        """Wait for the next change of the items or of `lost`."""
        await self._changed.wait()

    async def _list(self) -> None:
        found: dict[Key, T] = {}
        unreadable: set[Key] = set()
        async for page in Objects(self.server).pages(self.source.path, JSON, self.source.query):
            for item in page["items"]:
                self._keep(item, found, unreadable)
            self._position = page["metadata"]["resourceVersion"]
        self.items, self.unreadable = found, unreadable
        self._is_listed, self.error, self.lost = True, None, ""
        self._notify()

    def _keep(self, document: FreeForm, items: dict[Key, T], unreadable: set[Key]) -> None:
        key = _key(document)
        unreadable.discard(key)
        try:
            items[key] = self.parse(document)
        except (ValueError, TypeError, KeyError):
            items.pop(key, None)
            unreadable.add(key)

    async def _watch(self) -> None:
        query = {"watch": "true", "allowWatchBookmarks": "true", "timeoutSeconds": str(_WATCH_SECONDS)}
        query |= {"resourceVersion": self._position, **self.source.query}
        started = time.monotonic()
        try:
            async for event in self.server.stream(Call("GET", self.source.path, query), silence=_SILENCE):
                self._take(str(event.get("type")), event["object"])
        except ClusterRefused as refused:
            if refused.status.code == _GONE:
                raise _Outdated from refused
            raise
        if time.monotonic() - started < _PAUSE:
            await asyncio.sleep(_PAUSE)  # a proxy that ends each watch at once

    def _take(self, kind: str, document: FreeForm) -> None:
        if kind == "ERROR":
            status = status_of(document)
            if status.code == _GONE:
                raise _Outdated
            raise ClusterUnavailable(f"the watch ended: {status.message}")
        self._position = document["metadata"]["resourceVersion"]
        if kind == "BOOKMARK":
            return
        if kind == "DELETED":
            self.items.pop(_key(document), None)
            self.unreadable.discard(_key(document))
        else:
            self._keep(document, self.items, self.unreadable)
        self._notify()

    def _fail(self, error: ClusterRefused | ClusterUnavailable) -> None:
        is_known = self.lost == str(error)
        self.error, self.lost = error, str(error)
        if not is_known:
            self._notify()

    def _notify(self) -> None:
        self.revision += 1
        self._changed.set()
        self._changed = asyncio.Event()


def _key(document: FreeForm) -> Key:
    meta = document["metadata"]
    return meta.get("namespace", ""), meta["name"]


class Feeds:
    """The running feeds, one a source. `async with` ends them."""

    def __init__(self, server: ApiServer) -> None:
        self._server = server
        self._running: dict[Hashable, tuple[Feed, asyncio.Task[None]]] = {}  # type: ignore[type-arg]

    async def close(self) -> None:
        tasks = [task for _, task in self._running.values()]
        self._running.clear()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    @asynccontextmanager
    async def using(self, source: Source, parse: Callable[[FreeForm], T]) -> AsyncIterator[Feed[T]]:
        """The feed of that source, started if it does not run. It ends a minute after its last use."""
        await self._end_idle()
        running = self._running.get((source, parse))
        if running is None or running[1].done():
            feed = Feed(self._server, source, parse)
            running = feed, asyncio.create_task(feed.run())
            self._running[source, parse] = running
        found: Feed[T] = running[0]
        found.users += 1
        try:
            yield found
        finally:
            found.users -= 1
            found.idle_since = asyncio.get_running_loop().time()

    async def _end_idle(self) -> None:
        limit = asyncio.get_running_loop().time() - _KEPT
        for key, (feed, task) in tuple(self._running.items()):
            if not feed.users and feed.idle_since < limit:
                del self._running[key]
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task


def revision_of(feeds: "Sequence[Feed[Any]]") -> str:
    """Equal as long as nothing changes."""
    return ".".join(str(feed.revision) for feed in feeds)


async def any_change(feeds: "list[Feed[T]]", timeout: float) -> bool:
    """Wait until one of the feeds changes. Returns False after `timeout` seconds without a change."""
    waits = [asyncio.create_task(feed.changed()) for feed in feeds]
    try:
        done, _ = await asyncio.wait(waits, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
    return bool(done)
