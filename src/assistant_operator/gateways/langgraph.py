"""The door to LangGraph Servers: the Assistants API, one request in, a model or a named error out."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from pydantic import ValidationError

from ..resources.graph import Schemas
from ..resources.meta import FreeForm
from ..resources.reason import Reason
from ..resources.remote import RemoteAssistant
from .api_server import NotLeading
from .wire import AnswerTooLarge, Endpoint, NotALangGraphServer, ServerRefused, Wire

PAGE = 200


class LangGraphServers:
    """Every LangGraph Server there is, each with its own limits."""

    def __init__(
        self,
        *,
        may_write: Callable[[], bool] = lambda: True,
        observe: Callable[[str, int, float], None] = lambda method, code, seconds: None,
    ) -> None:
        self._may_write = may_write
        self._wire = Wire(observe)

    async def close(self) -> None:
        await self._wire.close()

    def is_busy(self, url: str) -> bool:
        """Whether another request to that server would have to wait."""
        return self._wire.is_busy(url)

    async def release(self, endpoint: Endpoint) -> str:
        """What the server says of its own release. Raises NotALangGraphServer if it says nothing of the kind."""
        try:
            told = await self._wire.send(endpoint, "GET", "/info")
        except ServerRefused as refused:
            if refused.reason is Reason.SERVER_UNAUTHORIZED:
                raise
            raise NotALangGraphServer(str(refused)) from refused
        if not isinstance(told, dict) or not isinstance(told.get("version"), str):
            raise NotALangGraphServer(f"GET {endpoint.url}/info names no version")
        return str(told["version"])[:256]

    async def unknown_graph(self, endpoint: Endpoint, graph_id: str) -> str | None:
        """What the server says of a graph id it does not know; None if it knows it."""
        try:
            await self._wire.send(endpoint, "POST", "/assistants/search", {"graph_id": graph_id, "limit": 1})
        except ServerRefused as refused:
            if refused.status in (400, 404):
                return str(refused)
            raise
        return None

    async def schemas(self, endpoint: Endpoint, assistant_id: str) -> Schemas | None:
        """The JSON Schemas for context and configurable, without what a run may add; None of an unknown assistant."""
        try:
            told = await self._wire.send(endpoint, "GET", f"/assistants/{assistant_id}/schemas")
        except ServerRefused as refused:
            if refused.status == 404:
                return None
            raise
        said = told if isinstance(told, dict) else {}
        parts = {"context": said.get("context_schema"), "config": said.get("config_schema")}
        present = {name: _lenient(part) for name, part in parts.items() if isinstance(part, dict)}
        return Schemas(source="Server", **present) if present else Schemas(source="None")

    async def assistant(self, endpoint: Endpoint, assistant_id: str) -> RemoteAssistant | None:
        try:
            return _parsed(endpoint, await self._wire.send(endpoint, "GET", f"/assistants/{assistant_id}"))
        except ServerRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, endpoint: Endpoint, body: FreeForm) -> RemoteAssistant:
        """Make an assistant, or get the one that has its id already, whatever it is."""
        self._check_leave()
        return _parsed(endpoint, await self._wire.send(endpoint, "POST", "/assistants", body))

    async def update(self, endpoint: Endpoint, assistant_id: str, body: FreeForm) -> RemoteAssistant:
        self._check_leave()
        return _parsed(endpoint, await self._wire.send(endpoint, "PATCH", f"/assistants/{assistant_id}", body))

    async def delete(self, endpoint: Endpoint, assistant_id: str) -> None:
        self._check_leave()
        try:
            await self._wire.send(endpoint, "DELETE", f"/assistants/{assistant_id}")
        except ServerRefused as refused:
            if refused.status != 404:
                raise

    async def assistants_of(self, endpoint: Endpoint, graph_id: str) -> AsyncIterator[RemoteAssistant]:
        """Every assistant of a graph, in the order of their ids, page by page."""
        offset, limit = 0, PAGE
        while True:
            asked = {"graph_id": graph_id, "limit": limit, "offset": offset, "sort_by": "assistant_id"}
            try:
                page = await self._wire.send(endpoint, "POST", "/assistants/search", {**asked, "sort_order": "asc"})
            except AnswerTooLarge:
                if limit == 1:
                    raise
                limit //= 2
                continue
            if not isinstance(page, list):
                raise NotALangGraphServer(f"POST {endpoint.url}/assistants/search does not answer with a list")
            for each in page:
                yield _parsed(endpoint, each)
            # A server may give less at a time than it was asked for: only an empty page is the last.
            if not page:
                return
            offset += len(page)

    def _check_leave(self) -> None:
        if not self._may_write():
            raise NotLeading("the Lease is not held: nothing is written to a server")


def _parsed(endpoint: Endpoint, content: Any) -> RemoteAssistant:
    try:
        return RemoteAssistant.model_validate(content)
    except ValidationError as error:
        raise NotALangGraphServer(f"{endpoint.url} answers with something that is not an assistant") from error


def _lenient(schema: FreeForm) -> FreeForm:
    return {key: value for key, value in schema.items() if key != "required"}
