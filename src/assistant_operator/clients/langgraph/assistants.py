"""The client of LangGraph Servers: the Assistants API."""

from collections.abc import AsyncIterator, Callable
from typing import Any

from pydantic import ValidationError

from assistant_operator.api.graph import Schemas
from assistant_operator.api.meta import FreeForm
from assistant_operator.api.reason import Reason
from assistant_operator.api.remote import RemoteAssistant
from assistant_operator.clients.kubernetes.transport import NotLeading

from .transport import AnswerTooLarge, Endpoint, HttpTransport, NotALangGraphServer, ServerRefused, ServerTrouble

PAGE = 200
_MOST_PAGES = 2_000


class NoRelease(NotALangGraphServer):
    """The server has no /info: it is another kind of server, or its meta endpoints are disabled."""


class AssistantsDisabled(ServerTrouble):
    """The server does not serve the Assistants API."""

    reason = Reason.ASSISTANTS_DISABLED


class IncompleteListing(ServerTrouble):
    """The server does not list all its assistants: an assistant that is not listed may exist."""

    reason = Reason.SERVER_UNRECOGNIZED


class LangGraphServers:
    """The client of all LangGraph Servers, with limits for each. All methods raise ServerTrouble."""

    def __init__(
        self,
        *,
        may_write: Callable[[], bool] = lambda: True,
        observe: Callable[[str, int, float], None] = lambda method, code, seconds: None,
    ) -> None:
        self._may_write = may_write
        self._transport = HttpTransport(observe)

    async def close(self) -> None:
        await self._transport.close()

    def is_busy(self, url: str) -> bool:
        """Return whether that server has reached its limit of concurrent requests."""
        return self._transport.is_busy(url)

    async def release(self, endpoint: Endpoint) -> str:
        """Return the version of the server. Raises NoRelease if /info is 404, NotALangGraphServer for other answers."""
        try:
            content = await self._transport.send(endpoint, "GET", "/info")
        except ServerRefused as refused:
            if refused.reason is Reason.SERVER_UNAUTHORIZED:
                raise
            raise (NoRelease if refused.status == 404 else NotALangGraphServer)(str(refused)) from refused
        if not isinstance(content, dict) or not isinstance(content.get("version"), str):
            raise NotALangGraphServer(f"GET {endpoint.url}/info names no version")
        return str(content["version"])[:256]

    async def is_healthy(self, endpoint: Endpoint) -> bool:
        """Return whether /ok answers. A LangGraph Server serves it even if its other meta endpoints are disabled."""
        try:
            content = await self._transport.send(endpoint, "GET", "/ok")
        except (ServerRefused, NotALangGraphServer):
            return False
        return isinstance(content, dict) and content.get("ok") is True

    async def unknown_graph(self, endpoint: Endpoint, graph_id: str) -> str | None:
        """Return the server's message about an unknown graph id; None if the server has that graph.

        Raises AssistantsDisabled if the server refuses every search: its refusal is not about the graph then.
        """
        try:
            await self._search(endpoint, {"graph_id": graph_id, "limit": 1})
        except ServerRefused as refused:
            if refused.status not in (400, 404):
                raise
            await self.require_assistants(endpoint)
            return str(refused)
        return None

    async def _search(self, endpoint: Endpoint, query: FreeForm) -> list[Any]:
        page = await self._transport.send(endpoint, "POST", "/assistants/search", query)
        if not isinstance(page, list):
            raise NotALangGraphServer(f"POST {endpoint.url}/assistants/search does not answer with a list")
        return page

    async def require_assistants(self, endpoint: Endpoint) -> None:
        """Raise AssistantsDisabled if the server refuses a search without criteria.

        A 404 means that an assistant does not exist only if the Assistants API itself is served.
        """
        try:
            await self._search(endpoint, {"limit": 1})
        except ServerRefused as refused:
            if refused.status not in (400, 404, 405, 501):
                raise
            raise AssistantsDisabled(f"its Assistants API is switched off or not served: {refused}") from refused

    async def schemas(self, endpoint: Endpoint, assistant_id: str) -> Schemas | None:
        """Return the JSON Schemas for context and configurable, without `required`: a run may add values.

        None if the server does not serve schemas. `Schemas(source="None")` if it states that the graph has none.
        """
        try:
            content = await self._transport.send(endpoint, "GET", f"/assistants/{assistant_id}/schemas")
        except ServerRefused as refused:
            if refused.status == 404:
                return None
            raise
        if not isinstance(content, dict) or not content.keys() & {"context_schema", "config_schema"}:
            return None
        parts = {"context": content.get("context_schema"), "config": content.get("config_schema")}
        if not all(part is None or isinstance(part, dict) for part in parts.values()):
            return None
        present = {name: _lenient(part) for name, part in parts.items() if part is not None}
        return Schemas(source="Server", **present) if present else Schemas(source="None")

    async def assistant(self, endpoint: Endpoint, assistant_id: str) -> RemoteAssistant | None:
        try:
            return _parsed(endpoint, await self._transport.send(endpoint, "GET", f"/assistants/{assistant_id}"))
        except ServerRefused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, endpoint: Endpoint, body: FreeForm) -> RemoteAssistant:
        """Create an assistant. If its id exists, return the existing one unchanged."""
        self._check_leadership()
        return _parsed(endpoint, await self._transport.send(endpoint, "POST", "/assistants", body))

    async def update(self, endpoint: Endpoint, assistant_id: str, body: FreeForm) -> RemoteAssistant:
        self._check_leadership()
        return _parsed(endpoint, await self._transport.send(endpoint, "PATCH", f"/assistants/{assistant_id}", body))

    async def delete(self, endpoint: Endpoint, assistant_id: str) -> None:
        """Delete an assistant if it exists. Raises AssistantsDisabled if the API is not served."""
        self._check_leadership()
        try:
            await self._transport.send(endpoint, "DELETE", f"/assistants/{assistant_id}")
        except ServerRefused as refused:
            # A proxy that blocks DELETE answers 404, too.
            if refused.status != 404 or await self.assistant(endpoint, assistant_id):
                raise
            await self.require_assistants(endpoint)

    async def newest_version(self, endpoint: Endpoint, assistant_id: str) -> tuple[int, str] | None:
        """Return number and time of the newest server version of an assistant; None if the assistant does not exist.

        Raises NotALangGraphServer and AssistantsDisabled if the answer is neither.
        """
        path = f"/assistants/{assistant_id}/versions"
        try:
            content = await self._transport.send(endpoint, "POST", path, {"limit": 1})
        except ServerRefused as refused:
            if refused.status != 404:
                raise
            await self.require_assistants(endpoint)
            return None
        row = content[0] if isinstance(content, list) and content else None
        if not isinstance(row, dict) or not isinstance(row.get("version"), int):
            raise NotALangGraphServer(f"POST {endpoint.url}{path} does not answer with versions")
        return row["version"], str(row.get("created_at"))

    async def assistants_of(self, endpoint: Endpoint, graph_id: str) -> AsyncIterator[RemoteAssistant]:
        """Yield the assistants of a graph in the order of their ids. Raises IncompleteListing if paging fails."""
        seen: set[str] = set()
        before: list[str] = []
        offset, limit = 0, PAGE
        for _ in range(_MOST_PAGES):
            query = {"graph_id": graph_id, "limit": limit, "offset": offset, "sort_by": "assistant_id"}
            try:
                page = await self._search(endpoint, {**query, "sort_order": "asc"})
            except AnswerTooLarge:
                if limit == 1:
                    raise
                limit //= 2
                continue
            # A server may return fewer than `limit`: only an empty page is the last one.
            if not page:
                return
            assistants = [_parsed(endpoint, content) for content in page]
            if (ids := [assistant.assistant_id for assistant in assistants]) == before:
                raise IncompleteListing(f"POST {endpoint.url}/assistants/search repeats a page: it ignores 'offset'")
            for assistant in assistants:
                if assistant.assistant_id not in seen:  # an assistant created meanwhile moves others to the next page
                    yield assistant
            seen.update(ids)
            before = ids
            offset += len(page)
        raise IncompleteListing(f"POST {endpoint.url}/assistants/search does not end after {_MOST_PAGES} pages")

    def _check_leadership(self) -> None:
        if not self._may_write():
            raise NotLeading("the Lease is not held: nothing is written to a server")


def _parsed(endpoint: Endpoint, content: Any) -> RemoteAssistant:
    try:
        return RemoteAssistant.model_validate(content)
    except ValidationError as error:
        raise NotALangGraphServer(f"{endpoint.url} answers with something that is not an assistant") from error


def _lenient(schema: FreeForm) -> FreeForm:
    return {key: value for key, value in schema.items() if key != "required"}
