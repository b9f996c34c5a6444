"""The door to LangGraph Servers: the Assistants API, one request in, a model or a named error out."""

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
    """Nothing is served at /info: another server, or one whose meta endpoints are switched off."""


class AssistantsDisabled(ServerTrouble):
    """The server does not serve the Assistants API."""

    reason = Reason.ASSISTANTS_DISABLED


class IncompleteListing(ServerTrouble):
    """The server does not list all that it has: what is not listed may be there."""

    reason = Reason.SERVER_UNRECOGNIZED


class LangGraphServers:
    """Every LangGraph Server there is, each with its own limits."""

    def __init__(
        self,
        *,
        may_write: Callable[[], bool] = lambda: True,
        observe: Callable[[str, int, float], None] = lambda method, code, seconds: None,
    ) -> None:
        self._may_write = may_write
        self._wire = HttpTransport(observe)

    async def close(self) -> None:
        await self._wire.close()

    def is_busy(self, url: str) -> bool:
        """Whether another request to that server would have to wait."""
        return self._wire.is_busy(url)

    async def release(self, endpoint: Endpoint) -> str:
        """What the server says of its own release. Raises NoRelease where /info is 404, else NotALangGraphServer."""
        try:
            told = await self._wire.send(endpoint, "GET", "/info")
        except ServerRefused as refused:
            if refused.reason is Reason.SERVER_UNAUTHORIZED:
                raise
            raise (NoRelease if refused.status == 404 else NotALangGraphServer)(str(refused)) from refused
        if not isinstance(told, dict) or not isinstance(told.get("version"), str):
            raise NotALangGraphServer(f"GET {endpoint.url}/info names no version")
        return str(told["version"])[:256]

    async def is_healthy(self, endpoint: Endpoint) -> bool:
        """Whether it answers at /ok as a LangGraph Server does, also one that hides its other meta endpoints."""
        try:
            told = await self._wire.send(endpoint, "GET", "/ok")
        except (ServerRefused, NotALangGraphServer):
            return False
        return isinstance(told, dict) and told.get("ok") is True

    async def unknown_graph(self, endpoint: Endpoint, graph_id: str) -> str | None:
        """What the server says of a graph id it does not know; None if it knows it.

        Raises AssistantsDisabled if it refuses every search: then its refusal says nothing of the graph.
        """
        try:
            await self._search(endpoint, {"graph_id": graph_id, "limit": 1})
        except ServerRefused as refused:
            if refused.status not in (400, 404):
                raise
            await self.require_assistants(endpoint)
            return str(refused)
        return None

    async def _search(self, endpoint: Endpoint, asked: FreeForm) -> list[Any]:
        page = await self._wire.send(endpoint, "POST", "/assistants/search", asked)
        if not isinstance(page, list):
            raise NotALangGraphServer(f"POST {endpoint.url}/assistants/search does not answer with a list")
        return page

    async def require_assistants(self, endpoint: Endpoint) -> None:
        """Raises AssistantsDisabled if the server refuses a search that asks for nothing in particular.

        A 404 of the Assistants API means that something is not there only where the API itself is.
        """
        try:
            await self._search(endpoint, {"limit": 1})
        except ServerRefused as refused:
            if refused.status not in (400, 404, 405, 501):
                raise
            raise AssistantsDisabled(f"its Assistants API is switched off or not served: {refused}") from refused

    async def schemas(self, endpoint: Endpoint, assistant_id: str) -> Schemas | None:
        """The JSON Schemas for context and configurable, without what a run may add; None if the server tells none.

        `Schemas(source="None")` is a server that says that there are none.
        """
        try:
            told = await self._wire.send(endpoint, "GET", f"/assistants/{assistant_id}/schemas")
        except ServerRefused as refused:
            if refused.status == 404:
                return None
            raise
        if not isinstance(told, dict) or not told.keys() & {"context_schema", "config_schema"}:
            return None
        parts = {"context": told.get("context_schema"), "config": told.get("config_schema")}
        if not all(part is None or isinstance(part, dict) for part in parts.values()):
            return None
        present = {name: _lenient(part) for name, part in parts.items() if part is not None}
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
        self._check_leadership()
        return _parsed(endpoint, await self._wire.send(endpoint, "POST", "/assistants", body))

    async def update(self, endpoint: Endpoint, assistant_id: str, body: FreeForm) -> RemoteAssistant:
        self._check_leadership()
        return _parsed(endpoint, await self._wire.send(endpoint, "PATCH", f"/assistants/{assistant_id}", body))

    async def delete(self, endpoint: Endpoint, assistant_id: str) -> None:
        """Delete an assistant; returns if there is none. Raises AssistantsDisabled where a 404 does not say that."""
        self._check_leadership()
        try:
            await self._wire.send(endpoint, "DELETE", f"/assistants/{assistant_id}")
        except ServerRefused as refused:
            # A proxy that does not let DELETE through answers 404, too.
            if refused.status != 404 or await self.assistant(endpoint, assistant_id):
                raise
            await self.require_assistants(endpoint)

    async def newest_version(self, endpoint: Endpoint, assistant_id: str) -> tuple[int, str] | None:
        """Number and time of the newest version that the server keeps of an assistant; None if it has no such one.

        Raises NotALangGraphServer, AssistantsDisabled where the answer says neither.
        """
        path = f"/assistants/{assistant_id}/versions"
        try:
            told = await self._wire.send(endpoint, "POST", path, {"limit": 1})
        except ServerRefused as refused:
            if refused.status != 404:
                raise
            await self.require_assistants(endpoint)
            return None
        row = told[0] if isinstance(told, list) and told else None
        if not isinstance(row, dict) or not isinstance(row.get("version"), int):
            raise NotALangGraphServer(f"POST {endpoint.url}{path} does not answer with versions")
        return row["version"], str(row.get("created_at"))

    async def assistants_of(self, endpoint: Endpoint, graph_id: str) -> AsyncIterator[RemoteAssistant]:
        """Every assistant of a graph, in the order of their ids, page by page. Raises IncompleteListing at the end."""
        seen: set[str] = set()
        before: list[str] = []
        offset, limit = 0, PAGE
        for _ in range(_MOST_PAGES):
            asked = {"graph_id": graph_id, "limit": limit, "offset": offset, "sort_by": "assistant_id"}
            try:
                page = await self._search(endpoint, {**asked, "sort_order": "asc"})
            except AnswerTooLarge:
                if limit == 1:
                    raise
                limit //= 2
                continue
            # A server may give less at a time than it was asked for: only an empty page is the last.
            if not page:
                return
            found = [_parsed(endpoint, each) for each in page]
            if (ids := [each.assistant_id for each in found]) == before:
                raise IncompleteListing(f"POST {endpoint.url}/assistants/search repeats a page: it ignores 'offset'")
            for each in found:
                if each.assistant_id not in seen:  # one that is made meanwhile moves others to the next page
                    yield each
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
