"""What kopf sends its requests through: it lists and watches by our own transport, and never meets a failure.

kopf's watchers end the whole operator when a request fails in a way that kopf does not foresee: 404 and 410 as an
HTTP status, 401, an ERROR event other than 410, HTML, a line that is cut off. Restarting `kopf.operator()` inside the
process is no way out: kopf ends every task of the event loop that is younger than it, also those of other operators
and of our workers; and one operator for all namespaces would stop in all of them when one Role is deleted. A thread
with a loop of its own for each namespace and kind would isolate, at the price of a hop between threads for each event.

So kopf is given a session of its own, as its documentation provides for ("custom HTTP sessions"). kopf keeps what it is
good at: one ordered queue for each object, bookmarks, continuing after a disconnect. The session waits, retries and
reports, for each namespace and kind by itself: to kopf a failing API server is a slow one, and what cannot go on is
"410 Gone", after which kopf lists anew. kopf's discovery is answered from here: it would run only once at the start,
and a kind whose CustomResourceDefinition comes later would never be watched.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, Protocol, Self
from urllib.parse import parse_qsl, unquote, urlsplit

from assistant_operator.api.meta import GROUP, VERSION, FreeForm, Resource, position
from assistant_operator.clients.backoff import Backoff

from .objects import METADATA_LIST, checked_page, in_half
from .resource_versions import ResourceVersions
from .transport import AnswerTooLarge, ApiServer, Call, ClusterRefused, ClusterUnavailable, status_of, watch_event

SERVER = "http://cluster"
"""The address that kopf thinks it talks to."""
EPOCH = "listedInEpoch"
"""A field of objects that were listed after the storage of the cluster went back; see Positions."""

_GONE = b'{"type": "ERROR", "object": {"kind": "Status", "code": 410}}\n'
_SILENCE = 120.0
_PROOF, _STEADY = 1.0, 5.0
"""Seconds until a watch that was accepted counts as working, and until its end is nothing unusual."""
_MAY_PASS = {401, 403}
"""Refusals that say nothing about the events of a watch: it goes on from the same resource version."""
_ROOT = f"/apis/{GROUP}/{VERSION}"

Place = tuple[str, str]
"""Kind and namespace of what is watched; an empty namespace for all."""


class WatchObserver(Protocol):
    """Told how each watch fares."""

    def listed(self, place: Place) -> None:
        """Everything there was listed."""

    def works(self, place: Place) -> None:
        """The API server accepted the watch."""

    def fails(self, place: Place, error: ClusterUnavailable | ClusterRefused) -> None:
        """It could not be listed or watched; it is tried again."""


class WatchSession:
    """The part of an aiohttp session that kopf uses."""

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
        self._resource_versions = resource_versions
        self._observer = observer
        self._kinds: dict[str, type[Resource]] = {kind.plural: kind for kind in kinds}
        self._backoffs: dict[Place, Backoff] = {}
        self._listings: dict[Place, tuple[int, str]] = {}
        """Epoch and resource version of the last listing."""

    async def request(self, *, method: str, url: str, **_options: Any) -> "Document | Relist | Watch":
        """kopf's request. Its own timeouts are not used."""
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
        """The transport is the process's, and closed there."""
        self.closed = True

    async def _list(self, place: Place, call: Call) -> "Document | Relist":
        """One page, however long that takes."""
        is_first = "continue" not in (call.query or {})
        while True:
            mark = self._resource_versions.mark(place[0])
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
                self._listings[place] = (self._resource_versions.judge(place[0], mark, listed_at), listed_at)
            if not page["metadata"].get("continue"):
                self._observer.listed(place)
            return Document(_tagged(page, self._listings[place][0]))

    async def _watch(self, place: Place, call: Call) -> AsyncIterator[bytes]:
        """The lines of one watch. It ends when it breaks off, and kopf goes on from the last event."""
        loop, backoff = asyncio.get_running_loop(), self._backoff(place)
        started, opened = loop.time(), False
        try:
            if await self._must_list(place, call):
                yield _GONE
                return
            async for line in self._lines(place, call):
                opened = True
                if line:
                    yield line
        except (ClusterUnavailable, ClusterRefused) as error:
            if not opened or backoff.is_long:
                await self._failed(place, error)
            if isinstance(error, ClusterRefused) and error.status.code not in _MAY_PASS:
                yield _GONE
        if opened and loop.time() - started < _STEADY:  # kopf asks again at once
            await asyncio.sleep(backoff.failed())

    async def _lines(self, place: Place, call: Call) -> AsyncIterator[bytes]:
        """The lines of an open watch; an empty one first."""
        async with self._server.watching(call, silence=_SILENCE) as lines:
            yield b""
            works = asyncio.get_running_loop().call_later(_PROOF, self._observer.works, place)
            try:
                with self._resource_versions.ending(lines.close):
                    async for line in lines:
                        self._see(place, call, line)
                        yield line
            finally:
                works.cancel()

    async def _must_list(self, place: Place, call: Call) -> bool:
        """Whether the watch would go on from a resource version that the storage has not reached.

        Nothing is known to be missing then: the API server accepts such a watch and stays silent.
        """
        since = (call.query or {}).get("resourceVersion", "")
        epoch, listed_at = self._listings.get(place, (self._resource_versions.epoch, ""))
        if epoch != self._resource_versions.epoch:
            return True
        if since == listed_at:
            return False
        mark = self._resource_versions.mark(place[0])
        newest = Call("GET", call.path, {"limit": 1}, accept=METADATA_LIST)
        page = checked_page(newest, await self._server.send(newest), "items")
        reached = page["metadata"]["resourceVersion"]
        self._resource_versions.judge(place[0], mark, reached)
        return position(str(since)) > position(reached) or epoch != self._resource_versions.epoch

    def _see(self, place: Place, call: Call, line: bytes) -> None:
        """Take in an event. Raises ClusterRefused for an ERROR event, whatever its code: the watch cannot go on."""
        event = watch_event(call, line)
        said = event["object"]
        if event["type"] == "ERROR":
            raise ClusterRefused(str(call), status_of(said))
        if "metadata" not in said:
            raise ClusterUnavailable(f"{call}: the watch broke off: an event without metadata")
        seen = said.get("metadata", {}).get("resourceVersion", "")
        self._resource_versions.saw(place[0], seen, self._listings.get(place, (0, ""))[0])
        self._backoff(place).succeeded()

    async def _failed(self, place: Place, error: ClusterUnavailable | ClusterRefused) -> None:
        self._observer.fails(place, error)
        asked = error.retry_after if isinstance(error, ClusterUnavailable) else None
        await asyncio.sleep(self._backoff(place).failed(asked))

    def _backoff(self, place: Place) -> Backoff:
        return self._backoffs.setdefault(place, Backoff())


class Document:
    """An answer that is one JSON document."""

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
        """There is nothing to close."""

    async def json(self) -> FreeForm:
        return self._content


class Relist(Document):
    """An answer that makes kopf begin its listing again."""

    def __init__(self) -> None:
        super().__init__({})

    async def json(self) -> FreeForm:
        raise TimeoutError("the listing expired between two pages")


class Watch(Document):
    """An answer that is a stream of lines."""

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


def _discovery(kinds: Mapping[str, type[Resource]]) -> dict[str, FreeForm]:
    """What kopf is told of the cluster: the kinds that it shall watch, and those that it waits for at the start."""
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
