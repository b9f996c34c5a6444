"""Who writes what: each request that writes, and each change of the store with its author."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from ..simulated_api.handlers import Answer, Handlers
from ..simulated_api.requests import Request
from ..simulated_api.watching import WatchStream

OPERATOR, OTHERS = "operator", "others"
_READS = ("/search", "/versions")


@dataclass(frozen=True, slots=True)
class Write:
    """A request of the operator that writes, whether or not it was let."""

    time: float
    method: str
    path: str
    status: int

    def __str__(self) -> str:
        return f"{self.time:.3f} {self.method} {self.path} -> {self.status}"


class Audit:
    """Notes what the operator writes."""

    def __init__(self, clock: Callable[[], float], token: str) -> None:
        """`clock`: virtual seconds. `token`: the one that the operator sends."""
        self.author = OTHERS
        """Of the change that is just being made to the store."""
        self.writes: list[Write] = []
        """To anything but Leases and Events, in order."""
        self._clock = clock
        self._authorization = f"Bearer {token}"

    def of_cluster(self, handlers: Handlers) -> "AuditedHandlers":
        """The same handlers, each write of which is noted."""
        return AuditedHandlers(handlers, self)

    def of_server(
        self, handle: Callable[[web.BaseRequest], Awaitable[web.Response]], changed: Callable[[], None]
    ) -> Callable[[web.BaseRequest], Awaitable[web.Response]]:
        """The handler of a LangGraph Server, each write to which is noted. `changed` is called after each."""

        async def audited(request: web.BaseRequest) -> web.Response:
            answer = await handle(request)
            if request.method != "GET" and not request.path.endswith(_READS):
                self.note(request.method, f"{request.host}{request.path}", answer.status)
                changed()
            return answer

        return audited

    def note(self, method: str, path: str, status: int) -> None:
        self.writes.append(Write(self._clock(), method, path, status))

    async def answer(self, handlers: Handlers, request: Request) -> Answer | WatchStream:
        if request.method == "GET" or request.authorization != self._authorization:
            return await handlers.answer(request)
        self.author = OPERATOR
        try:
            answer = await handlers.answer(request)  # a write waits for nothing: no other write comes between
        finally:
            self.author = OTHERS
        if "/leases" not in request.path and "/events" not in request.path and isinstance(answer, Answer):
            self.note(request.method, request.path, answer.status)
        return answer


class AuditedHandlers(Handlers):
    """Stands in for the handlers of an API server."""

    def __init__(self, inner: Handlers, audit: Audit) -> None:
        super().__init__(inner.objects, inner.endpoint, inner.authorizer, inner.failures)
        self._inner = inner
        self._audit = audit

    async def answer(self, request: Request) -> Answer | WatchStream:
        return await self._audit.answer(self._inner, request)
