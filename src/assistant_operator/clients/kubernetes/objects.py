"""Generic API calls: get, get at a resource version, list in pages, replay from the watch cache, patch."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import replace
from itertools import product
from typing import Any, Literal, TypeVar

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import GROUP, MANAGER, VERSION, FreeForm, Key, ObjectMeta, Resource, position

from .resource_versions import ResourceVersions
from .shapes import Shape
from .transport import (
    JSON,
    MERGE_PATCH,
    AnswerTooLarge,
    ApiServer,
    Call,
    ClusterRefused,
    ClusterUnavailable,
    Status,
    status_of,
    watch_event,
)

PAGE = 500
_SILENCE = 5
"""Least timeout for the next event of a replay, in seconds."""
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""Accept header for metadata only."""
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"

_COMPARED: tuple[type[Resource], ...] = (AssistantVersion, Assistant)
"""The kinds of which one is read to confirm the storage: the second one if the first cannot be."""
_CONFIRMATION = 3.0
"""Timeout in seconds of a read that confirms the storage."""

R = TypeVar("R", bound=Resource)
T = TypeVar("T")


class TooOld(Exception):
    """The watch cache of the API server does not reach back to that resource version."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.oldest = status.oldest_resource_version
        """The oldest resource version in the cache, if the API server names it."""


class Objects:
    """The API calls on one API server."""

    def __init__(
        self, server: ApiServer, namespaces: tuple[str, ...] = (), resource_versions: ResourceVersions | None = None
    ) -> None:
        """`namespaces`: the watched namespaces; empty for all."""
        self.server = server
        self.resource_versions = resource_versions or ResourceVersions()
        self.namespaces = namespaces or ("",)
        self._confirming = asyncio.Lock()
        self._readable = self.namespaces[0]
        """Where a list succeeded last."""

    async def read(self, path: str, accept: str = JSON) -> FreeForm | None:
        """Return the object; None if it does not exist. Raises ClusterRefused if its kind is not served."""
        try:
            return await self.server.send(Call("GET", path, accept=accept))
        except ClusterRefused as refused:
            # A 404 of a proxy, or of an API server that does not serve the kind, has no kind in its details.
            if refused.status.code == 404 and refused.status.kind:
                return None
            raise

    async def get(self, kind: type[R], key: Key) -> R | None:
        """Return the object; None if it does not exist."""
        content = await self.read(path_of(kind, key))
        return kind.model_validate(content) if content else None

    async def metadata(self, kind: type[Resource], key: Key) -> ObjectMeta | None:
        """Return the metadata of the object; None if it does not exist."""
        content = await self.read(path_of(kind, key), METADATA)
        return ObjectMeta.model_validate(content["metadata"]) if content else None

    async def get_at(self, kind: type[R], key: Key, resource_version: int) -> R | Literal["Expired"] | None:
        """Return the object at that resource version; Expired if the API server has compacted it."""
        query = {
            "fieldSelector": f"metadata.name={key[1]}",
            "resourceVersion": str(resource_version),
            "resourceVersionMatch": "Exact",
        }
        try:
            page = await self.server.send(Call("GET", path_of(kind, (key[0], "")), query))
        except ClusterRefused as refused:
            if refused.status.code in (400, 410):
                return "Expired"
            raise
        return next((kind.model_validate(item) for item in page["items"]), None)

    async def newest_resource_version(self, path: str, *, timeout: float = 30.0) -> str:
        """Return the current resource version of the storage of the kind that is listed at `path`."""
        call = Call("GET", path, {"limit": 1}, accept=METADATA_LIST)
        page = checked_page(call, await self.server.send(call, timeout=timeout), "items")
        newest: str = page["metadata"]["resourceVersion"]
        return newest

    async def _compared(self, kind: str, path: str, *, timeout: float = 30.0) -> str:
        """Return the same, after a comparison with what was read before: the epoch is a new one if it went back."""
        mark = self.resource_versions.mark()
        newest = await self.newest_resource_version(path, timeout=timeout)
        self.resource_versions.compare(kind, mark, newest)
        return newest

    async def is_restored(self, kind: str, path: str, since: str, epoch: int) -> bool:
        """Return whether the storage was restored from a snapshot that is older than `since`, read in `epoch`.

        The API server accepts a watch from such a resource version and sends no events, so that the watch never fails.
        """
        newest = await self._compared(kind, path)
        return self.resource_versions.epoch != epoch or position(since) > position(newest)

    async def confirm_storage(self) -> None:
        """Find out after an interruption whether the storage was restored. See ResourceVersions.

        Raises ClusterUnavailable if it was, or if that is not known: then nothing that was decided may be written.
        """
        epoch = self.resource_versions.epoch
        if self.resource_versions.is_confirmed():
            return
        async with self._confirming:
            await self._compare_anywhere()
        if epoch != self.resource_versions.epoch:
            raise ClusterUnavailable("the storage was restored from a snapshot: nothing is written before it is read")

    async def _compare_anywhere(self) -> None:
        """Compare a consistent read of one kind in one namespace: the storage has one resource version.

        Others may fail: what fails in one namespace must not stop the writes in another.
        """
        if self.resource_versions.is_confirmed():
            return  # by another write that waited
        error: Exception = ClusterUnavailable("the API server was interrupted again")
        for namespace, kind in product(dict.fromkeys((self._readable, *self.namespaces)), _COMPARED):
            try:
                await self._compared(kind.kind_name, path_of(kind, (namespace, "")), timeout=_CONFIRMATION)
            except (ClusterRefused, ClusterUnavailable) as failed:
                error = failed
            if self.resource_versions.is_confirmed():
                self._readable = namespace
                return
        raise ClusterUnavailable(f"whether the storage was restored is not known: {error}") from error

    async def replay(self, kind: type[R], key: Key, since: int, seconds: int) -> AsyncGenerator[R, None]:
        """Yield each state of the object after `since` from the API server's watch cache. Ends after `seconds`.

        Raises TooOld: the API server reports it as an HTTP status or as an ERROR event.
        """
        query = {"watch": "true", "fieldSelector": f"metadata.name={key[1]}", "resourceVersion": str(since)}
        call = Call("GET", path_of(kind, (key[0], "")), {**query, "timeoutSeconds": str(seconds)})
        try:
            with closing(await self.server.watch(call, silence=max(seconds, _SILENCE))) as lines:
                async for line in lines:
                    event = watch_event(call, line)
                    if event["type"] == "ERROR":
                        raise TooOld(status_of(event["object"]))
                    yield kind.model_validate(event["object"])
        except ClusterRefused as refused:
            if refused.status.code != 410:
                raise
            raise TooOld(refused.status) from refused

    async def pages(
        self,
        path: str,
        accept: str,
        selection: Mapping[str, str] | None = None,
        *,
        limit: int = 0,
        shape: Shape | None = None,
    ) -> AsyncIterator[FreeForm]:
        """Yield the pages of a listing, of `limit` objects each (0: as many as is usual).

        `selection`: labelSelector and fieldSelector as query parameters. `shape`: what is read; None for all.
        """
        call = Call("GET", path, {**(selection or {}), "limit": limit or PAGE}, accept=accept, shape=shape)
        while True:
            try:
                answer = await self.server.send(call, timeout=60)
            except AnswerTooLarge:
                if (smaller := in_half(call)) is None:
                    raise
                call = smaller
                continue
            page = checked_page(call, answer, "rows" if "Table" in accept else "items")
            yield page
            if not (token := page["metadata"].get("continue")):
                return
            call = replace(call, query={**(call.query or {}), "continue": token})

    async def patch(
        self,
        kind: type[Resource],
        key: Key,
        body: Any,
        content_type: str = MERGE_PATCH,
        *,
        subresource: str = "",
        query: Mapping[str, str | int] | None = None,
    ) -> ObjectMeta:
        """Patch an object and return its new metadata. `query`: default: the operator's field manager."""
        path = path_of(kind, key) + subresource
        call = Call("PATCH", path, query or {"fieldManager": MANAGER}, body, content_type, METADATA)
        return written(await self.write(call))

    async def write(self, call: Call) -> FreeForm:
        """Send a write and return the object. Its resource version counts as read: no later read may be older."""
        await self.confirm_storage()
        epoch = self.resource_versions.epoch
        answer = await self.server.send(call)
        with reading(call):
            self.resource_versions.record(answer["metadata"]["resourceVersion"], epoch)
        return answer


def written(answer: FreeForm) -> ObjectMeta:
    """Return the metadata in the answer to a write, without managed fields: they are large, and nothing reads them."""
    return ObjectMeta.model_validate({**answer["metadata"], "managedFields": ()})


async def if_current(write: Awaitable[T]) -> T | None:
    """Await a write. Returns None if its object does not exist, was replaced, or has changed (a conflict)."""
    try:
        return await write
    except ClusterRefused as refused:
        if refused.status.code in (404, 409) or refused.status.is_of_another:
            return None
        raise


def in_half(call: Call) -> Call | None:
    """Return the call with half its page limit; None if the limit is 1 or absent."""
    query = call.query or {}
    limit = int(query.get("limit", 0))
    return replace(call, query={**query, "limit": limit // 2}) if limit > 1 else None


@contextmanager
def reading(call: Call) -> Iterator[None]:
    """Convert the errors of parsing an answer to ClusterUnavailable: it does not have the format of the API server."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClusterUnavailable(f"{call}: what answered is no Kubernetes API: {type(error).__name__}") from error


def checked_page(call: Call, page: FreeForm, items: str) -> FreeForm:
    """Return the page with a list under `items`. Raises ClusterUnavailable if it is not a page of a listing."""
    meta = page.get("metadata")
    found = page.get(items) or []
    is_page = isinstance(meta, dict) and isinstance(meta.get("resourceVersion"), str) and isinstance(found, list)
    if not is_page or (items == "items" and not all(_has_metadata(item) for item in found)):
        raise ClusterUnavailable(f"{call}: what answered is no Kubernetes API")
    return {**page, items: found}


def _has_metadata(item: Any) -> bool:
    return isinstance(item, dict) and isinstance(item.get("metadata"), dict)


def path_of(kind: type[Resource], key: Key) -> str:
    """Return the path of an object; without a name, of the namespace's objects; without a namespace, of all objects."""
    namespace, name = key
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{inside}/{kind.plural}" + (f"/{name}" if name else "")
