"""The HTTP session of kopf: lists and watches through our transport, and hides failures from kopf.

A kopf watcher ends the whole operator after some failed requests: 404 and 410 as an HTTP status, 401, an ERROR event
other than 410, HTML, a truncated line. Restarting `kopf.operator()` inside the process does not help: at its end kopf
cancels all tasks that were created after its start, also those of our workers. In addition, one operator for all
namespaces would stop in all of them when one Role is deleted. One thread with an event loop for each namespace and
kind would isolate them, but every event would then pass between threads.

So kopf uses this session ("custom HTTP sessions" in its documentation). kopf still does the ordered queue for each
object, the bookmarks and the continuation of a watch. For each namespace and kind the session retries with backoff and
reports failures: for kopf, a failing API server is a slow one. If a watch cannot be continued, kopf receives
"410 Gone" and lists again. The session also answers kopf's discovery: kopf runs it only once at the start, so that it
would never watch a kind whose CustomResourceDefinition is created later.
"""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import closing
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import GROUP, VERSION, FreeForm, Resource

from .objects import Objects, checked_page, in_half
from .resource_versions import ResourceVersions
from .transport import AnswerTooLarge, ApiServer, Call, ClusterRefused, ClusterUnavailable, status_of, watch_event
from .watch_retry import BACKOFF, REPORTED_FAILURES, STEADY, must_relist

SERVER = "http://cluster"
"""The base URL that kopf uses."""
EPOCH = "listedInEpoch"
"""Added to objects that were listed or watched after the storage was restored from a snapshot; see ResourceVersions."""

_GONE = b'{"type": "ERROR", "object": {"kind": "Status", "code": 410}}\n'
_SILENCE = 120.0
_PROOF = 1.0
"""Seconds until an open watch counts as working."""
_ROOT = f"/apis/{GROUP}/{VERSION}"

Place = tuple[str, str]
"""Kind and namespace of a watch; an empty namespace for all."""


class WatchObserver(Protocol):
    """Receives the state of each watch."""

    def listed(self, place: Place) -> None:
        """All objects of `place` were listed."""

    def works(self, place: Place) -> None:
        """The API server accepted the watch."""

    def fails(self, place: Place, error: ClusterUnavailable | ClusterRefused) -> None:
        """A list or watch failed; it will be retried."""


class WatchSession:
    """Implements the part of aiohttp.ClientSession that kopf uses."""

    def __init__(
        self,
        server: ApiServer,
        resource_versions: ResourceVersions,
        observer: WatchObserver,
        kinds: tuple[type[Resource], ...],
    ) -> None:
        self.headers = {"User-Agent": "kopf"}
        self.closed = False
        self._server = server
        self._objects = Objects(server, resource_versions=resource_versions)
        self._resource_versions = resource_versions
        self._observer = observer
        self._kinds: dict[str, type[Resource]] = {kind.plural: kind for kind in kinds}
        self._failures: Counter[Place] = Counter()
        """Failures in a row."""
        self._listings: dict[Place, tuple[int, str]] = {}
        """Epoch and resource version of the last listing."""

    async def request(self, *, method: str, url: str, **_options: Any) -> "Document | Relist | Watch":
        """Answer a request of kopf. Its timeouts are ignored."""
        if method.upper() != "GET":
            raise NotImplementedError(f"{method} {url}: nothing that makes kopf write is registered")
        parts = urlsplit(url.removeprefix(SERVER))
        path = unquote(parts.path)
        query: dict[str, str | int] = {**dict(parse_qsl(parts.query))}
        discovered = _discovery(self._kinds).get(path)
        if discovered is not None:
            return Document(discovered)
        namespaced, _, plural = path.removeprefix(f"{_ROOT}/").rpartition("/")
        place = (self._kinds[plural].kind_name, namespaced.removeprefix("namespaces/"))
        call = Call("GET", path, query)
        return Watch(self._watch(place, call)) if "watch" in query else await self._list(place, call)

    async def close(self) -> None:
        """Mark the session as closed. Its transport is shared and stays open."""
        self.closed = True

    async def _list(self, place: Place, call: Call) -> "Document | Relist":
        """Return one page. Retries until it succeeds."""
        is_first = "continue" not in (call.query or {})
        while True:
            mark = self._resource_versions.mark()
            try:
                page = checked_page(call, await self._server.send(call, timeout=60), "items")
            except (ClusterUnavailable, ClusterRefused) as error:
                if isinstance(error, AnswerTooLarge) and (smaller := in_half(call)):
                    call = smaller
                    continue
                if not is_first and isinstance(error, ClusterRefused) and error.status.code == 410:
                    return Relist()
                await self._failed(place, error)
                continue
            listed_at = page["metadata"]["resourceVersion"]
            if is_first:
                self._listings[place] = (self._resource_versions.compare(place[0], mark, listed_at), listed_at)
            if not page["metadata"].get("continue"):
                self._observer.listed(place)
            return Document(_tagged(_without_managed_fields(place, page), self._listings[place][0]))

    async def _watch(self, place: Place, call: Call) -> AsyncIterator[bytes]:
        """Yield the lines of one watch. Ends when the connection ends; kopf then continues from the last event."""
        loop = asyncio.get_running_loop()
        started, opened = loop.time(), False
        try:
            if await self._is_restored(place, call):
                yield _GONE
                return
            async for line in self._lines(place, call):
                opened = True
                if line:
                    yield line
        except (ClusterUnavailable, ClusterRefused) as error:
            if not opened or self._failures[place] >= REPORTED_FAILURES:
                await self._failed(place, error)
            if must_relist(error):
                yield _GONE
        if opened and loop.time() - started < STEADY:  # kopf opens the next watch at once
            await self._pause(place)

    async def _lines(self, place: Place, call: Call) -> AsyncIterator[bytes]:
        """Open a watch. Yields an empty line when it is open, then its lines."""
        with closing(await self._server.watch(call, silence=_SILENCE)) as lines:
            yield b""
            works = asyncio.get_running_loop().call_later(_PROOF, self._observer.works, place)
            try:
                with self._resource_versions.ending(lines.close):
                    async for line in lines:
                        yield self._checked_event(place, call, line)
            finally:
                works.cancel()

    async def _is_restored(self, place: Place, call: Call) -> bool:
        """Return whether the storage was restored from a snapshot that is older than the start of the watch."""
        since = str((call.query or {}).get("resourceVersion", ""))
        epoch, listed_at = self._listings.get(place, (self._resource_versions.epoch, ""))
        if epoch != self._resource_versions.epoch:
            return True
        return since != listed_at and await self._objects.is_restored(place[0], call.path, since, epoch)

    def _checked_event(self, place: Place, call: Call, line: bytes) -> bytes:
        """Return the line of an event, with the epoch. Raises ClusterRefused for an ERROR event of any code."""
        event = watch_event(call, line)
        content = event["object"]
        if event["type"] == "ERROR":
            raise ClusterRefused(str(call), status_of(content))
        if "metadata" not in content:
            raise ClusterUnavailable(f"{call}: the watch broke off: an event without metadata")
        resource_version = content["metadata"].get("resourceVersion", "")
        epoch, _ = self._listings.get(place, (0, ""))
        self._resource_versions.record(resource_version, epoch)
        self._failures[place] = 0
        return json.dumps({**event, "object": {**content, EPOCH: epoch}}).encode() + b"\n" if epoch else line

    async def _failed(self, place: Place, error: ClusterUnavailable | ClusterRefused) -> None:
        self._observer.fails(place, error)
        await self._pause(place, error.retry_after if isinstance(error, ClusterUnavailable) else None)

    async def _pause(self, place: Place, retry_after: float | None = None) -> None:
        self._failures[place] += 1
        await asyncio.sleep(BACKOFF.delay(self._failures[place], retry_after))


class Document:
    """A response with one JSON document."""

    status = 200
    closed = True
    headers: Mapping[str, str] = {}

    def __init__(self, content: FreeForm) -> None:
        self._content = content

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        return None

    def close(self) -> None:
        """Do nothing: there is no connection."""

    async def json(self) -> FreeForm:
        return self._content


class Relist(Document):
    """A response that makes kopf start its listing again."""

    def __init__(self) -> None:
        super().__init__({})

    async def json(self) -> FreeForm:
        raise TimeoutError("the listing expired between two pages")


class Watch(Document):
    """A response that streams lines."""

    closed = False

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        super().__init__({})
        self.content = self
        self._lines = lines

    async def __aexit__(self, *_: object) -> None:
        await self._lines.aclose()  # type: ignore[attr-defined]

    def iter_chunked(self, _: int) -> AsyncIterator[bytes]:
        return self._lines


def _tagged(page: FreeForm, epoch: int) -> FreeForm:
    if epoch:
        for item in page["items"]:
            item[EPOCH] = epoch
    return page


def _without_managed_fields(place: Place, page: FreeForm) -> FreeForm:
    """Drop those of Assistants where nothing reads them: kopf holds all pages of a listing, and they are large.

    They name the author of an edit that is still to be captured, and what others changed in a default Assistant. The
    store drops them by the same rule from what it keeps: see strip_managed_fields.
    """
    for item in page["items"] if place[0] == Assistant.kind_name else ():
        meta = item["metadata"]
        is_captured = item.get("status", {}).get("observedGeneration") == meta.get("generation")
        if is_captured and not any(owner.get("controller") for owner in meta.get("ownerReferences") or ()):
            meta.pop("managedFields", None)
    return page


def _discovery(kinds: Mapping[str, type[Resource]]) -> dict[str, FreeForm]:
    """Return the discovery documents, by path: the watched kinds, and those that kopf requires at its start."""
    ours = [_resource(kind.kind_name, plural) for plural, kind in kinds.items()]
    definitions = [_resource("CustomResourceDefinition", "customresourcedefinitions", namespaced=False)]
    core = [_resource("Namespace", "namespaces", namespaced=False), _resource("Event", "events")]
    return {
        "/api": {"versions": ["v1"]},
        "/api/v1": {"resources": core},
        "/apis": {"groups": [_group(GROUP, VERSION), _group("apiextensions.k8s.io", "v1")]},
        _ROOT: {"resources": ours},
        "/apis/apiextensions.k8s.io/v1": {"resources": definitions},
    }


def _group(name: str, version: str) -> FreeForm:
    return {"name": name, "versions": [{"version": version}], "preferredVersion": {"version": version}}


def _resource(kind: str, plural: str, *, namespaced: bool = True) -> FreeForm:
    verbs = ["list", "watch", "patch"]
    return {"kind": kind, "name": plural, "singularName": kind.lower(), "namespaced": namespaced, "verbs": verbs}
