"""What all pages share: the cluster, the login, the templates, and how an error becomes a page."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, assert_never
from urllib.parse import urlencode

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key
from assistant_operator.clients.kubernetes.objects import path_of
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable
from assistant_operator.kubectl.client import KubectlClient
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.session import hint, refusal_text

from .feed import Feeds, Source
from .security import HEADERS, Incoming, Login, Refusal, refusal

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_ENVIRONMENT = Environment(
    loader=PackageLoader(__package__ or ""),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_FOREIGN = "If this browser has opened the printed URL before and you followed a link from another site, go on here:"
_AGAIN = "Run “kubectl assistants dashboard” again: it prints a new URL."


def compile_templates() -> None:
    """Compile all templates, so that the first page does not wait for that."""
    for name in _ENVIRONMENT.list_templates():
        _ENVIRONMENT.get_template(name)


class NotHere(Exception):
    """The object that a URL names does not exist."""


@dataclass
class Site:
    """The dashboard of one cluster. `namespace`: empty for all."""

    client: KubectlClient
    login: Login
    host: str
    namespace: str
    feeds: Feeds = field(init=False)

    def __post_init__(self) -> None:
        self.feeds = Feeds(self.client.server)

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    def page(self, template: str, status: int = 200, **values: Any) -> web.Response:
        """The page of that template."""
        defaults = {"site": self, "events": "", "lost": "", "said": "", "csrf": self.login.expected.csrf}
        text = _ENVIRONMENT.get_template(template).render(defaults | values)
        answer = web.Response(text=text, status=status, content_type="text/html")
        answer.enable_compression()
        return answer

    def error(self, status: int, heading: str, message: str, **values: str) -> web.Response:
        """A page that says what went wrong and what to do."""
        shown = {"hint": "", "retry": "", **values}
        return self.page("error.html", status, heading=heading, message=message, **shown)

    @web.middleware
    async def guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer only the browser that opened the printed URL, and add the headers of each answer."""
        refused = refusal(await self._incoming(request), self.login.expected)
        if refused in (Refusal.LOGIN, None) and "token" in request.query:
            answer = self._log_in(request, is_in=refused is None)
        elif refused:
            answer = self._refuse(request, refused)
        else:
            answer = await self._answered(request, handler)
        if not answer.prepared:
            answer.headers.update(HEADERS)
            # A static file may be kept, but is asked for again: another release may have changed it.
            is_static = request.path.startswith("/static/")
            answer.headers.setdefault("Cache-Control", "no-cache" if is_static else "no-store")
        return answer

    async def _incoming(self, request: web.Request) -> Incoming:
        headers = request.headers
        form = await request.post() if request.method == "POST" else {}
        return Incoming(
            method=request.method,
            path=request.path,
            host=headers.get("Host", ""),
            origin=headers.get("Origin", ""),
            fetch_site=headers.get("Sec-Fetch-Site", ""),
            fetch_mode=headers.get("Sec-Fetch-Mode", ""),
            cookie=request.cookies.get(self.login.expected.cookie_name, ""),
            csrf=str(form.get("csrf", "")),
        )

    def _log_in(self, request: web.Request, *, is_in: bool) -> web.StreamResponse:
        is_valid = self.login.redeem(request.query["token"])
        if not is_in and not is_valid:
            return self._refuse(request, Refusal.LOGIN)
        rest = {name: value for name, value in request.query.items() if name != "token"}
        answer = web.Response(status=303, headers={"Location": request.path + (f"?{urlencode(rest)}" if rest else "")})
        expected = self.login.expected
        answer.set_cookie(expected.cookie_name, expected.session, httponly=True, samesite="Strict", path="/")
        return answer

    def _refuse(self, request: web.Request, refused: Refusal) -> web.Response:
        if refused is Refusal.LOGIN and request.method == "GET" and "token" not in request.query:
            shown = {"hint": f"{_AGAIN} {_FOREIGN}", "retry": request.path_qs}
            return self.error(403, "Not signed in", refused.value, **shown)
        hints = {Refusal.LOGIN: _AGAIN}
        return self.error(403, "Refused", refused.value, hint=hints.get(refused, ""))

    async def _answered(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        except web.HTTPException as answer:
            return self.error(answer.status, answer.reason, "There is no such page.")
        except (NotHere, CliError, ClusterUnavailable, ClusterRefused) as error:
            return self._explained(request, error)
        except (ConnectionError, TimeoutError):
            raise
        except Exception as error:  # noqa: BLE001 (a bug must not show a stack trace)
            hint(f"error: {request.method} {request.path}: {type(error).__name__}: {error}")
            shown = {"hint": "This is a bug: please report it with this message.", "retry": request.path_qs}
            return self.error(500, "Unexpected error", f"{type(error).__name__}: {error}", **shown)

    def _explained(
        self, request: web.Request, error: NotHere | CliError | ClusterUnavailable | ClusterRefused
    ) -> web.Response:
        match error:
            case NotHere():
                return self.error(404, "Not found", str(error))
            case CliError():
                return self.error(400, "This cannot be done", error.message)
            case ClusterUnavailable():
                return self.error(503, "The cluster does not answer", str(error), retry=request.path_qs)
            case ClusterRefused():
                return self.error(403, "The cluster refused this", refusal_text(error), retry=request.path_qs)
        assert_never(error)


def assistants_of(namespace: str) -> Source:
    """`namespace`: empty for all."""
    return Source(path_of(Assistant, (namespace, "")))


def graphs_of(namespace: str) -> Source:
    return Source(path_of(Graph, (namespace, "")))


def aliases_of(namespace: str) -> Source:
    return Source(path_of(AssistantAlias, (namespace, "")))


def assistant_source(key: Key) -> Source:
    return Source(path_of(Assistant, (key[0], "")), f"metadata.name={key[1]}")


def versions_source(key: Key) -> Source:
    return Source(path_of(AssistantVersion, (key[0], "")), f"spec.assistantRef.name={key[1]}")


def aliases_source(key: Key) -> Source:
    """The aliases of that Assistant."""
    return Source(path_of(AssistantAlias, (key[0], "")), f"spec.assistantRef.name={key[1]}")


def events_source(key: Key) -> Source:
    fields = f"involvedObject.kind={Assistant.kind_name},involvedObject.name={key[1]}"
    return Source(f"/api/v1/namespaces/{key[0]}/events", fields)
