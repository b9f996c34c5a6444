"""What the doors to Kubernetes share: how an object is read, as of when, page by page, and changed if it is there."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Literal

from assistant_operator.api.meta import GROUP, VERSION, FreeForm, Key, Resource

from .resource_versions import ResourceVersions
from .transport import (
    JSON,
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
"""Seconds at least that a replay waits for the next event."""
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""An answer without the content, which we just sent ourselves."""
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class TooOld(Exception):
    """The API server cannot replay from that resource version."""

    def __init__(self, status: Status) -> None:
        super().__init__(status.message)
        self.oldest = status.oldest_resource_version
        """From where it can, if it says so."""


class Objects:
    """One API server, and where on it to look."""

    def __init__(
        self, server: ApiServer, namespaces: tuple[str, ...] = (), resource_versions: ResourceVersions | None = None
    ) -> None:
        """`namespaces`: empty for everywhere."""
        self.server = server
        self.resource_versions = resource_versions or ResourceVersions()
        self.namespaces = namespaces or ("",)

    async def read(self, path: str, accept: str = JSON) -> FreeForm | None:
        """The object; None if there is none. Raises ClusterRefused where its kind is not served: that says nothing."""
        try:
            return await self.server.send(Call("GET", path, accept=accept))
        except ClusterRefused as refused:
            # An API server that does not serve the kind, or a proxy, names no kind in its 404.
            if refused.status.code == 404 and refused.status.kind:
                return None
            raise

    async def exactly(
        self, kind: type[Resource], namespace: str, name: str, resource_version: int
    ) -> list[FreeForm] | Literal["Expired"]:
        """The objects of that name as they were then; Expired when the API server no longer holds that time."""
        query = {
            "fieldSelector": f"metadata.name={name}",
            "resourceVersion": str(resource_version),
            "resourceVersionMatch": "Exact",
        }
        try:
            found = await self.server.send(Call("GET", path_of(kind, (namespace, "")), query))
        except ClusterRefused as refused:
            if refused.status.code in (400, 410):
                return "Expired"
            raise
        items: list[FreeForm] = found["items"]
        return items

    async def replay(self, kind: type[Resource], key: Key, since: int, seconds: int) -> AsyncGenerator[FreeForm, None]:
        """Each state of the object after `since`, from the API server's watch cache, and then for `seconds`.

        Raises TooOld, which the API server says by HTTP status or by an event.
        """
        query = {"watch": "true", "fieldSelector": f"metadata.name={key[1]}", "resourceVersion": str(since)}
        call = Call("GET", path_of(kind, (key[0], "")), {**query, "timeoutSeconds": str(seconds)})
        try:
            async with self.server.watching(call, silence=max(seconds, _SILENCE)) as lines:
                async for line in lines:
                    event = watch_event(call, line)
                    if event["type"] == "ERROR":
                        raise TooOld(status_of(event["object"]))
                    yield event["object"]
        except ClusterRefused as refused:
            if refused.status.code != 410:
                raise
            raise TooOld(refused.status) from refused

    async def pages(
        self, path: str, accept: str, selection: Mapping[str, str] | None = None
    ) -> AsyncIterator[FreeForm]:
        """A whole listing; `selection`: of those with these labels or fields, as the API server's query has them."""
        call = Call("GET", path, {**(selection or {}), "limit": PAGE}, accept=accept)
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
            if not (onward := page["metadata"].get("continue")):
                return
            call = replace(call, query={**(call.query or {}), "continue": onward})

    async def write(self, kind: type[Resource], call: Call) -> FreeForm:
        """The object after a write, whose resource version counts as read: a later read may not be older."""
        epoch = self.resource_versions.epoch
        answer = await self.server.send(call)
        with reading(call):
            self.resource_versions.saw(kind.kind_name, answer["metadata"]["resourceVersion"], epoch)
        return answer

    async def change(self, kind: type[Resource], call: Call) -> FreeForm | None:
        """A change that is pointless when its object is gone or has become another: the next look tells."""
        try:
            return await self.write(kind, call)
        except ClusterRefused as refused:
            if refused.status.code in (404, 409) or refused.status.is_of_another:
                return None
            raise


def in_half(call: Call) -> Call | None:
    """The same question for half as many objects at once; None if it is for one already, or sets no limit."""
    query = call.query or {}
    limit = int(query.get("limit", 0))
    return replace(call, query={**query, "limit": limit // 2}) if limit > 1 else None


@contextmanager
def reading(call: Call) -> Iterator[None]:
    """Take an answer apart. Raises ClusterUnavailable if it is not made as the API server makes it."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ClusterUnavailable(f"{call}: what answered is no Kubernetes API: {type(error).__name__}") from error


def checked_page(call: Call, page: FreeForm, items: str) -> FreeForm:
    """The page, with a list under `items`. Raises ClusterUnavailable if it is no page of a listing."""
    meta = page.get("metadata")
    found = page.get(items) or []
    if not isinstance(meta, dict) or not isinstance(meta.get("resourceVersion"), str) or not isinstance(found, list):
        raise ClusterUnavailable(f"{call}: what answered is no Kubernetes API")
    if items == "items" and not all(
        isinstance(each, dict) and isinstance(each.get("metadata"), dict) for each in found
    ):
        raise ClusterUnavailable(f"{call}: what answered is no Kubernetes API")
    return {**page, items: found}


def path_of(kind: type[Resource], key: Key) -> str:
    """Of an object; of all of its namespace without a name, of all there are without either."""
    namespace, name = key
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{inside}/{kind.plural}" + (f"/{name}" if name else "")
