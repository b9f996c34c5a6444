"""How the door to LangGraph Servers takes whatever HTTP brings: against a tiny server that says what it is told to."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, Self

import pytest
from aiohttp import web
from pydantic import ValidationError

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Schemas
from assistant_operator.api.reason import Reason
from assistant_operator.api.remote import RemoteAssistant
from assistant_operator.clients.expiring import Expiring
from assistant_operator.clients.kubernetes.transport import NotLeading
from assistant_operator.clients.langgraph.assistants import (
    AssistantsDisabled,
    IncompleteListing,
    LangGraphServers,
    NoRelease,
)
from assistant_operator.clients.langgraph.transport import (
    AT_ONCE,
    Endpoint,
    HttpTransport,
    NotALangGraphServer,
    ServerRefused,
    ServerUnavailable,
)
from harness.support.answerer import Answerer
from harness.support.certificates import authority, signed
from harness.support.front import Front, Proxy

KEY = "canary-of-the-key"
MIB = 2**20
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Saying:
    """A server that answers every request with the same, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.asked: list[web.Request] = []
        self.bodies: list[Any] = []

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    @property
    def url(self) -> str:
        host, port = self._runner.addresses[0][:2]
        return f"http://{host}:{port}"

    @property
    def endpoint(self) -> Endpoint:
        return Endpoint(self.url, key=KEY)

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request)
        self.bodies.append(json.loads(await request.read() or b"null"))
        return await self.answer(request)


def saying(body: object = None, status: int = 200, text: str | None = None, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.StreamResponse:
        told = {name.replace("_", "-"): value for name, value in headers.items()}
        kind = told.pop("Content-Type", "application/json")
        said = json.dumps(body) if text is None else text
        return web.Response(status=status, text=said, content_type=kind, headers=told)

    return answer


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    for _ in range(6):
        await answer.write(b" " * MIB)
    return answer


async def cut(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Length": "1000"})
    await answer.prepare(request)
    await answer.write(b'{"version": ')
    assert request.transport
    request.transport.abort()
    return answer


@pytest.fixture
async def servers() -> AsyncIterator[LangGraphServers]:
    door = LangGraphServers()
    yield door
    await door.close()


INFO = "GET {url}/info"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param(
            saying(status=302, Location="https://login.example/"),
            INFO + " redirects to https://login.example/: give that address",
            id="a redirect is not followed",
        ),
        pytest.param(saying(status=304), INFO + " redirects to nowhere: give that address", id="a redirect to nowhere"),
        pytest.param(
            saying(text="<html>Welcome to nginx!</html>", Content_Type="text/html"),
            INFO + " answers with text/html; charset=utf-8, not with JSON",
            id="a web page",
        ),
        pytest.param(saying(text=""), "GET {url}/info names no version", id="nothing"),
        pytest.param(saying(["0.1"]), "GET {url}/info names no version", id="JSON of another kind"),
        pytest.param(saying({"version": 3}), "GET {url}/info names no version", id="a version that is no text"),
        pytest.param(saying({"detail": "Not Found"}, 404), INFO + ": 404 Not Found", id="no such path"),
        pytest.param(saying(text="nope", status=405), INFO + ": 405", id="no such method"),
        pytest.param(endless, "{url} answers with more than 4 MiB", id="an answer without an end"),
    ],
)
async def test_what_is_not_a_langgraph_server_is_told_with_its_address(
    servers: LangGraphServers, answer: Answer, words: str
) -> None:
    async with Saying(answer) as server:
        with pytest.raises(NotALangGraphServer) as told:
            await servers.release(server.endpoint)
        assert str(told.value) == words.format(url=server.url)
        assert len(server.asked) == 1


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_is_told_apart_and_never_shown(servers: LangGraphServers, status: int) -> None:
    async with Saying(saying({"detail": f"unknown key '{KEY}'"}, status)) as server:
        with pytest.raises(ServerRefused) as told:
            await servers.release(server.endpoint)
        assert told.value.reason is Reason.SERVER_UNAUTHORIZED
        assert str(told.value) == f"GET {server.url}/info: {status} unknown key '(the key)'"
        assert server.asked[0].headers["x-api-key"] == KEY
        assert KEY not in repr(server.endpoint)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        pytest.param({"detail": "a\nb   c"}, "a b c", id="in one line"),
        pytest.param(
            {"detail": 'no\n\nFailed validating "x" in schema\n\nOn instance:\n    "private"'},
            "no",
            id="without its echo",
        ),
        pytest.param({"detail": [{"msg": "bad"}]}, "[{'msg': 'bad'}]", id="whatever its form"),
        pytest.param({"detail": "x" * 999}, "x" * 300, id="not too long"),
        pytest.param(["detail"], "", id="if it says anything"),
    ],
)
async def test_a_refusal_has_the_servers_words(servers: LangGraphServers, answer: object, words: str) -> None:
    async with Saying(saying(answer, 422)) as server:
        with pytest.raises(ServerRefused) as told:
            await servers.update(server.endpoint, "id", {"name": "x"})
        assert (told.value.status, told.value.reason) == (422, Reason.PUBLICATION_REFUSED)
        assert str(told.value) == f"PATCH {server.url}/assistants/id: 422 {words}".rstrip()


async def test_what_is_no_assistant_is_not_taken_for_one(servers: LangGraphServers) -> None:
    async with Saying(saying({"name": "x"})) as server:
        with pytest.raises(NotALangGraphServer, match="answers with something that is not an assistant"):
            await servers.assistant(server.endpoint, "id")
        with pytest.raises(NotALangGraphServer, match="search does not answer with a list"):
            _ = [each async for each in servers.assistants_of(server.endpoint, "writer")]


NOT_FOUND = saying({"detail": "Not Found"}, 404)


def serving(server: Saying, **answers: Answer) -> Answer:
    """By the last part of the path; a search without a graph lists nothing; the rest is 404."""

    async def answer(request: web.Request) -> web.StreamResponse:
        last = request.path.rsplit("/", 1)[1]
        if last == "search" and "graph_id" not in server.bodies[-1]:
            return await answers.get("any", saying([]))(request)
        return await answers.get(last, NOT_FOUND)(request)

    return answer


async def test_what_is_not_there_is_none(servers: LangGraphServers) -> None:
    async with Saying(NOT_FOUND) as server:
        server.answer = serving(server)
        assert await servers.assistant(server.endpoint, "id") is None
        assert await servers.schemas(server.endpoint, "id") is None
        assert await servers.newest_version(server.endpoint, "id") is None
        await servers.delete(server.endpoint, "id")
        assert await servers.unknown_graph(server.endpoint, "writer") == (
            f"POST {server.url}/assistants/search: 404 Not Found"
        )


async def test_where_nothing_is_served_a_404_says_nothing(servers: LangGraphServers) -> None:
    """As a proxy before a server that is away, or a server whose Assistants API is switched off."""
    async with Saying(NOT_FOUND) as server:
        off = f"its Assistants API is switched off or not served: POST {server.url}/assistants/search: 404 Not Found"
        for call in (
            servers.delete(server.endpoint, "id"),
            servers.newest_version(server.endpoint, "id"),
            servers.unknown_graph(server.endpoint, "writer"),
        ):
            with pytest.raises(AssistantsDisabled) as told:
                await call
            assert str(told.value) == off
            assert told.value.reason is Reason.ASSISTANTS_DISABLED


async def test_a_404_to_a_deletion_alone_does_not_say_that_it_is_gone(servers: LangGraphServers) -> None:
    """As a proxy answers that does not let DELETE through."""
    async with Saying(NOT_FOUND) as server:
        there = saying({"assistant_id": "id", "graph_id": "writer", "metadata": {}, "version": 1})
        server.answer = lambda request: (NOT_FOUND if request.method == "DELETE" else there)(request)
        with pytest.raises(ServerRefused, match=r"DELETE .*/assistants/id: 404 Not Found"):
            await servers.delete(server.endpoint, "id")


@pytest.mark.parametrize(
    ("answer", "trouble"),
    [
        pytest.param(saying({"detail": "no"}, 403), ServerRefused, id="not allowed"),
        pytest.param(saying({"detail": "bug"}, 500), ServerUnavailable, id="a bug"),
        pytest.param(saying({"assistants": []}), NotALangGraphServer, id="no list"),
        pytest.param(saying(text="<html>", Content_Type="text/html"), NotALangGraphServer, id="a web page"),
    ],
)
async def test_only_a_refused_search_for_it_is_an_unknown_graph(
    servers: LangGraphServers, answer: Answer, trouble: type[Exception]
) -> None:
    async with Saying(answer) as server:
        with pytest.raises(trouble):
            await servers.unknown_graph(server.endpoint, "writer")
        server.answer = serving(server, any=answer)
        with pytest.raises(trouble):
            await servers.unknown_graph(server.endpoint, "writer")


@pytest.mark.parametrize(
    ("answer", "schemas"),
    [
        pytest.param(
            {"context_schema": {"required": ["a"], "x": 1}, "config_schema": None},
            Schemas(source="Server", context={"x": 1}),
            id="one of them",
        ),
        pytest.param({"context_schema": None, "config_schema": None}, Schemas(source="None"), id="there are none"),
        pytest.param({"config_schema": None}, Schemas(source="None"), id="an older server: there are none"),
        pytest.param({}, None, id="nothing is said of them"),
        pytest.param({"detail": "x"}, None, id="something else is said"),
        pytest.param(None, None, id="nothing is said"),
        pytest.param([], None, id="a list"),
        pytest.param({"context_schema": "object", "config_schema": None}, None, id="a schema that is none"),
        pytest.param({"context_schema": True}, None, id="a schema that lets all through is not told by a server"),
    ],
)
async def test_schemas_that_are_not_told_are_unknown_and_not_none(
    servers: LangGraphServers, answer: object, schemas: Schemas | None
) -> None:
    async with Saying(saying(answer)) as server:
        assert await servers.schemas(server.endpoint, "id") == schemas


@pytest.mark.parametrize(
    ("answer", "is_healthy"),
    [
        pytest.param(saying({"ok": True, "services": {}}), True, id="as a LangGraph Server says it"),
        pytest.param(saying({"ok": "true"}), False, id="in other words"),
        pytest.param(saying(["ok"]), False, id="in another form"),
        pytest.param(saying(text="OK", Content_Type="text/plain"), False, id="not in JSON"),
        pytest.param(NOT_FOUND, False, id="not at all"),
    ],
)
async def test_health(servers: LangGraphServers, answer: Answer, *, is_healthy: bool) -> None:
    async with Saying(answer) as server:
        assert await servers.is_healthy(server.endpoint) == is_healthy


async def test_a_hidden_release_is_told_apart_from_another_server(servers: LangGraphServers) -> None:
    async with Saying(NOT_FOUND) as server:
        with pytest.raises(NoRelease):
            await servers.release(server.endpoint)
        server.answer = saying({"detail": "no"}, 405)
        with pytest.raises(NotALangGraphServer) as told:
            await servers.release(server.endpoint)
        assert not isinstance(told.value, NoRelease)


async def test_the_newest_version_is_number_and_time(servers: LangGraphServers) -> None:
    async with Saying(saying([{"version": 7, "created_at": "2026-01-01"}, {"version": 6}])) as server:
        assert await servers.newest_version(server.endpoint, "id") == (7, "2026-01-01")
        nonsenses: list[object] = [[], {}, [{"version": "7"}], ["7"]]
        for nonsense in nonsenses:
            server.answer = saying(nonsense)
            with pytest.raises(NotALangGraphServer, match="versions does not answer with versions"):
                await servers.newest_version(server.endpoint, "id")


async def test_a_listing_that_repeats_itself_is_incomplete(servers: LangGraphServers) -> None:
    page = [{"assistant_id": str(number)} for number in range(5)]
    async with Saying(saying(page)) as server:
        with pytest.raises(IncompleteListing, match="search repeats a page: it ignores 'offset'"):
            _ = [each async for each in servers.assistants_of(server.endpoint, "writer")]
        assert len(server.asked) == 2


async def test_a_listing_without_an_end_is_incomplete(
    servers: LangGraphServers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("assistant_operator.clients.langgraph.assistants._MOST_PAGES", 3)
    async with Saying(saying()) as server:

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response([{"assistant_id": str(len(server.asked))}])

        server.answer = answer
        with pytest.raises(IncompleteListing, match="search does not end after 3 pages"):
            _ = [each async for each in servers.assistants_of(server.endpoint, "writer")]
        assert len(server.asked) == 3


async def test_one_that_comes_twice_since_another_was_made_meanwhile_is_told_once(servers: LangGraphServers) -> None:
    pages = [["b", "c"], ["c", "d"], ["d"], []]
    async with Saying(saying()) as server:

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.json_response([{"assistant_id": each} for each in pages[len(server.asked) - 1]])

        server.answer = answer
        found = [each.assistant_id async for each in servers.assistants_of(server.endpoint, "writer")]
        assert found == ["b", "c", "d"]


async def test_every_page_is_read_however_few_are_on_one(servers: LangGraphServers) -> None:
    async with Saying(saying()) as server:

        async def answer(_: web.Request) -> web.StreamResponse:
            asked = server.bodies[-1]
            rest = [{"assistant_id": str(number)} for number in range(asked["offset"], 5)]
            return web.json_response(rest[:2])

        server.answer = answer
        found = [each.assistant_id async for each in servers.assistants_of(server.endpoint, "writer")]
        assert found == ["0", "1", "2", "3", "4"]
        assert [asked["offset"] for asked in server.bodies] == [0, 2, 4, 5]


@pytest.mark.parametrize(
    ("retry_after", "pause"),
    [
        pytest.param({"Retry_After": "7"}, 7.0, id="as long as it asks for"),
        pytest.param({"Retry_After": "86400"}, 300.0, id="but not for ever"),
        pytest.param({"Retry_After": "Wed, 21 Oct 2026 07:28:00 GMT"}, 0.5, id="a date is not read"),
        pytest.param({}, 0.5, id="without a word, for a while"),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
async def test_an_overloaded_server_is_left_alone(
    servers: LangGraphServers, status: int, retry_after: dict[str, str], pause: float
) -> None:
    async with Saying(saying({"detail": "busy"}, status, **retry_after)) as server:
        with pytest.raises(ServerUnavailable) as first:
            await servers.update(server.endpoint, "id", {})
        with pytest.raises(ServerUnavailable) as second:
            await servers.release(server.endpoint)
        assert len(server.asked) == 1, "while it is left alone it is asked nothing"
        assert first.value.retry_after == pause
        assert pause - 0.4 < second.value.retry_after <= pause
        assert str(first.value) == str(second.value) == f"{server.url}: {status} busy", "one trouble, one text"


async def test_whose_key_is_throttled_is_alone_with_that(servers: LangGraphServers) -> None:
    async with Saying(saying({"version": "1"})) as server:
        throttled, fine = saying({}, 429, Retry_After="60"), server.answer

        async def answer(request: web.Request) -> web.StreamResponse:
            return await (throttled if request.headers["x-api-key"] == KEY else fine)(request)

        server.answer = answer
        for _ in range(2):
            with pytest.raises(ServerUnavailable, match=r": 429$"):
                await servers.release(server.endpoint)
        assert await servers.release(Endpoint(server.url, key="another")) == "1"
        assert len(server.asked) == 2


async def test_one_request_that_fails_inside_the_server_closes_nothing(servers: LangGraphServers) -> None:
    async with Saying(saying({"detail": "bug"}, 500)) as server:
        with pytest.raises(ServerUnavailable, match=r"/info: 500 bug$"):
            await servers.release(server.endpoint)
        server.answer = saying({"version": "1"})
        assert await servers.release(server.endpoint) == "1"


async def test_a_dead_server_is_asked_less_and_less_and_again_when_it_is_back(servers: LangGraphServers) -> None:
    async with Saying(cut) as server:
        trouble = rf"^{server.url}: the connection broke off \(\w+\)$"
        pauses = [await _failure(servers, server, trouble) for _ in range(2)]
        assert pauses == [0.5, 1.0]
        server.answer = saying({"version": "1"})
        while True:
            try:
                assert await servers.release(server.endpoint) == "1"
                break
            except ServerUnavailable as unavailable:
                await asyncio.sleep(unavailable.retry_after)
        server.answer = cut
        assert await _failure(servers, server, trouble) == 0.5


async def test_requests_that_fail_together_count_as_one_failure(servers: LangGraphServers) -> None:
    async with Saying(cut) as server:
        asking = [servers.release(server.endpoint) for _ in range(AT_ONCE)]
        told = await asyncio.gather(*asking, return_exceptions=True)
        assert [isinstance(each, ServerUnavailable) and each.retry_after for each in told] == [0.5] * AT_ONCE
        assert len(server.asked) == AT_ONCE


async def _failure(servers: LangGraphServers, server: Saying, trouble: str) -> float:
    """The pause after the next request that reaches it; until then each is told the same, whatever it asks for."""
    before = len(server.asked)
    while True:
        with pytest.raises(ServerUnavailable, match=trouble) as told:
            await servers.release(server.endpoint)
        if len(server.asked) > before:
            break
        await asyncio.sleep(told.value.retry_after)
    with pytest.raises(ServerUnavailable, match=trouble):
        await servers.assistant(server.endpoint, "id")
    assert len(server.asked) == before + 1
    return told.value.retry_after


@pytest.mark.parametrize(
    ("url", "words"),
    [
        pytest.param("http://127.0.0.1:1", "no connection (Connection refused)", id="nobody listens"),
        pytest.param("http://no-such-host.invalid", "the name cannot be resolved", id="no such name"),
        pytest.param("http://127.0.0.1:99999", "the connection broke off (InvalidUrlClientError)", id="no such port"),
    ],
)
async def test_why_there_is_no_answer(servers: LangGraphServers, url: str, words: str) -> None:
    with pytest.raises(ServerUnavailable) as told:
        await servers.release(Endpoint(url, key=KEY))
    assert str(told.value) == f"{url}: {words}"


async def test_one_server_gets_few_requests_at_once_and_another_is_not_kept_waiting(servers: LangGraphServers) -> None:
    gate, full, under_way = asyncio.Event(), asyncio.Event(), 0

    async def slow(_: web.Request) -> web.StreamResponse:
        nonlocal under_way
        under_way += 1
        if under_way == AT_ONCE:
            full.set()
        await gate.wait()
        return web.json_response({"version": "1"})

    async with Saying(slow) as busy, Saying(saying({"version": "2"})) as idle:
        assert not servers.is_busy(busy.url)
        waiting = [asyncio.create_task(servers.release(busy.endpoint)) for _ in range(3 * AT_ONCE)]
        await full.wait()
        assert await servers.release(idle.endpoint) == "2"
        assert (under_way, servers.is_busy(busy.url), servers.is_busy(idle.url)) == (AT_ONCE, True, False)
        gate.set()
        assert await asyncio.gather(*waiting) == ["1"] * 3 * AT_ONCE


async def test_nothing_is_kept_from_one_request_to_the_next(servers: LangGraphServers) -> None:
    async with Saying(saying({"version": "1"}, Set_Cookie="session=of-another; Path=/")) as server:
        by_name = Endpoint(server.url.replace("127.0.0.1", "localhost"))
        await servers.release(by_name)
        await servers.release(by_name)
        assert [("Cookie" in each.headers, "x-api-key" in each.headers) for each in server.asked] == [
            (False, False)
        ] * 2


async def test_without_the_lease_nothing_is_written() -> None:
    servers = LangGraphServers(may_write=lambda: False)
    async with Saying(saying({"version": "1"})) as server:
        for write in (
            servers.create(server.endpoint, {}),
            servers.update(server.endpoint, "id", {}),
            servers.delete(server.endpoint, "id"),
        ):
            with pytest.raises(NotLeading):
                await write
        assert await servers.release(server.endpoint) == "1"
        assert [each.method for each in server.asked] == ["GET"]
    await servers.close()


# What is told of a refusal holds nothing of what was sent


@pytest.mark.parametrize(
    ("detail", "words"),
    [
        pytest.param(
            '"canary" is not of type "number"\n\nFailed validating "type" in schema\n\nOn instance["x"]:\n    "canary"',
            'the value is not of type "number"',
            id="a validator that begins with the value",
        ),
        pytest.param(
            [{"loc": ["body", "context"], "msg": "bad", "input": "canary", "ctx": {"given": ["canary"]}}],
            "[{'loc': ['body', 'context'], 'msg': 'bad'}]",
            id="a list of errors with their input",
        ),
        pytest.param({"error": {"msg": "bad", "input": {"a": "canary"}}}, "{'error': {'msg': 'bad'}}", id="an object"),
    ],
)
async def test_a_refusal_is_told_without_the_value_it_is_about(
    servers: LangGraphServers, detail: object, words: str
) -> None:
    async with Saying(saying({"detail": detail}, 422)) as server:
        with pytest.raises(ServerRefused) as told:
            await servers.update(server.endpoint, "id", {"name": "x"})
        assert str(told.value) == f"PATCH {server.url}/assistants/id: 422 {words}"


def test_what_a_model_cannot_read_is_told_without_it() -> None:
    for model in (RemoteAssistant, Assistant):
        with pytest.raises(ValidationError) as told:
            model.model_validate({"assistant_id": {"canary": 1}, "metadata": "canary", "spec": "canary"})
        assert "canary" not in str(told.value)


# Bounds


async def test_json_that_is_too_deep_is_no_answer(servers: LangGraphServers) -> None:
    for status in (200, 422):
        async with Saying(saying(text='{"detail":' + "[" * 200_000, status=status)) as server:
            with pytest.raises((NotALangGraphServer, ServerRefused)):
                await servers.release(server.endpoint)


async def test_a_page_that_is_too_large_is_asked_for_in_parts(servers: LangGraphServers) -> None:
    sizes = [MIB + MIB // 2 if number % 50 == 0 else 10 for number in range(300)]
    asked: list[int] = []

    async def answer(request: web.Request) -> web.StreamResponse:
        page = json.loads(await request.read())
        asked.append(page["limit"])
        some = range(300)[page["offset"] : page["offset"] + page["limit"]]
        return web.json_response([{"assistant_id": str(each), "name": "x" * sizes[each]} for each in some])

    async with Saying(answer) as server:
        found = [each.assistant_id async for each in servers.assistants_of(server.endpoint, "writer")]
    assert found == [str(number) for number in range(300)]
    assert asked[:2] == [200, 100]


async def test_a_pause_that_one_asked_for_outlasts_the_answers_that_were_under_way(servers: LangGraphServers) -> None:
    gate = asyncio.Event()

    async def one_is_slow(request: web.Request) -> web.StreamResponse:
        if request.path == "/info":
            await gate.wait()
            return web.json_response({"version": "1"})
        return web.Response(status=429, headers={"Retry-After": "60"})

    async with Saying(one_is_slow) as server:
        slow = asyncio.create_task(servers.release(server.endpoint))
        with pytest.raises(ServerUnavailable) as told:
            await servers.assistant(server.endpoint, "id")
        assert told.value.retry_after == 60
        gate.set()
        assert await slow == "1"
        with pytest.raises(ServerUnavailable, match=r": 429$") as told:
            await servers.release(server.endpoint)
        assert 50 < told.value.retry_after <= 60


async def test_a_server_may_say_when_to_come_back_as_a_date(servers: LangGraphServers) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    async with Saying(saying(status=503, Retry_After=date)) as server:
        with pytest.raises(ServerUnavailable) as told:
            await servers.release(server.endpoint)
    assert 80 < told.value.retry_after <= 100


async def test_nothing_of_a_server_is_kept_when_nobody_speaks_to_it() -> None:
    """Neither a turn nor a circuit nor a context; and of a key not even while one is kept."""
    wire = HttpTransport(lambda method, code, seconds: None)
    async with Saying(saying({"version": "1"})) as server, Saying(saying(status=503)) as down:
        for number in range(20):
            await wire.send(Endpoint(f"{server.url}/{number}", key=KEY), "GET", "/info")
        with pytest.raises(ServerUnavailable):
            await wire.send(Endpoint(down.url, key=KEY, authorities=None), "GET", "/info")
        stored = vars(wire) | vars(wire._breaker)  # noqa: SLF001 (what it keeps)
        kept = {name: each for name, each in stored.items() if isinstance(each, (dict, Expiring))}
        assert {name: len(each) for name, each in kept.items()} == {
            "_slots": 0,
            "_requests": 0,
            "_trusted": 0,
            "circuits": 1,
        }
        assert KEY not in repr([vars(each) if isinstance(each, Expiring) else each for each in kept.values()])
    await wire.close()


# Proxies and certificates


async def test_a_server_behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    name = "langgraph.test.invalid:8123"
    with Answerer() as server, Proxy(hosts={name: server.address}) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        servers = LangGraphServers()
        assert await servers.release(Endpoint(f"http://{name}", key=KEY)) == "9.9.9"
        assert await servers.release(Endpoint(server.url, key=KEY)) == "9.9.9"
        assert proxy.asked == [f"GET http://{name}/info"]
        assert ["x-api-key: canary-of-the-key" in each for each in server.heads] == [True, True]
        await servers.close()


@pytest.mark.parametrize(
    ("variable", "proxy", "url", "words"),
    [
        pytest.param(
            "HTTP_PROXY",
            "http://me:canary@127.0.0.1:1",
            "http://a.test.invalid",
            "http://a.test.invalid: through the proxy http://127.0.0.1:1: no connection (Connection refused)",
            id="a proxy that does not listen",
        ),
        pytest.param(
            "HTTPS_PROXY",
            "http://me:canary@no-such-proxy.invalid:3128",
            "https://a.test.invalid",
            "https://a.test.invalid: through the proxy http://no-such-proxy.invalid:3128: the name cannot be resolved",
            id="a proxy whose name is not known",
        ),
        pytest.param(
            "HTTP_PROXY",
            "socks5://me:canary@127.0.0.1:1",
            "http://a.test.invalid",
            "http://a.test.invalid: the proxy that HTTP_PROXY names speaks socks5: only http and https are supported",
            id="a proxy of another kind",
        ),
    ],
)
async def test_what_is_wrong_with_a_proxy_is_told_without_its_password(
    monkeypatch: pytest.MonkeyPatch, variable: str, proxy: str, url: str, words: str
) -> None:
    monkeypatch.setenv(variable, proxy)
    servers = LangGraphServers()
    with pytest.raises(ServerUnavailable) as told:
        await servers.release(Endpoint(url))
    assert str(told.value) == words
    await servers.close()


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_a_proxy_that_asks_for_credentials_is_told(monkeypatch: pytest.MonkeyPatch, scheme: str) -> None:
    with Proxy(password="right") as proxy:
        monkeypatch.setenv(f"{scheme.upper()}_PROXY", proxy.url.replace("://", "://user:canary@"))
        servers = LangGraphServers()
        with pytest.raises(ServerUnavailable, match=proxy.url) as told:
            await servers.release(Endpoint(f"{scheme}://a.test.invalid"))
        assert "407" in str(told.value) or "asks for credentials" in str(told.value)
        assert "canary" not in str(told.value)
        await servers.close()


async def test_a_server_with_a_certificate_that_kubectl_would_take(servers: LangGraphServers, tmp_path: Path) -> None:
    ca = authority(tmp_path)
    another = authority(tmp_path / "another")
    with Answerer() as server, Front(server.url, signed(ca, tmp_path)) as front:
        assert await servers.release(Endpoint(front.url, authorities=ca.pem)) == "9.9.9"
        for wrong in (another.pem, None):
            with pytest.raises(ServerUnavailable, match="the certificate is not trusted"):
                await servers.release(Endpoint(front.url, authorities=wrong))
