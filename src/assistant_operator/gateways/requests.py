"""What the doors to Kubernetes share: how an object is read, as of when, page by page, and changed if it is there."""

from collections.abc import AsyncIterator, Mapping
from typing import Literal

from ..resources.meta import GROUP, VERSION, FreeForm, Key, Resource
from .api_server import JSON, ApiServer, Call, ClusterRefused

PAGE = 500
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
"""An answer without the content, which we just sent ourselves."""
METADATA_LIST = "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"


class Requests:
    """One API server, and where on it to look."""

    def __init__(self, server: ApiServer, namespaces: tuple[str, ...] = ()) -> None:
        """`namespaces`: empty for everywhere."""
        self.server = server
        self.namespaces = namespaces or ("",)

    async def read(self, path: str, accept: str = JSON) -> FreeForm | None:
        """The object; None if there is none."""
        try:
            return await self.server.send(Call("GET", path, accept=accept))
        except ClusterRefused as refused:
            if refused.status.code == 404:
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

    async def pages(
        self, path: str, accept: str, selection: Mapping[str, str] | None = None
    ) -> AsyncIterator[FreeForm]:
        """A whole listing; `selection`: of those with these labels or fields, as the API server's query has them."""
        query: dict[str, str | int] = {**(selection or {}), "limit": PAGE}
        while True:
            page = await self.server.send(Call("GET", path, query, accept=accept), timeout=60)
            yield page
            if not (onward := page["metadata"].get("continue")):
                return
            query["continue"] = onward

    async def change(self, call: Call) -> FreeForm | None:
        """A change that is pointless when its object is gone or has become another: the next look tells."""
        try:
            return await self.server.send(call)
        except ClusterRefused as refused:
            if refused.status.code not in (404, 409):
                raise
            return None


def path_of(kind: type[Resource], key: Key) -> str:
    """Of an object; of all of its namespace without a name, of all there are without either."""
    namespace, name = key
    inside = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{inside}/{kind.plural}" + (f"/{name}" if name else "")
