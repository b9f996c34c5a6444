"""What is made of an API server's answers: JSON, a failure that may pass, or a refusal. About HTTP, not Kubernetes."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from aiohttp import web
from aiohttp.test_utils import TestServer, unused_port

from assistant_operator.api.assistant import Assistant
from assistant_operator.clients.kubernetes.cluster import Cluster, ObjectHead
from assistant_operator.clients.kubernetes.configuration import Configuration, ConfigurationLoader
from assistant_operator.clients.kubernetes.objects import Objects, if_current
from assistant_operator.clients.kubernetes.transport import (
    APPLY_PATCH,
    MERGE_PATCH,
    AnswerTooLarge,
    ApiServer,
    Call,
    ClusterRefused,
    ClusterUnavailable,
    NotLeading,
    Status,
)

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
THINGS = Call("GET", "/things")


@asynccontextmanager
async def answering(answer: Answer, **door: Any) -> AsyncIterator[ApiServer]:
    """A door to a server that answers everything like that."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        api = ApiServer(Configuration(host=str(server.make_url("")).rstrip("/")), **door)
        try:
            yield api
        finally:
            await api.close()


def saying(code: int, body: Any = None, *, text: str | None = None, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if text is not None:
            return web.Response(status=code, text=text, headers=named)
        return web.json_response(body if body is not None else {}, status=code, headers=named)

    return answer


def refusal(reason: str, message: str, *causes: tuple[str, str], kind: str = "things") -> dict[str, Any]:
    told = [{"reason": cause, "field": field} for cause, field in causes]
    return {"kind": "Status", "reason": reason, "message": message, "details": {"kind": kind, "causes": told}}


async def test_a_request_says_what_it_is_and_wants_and_who_asks() -> None:
    seen: dict[str, Any] = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update(method=request.method, path=request.raw_path, body=await request.json())
        seen.update({name: request.headers[name] for name in ("Accept", "Content-Type")})
        return web.json_response({"it": "worked"})

    asked: list[tuple[str, int]] = []
    async with answering(answer, observe=lambda method, code, seconds: asked.append((method, code))) as api:
        call = Call("PATCH", "/things/a b", {"limit": 5, "q": "x=y&z"}, {"é": [None, 2**53 + 1]}, MERGE_PATCH, "text/x")
        assert await api.send(call) == {"it": "worked"}
    assert seen == {
        "method": "PATCH",
        "path": "/things/a%20b?limit=5&q=x%3Dy%26z",
        "body": {"é": [None, 2**53 + 1]},
        "Accept": "text/x",
        "Content-Type": MERGE_PATCH,
    }
    assert asked == [("PATCH", 200)]


STRANGE = {
    "👩": "👩\u200d💻",
    "next line": "a\u0085b\u2028c\u2029",
    "other": "\ufeff\x7f\x9b\0\\ud83d",
    "é": [1.5, 10**20],
}


async def test_what_is_applied_is_yaml_for_every_reader() -> None:
    seen: dict[str, str] = {}

    async def answer(request: web.Request) -> web.Response:
        seen.update(body=await request.text(), type=request.content_type)
        return web.json_response({})

    async with answering(answer) as api:
        await api.send(Call("PATCH", "/things/one", {}, STRANGE, APPLY_PATCH))
    assert seen["type"] == "application/apply-patch+yaml"
    assert yaml.safe_load(seen["body"]) == STRANGE
    assert seen["body"].isascii()
    assert not re.search(r"(?<!\\)\\u[dD]8", seen["body"]), "half a character is none for a YAML reader"


@pytest.mark.parametrize("code", [408, 425, 429, 500, 502, 503, 504])
async def test_what_may_pass_is_unavailability(code: int) -> None:
    async with answering(saying(code, refusal("Busy", "come back"))) as api:
        with pytest.raises(ClusterUnavailable, match=rf"^GET /things: {code} Busy: come back$") as raised:
            await api.send(THINGS)
    assert raised.value.retry_after is None


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
    ],
)
async def test_when_to_come_back_is_taken_if_it_is_a_number(header: str, seconds: float | None) -> None:
    async with answering(saying(429, refusal("TooManyRequests", "slow down"), Retry_After=header)) as api:
        with pytest.raises(ClusterUnavailable) as raised:
            await api.send(THINGS)
    assert raised.value.retry_after == seconds


LARGE = "etcdserver: request is too large"
TERMINATING = refusal("Forbidden", "namespace a is being terminated", ("NamespaceTerminating", "metadata.namespace"))


@pytest.mark.parametrize(
    ("code", "body", "large", "going"),
    [
        pytest.param(400, refusal("BadRequest", "no"), False, False, id="a bad request"),
        pytest.param(401, refusal("Unauthorized", "who?"), False, False, id="unauthorized"),
        pytest.param(403, refusal("Forbidden", "no"), False, False, id="forbidden"),
        pytest.param(403, TERMINATING, False, True, id="the namespace is being deleted"),
        pytest.param(404, refusal("NotFound", "no"), False, False, id="not found"),
        pytest.param(404, refusal("NotFound", "no", kind="namespaces"), False, True, id="the namespace is gone"),
        pytest.param(404, refusal("NotFound", "no", kind="graphs"), False, False, id="a kind is gone"),
        pytest.param(409, refusal("Conflict", "no"), False, False, id="a conflict"),
        pytest.param(410, refusal("Expired", "no"), False, False, id="gone"),
        pytest.param(413, refusal("RequestEntityTooLarge", "limit is 3145728"), True, False, id="413"),
        pytest.param(422, refusal("Invalid", "no", ("FieldValueInvalid", "spec.x")), False, False, id="invalid"),
        pytest.param(500, refusal("", LARGE), True, False, id="too large for etcd"),
        pytest.param(
            500,
            refusal("", "rpc error: trying to send message larger than max (2100000 vs. 2097152)"),
            True,
            False,
            id="too large for the way to etcd",
        ),
        pytest.param(
            429, refusal("", "grpc: received message larger than max (2100000)"), True, False, id="too large, as 429"
        ),
    ],
)
async def test_what_does_not_pass_is_a_refusal(code: int, body: Any, *, large: bool, going: bool) -> None:
    async with answering(saying(code, body)) as api:
        with pytest.raises(ClusterRefused) as raised:
            await api.send(THINGS)
    status = raised.value.status
    assert str(raised.value) == f"Kubernetes refused GET /things: {code} {body['reason']}: {body['message']}"
    assert (status.code, status.is_too_large, status.is_namespace_terminating) == (code, large, going)
    assert status.causes == tuple((cause["reason"], cause["field"]) for cause in body["details"]["causes"])
    assert not status.is_transient


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("", "", id="nothing"),
        pytest.param("<h1>\nForbidden\n</h1>", "<h1> Forbidden </h1>", id="a page of a proxy, in one line"),
        pytest.param("x" * 5_000, "x" * 200, id="a long text, cut"),
        pytest.param('["no"]', '["no"]', id="a list"),
        pytest.param('{"message": 7, "details": "none"}', "7", id="an object of another make"),
    ],
)
async def test_a_refusal_that_is_no_status_is_shown_as_it_is(text: str, message: str) -> None:
    async with answering(saying(403, text=text)) as api:
        with pytest.raises(ClusterRefused) as raised:
            await api.send(THINGS)
    assert raised.value.status == Status(403, "", message)


STRICT = 'AssistantVersion in version "v1alpha1" cannot be handled: strict decoding error: unknown field "spec.{}"'


@pytest.mark.parametrize(
    ("status", "fields"),
    [
        pytest.param(Status(400, "BadRequest", STRICT.format("change.user")), ("spec.change.user",), id="one"),
        pytest.param(
            Status(400, "BadRequest", STRICT.format('a", unknown field "spec.b')), ("spec.a", "spec.b"), id="two"
        ),
        pytest.param(Status(400, "BadRequest", 'unknown field "spec.a"'), (), id="words of something else"),
        pytest.param(Status(403, "Forbidden", STRICT.format("a")), (), id="another refusal"),
    ],
)
def test_fields_that_strict_validation_does_not_know_are_read_from_its_words(
    status: Status, fields: tuple[str, ...]
) -> None:
    assert status.unknown_fields == fields


@pytest.mark.parametrize("text", ["<html>log in</html>", "[]", "null", '{"cut'])
async def test_a_success_that_is_no_object_comes_from_something_else(text: str) -> None:
    async with answering(saying(200, text=text)) as api:
        with pytest.raises(ClusterUnavailable, match=r"^GET /things: 200, but what answered is no Kubernetes API$"):
            await api.send(THINGS)


async def test_a_success_without_a_body_is_one() -> None:
    async with answering(saying(200, text="")) as api:
        assert await api.send(THINGS) == {}


async def test_an_answer_that_breaks_off_may_be_whole_the_next_time() -> None:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=int(request.query["code"]), headers={"Content-Length": "1000"})
        await response.prepare(request)
        await response.write(b'{"kind"')
        assert request.transport
        request.transport.close()
        return response

    async with answering(answer) as api:
        for code in (200, 404, 503):
            with pytest.raises(ClusterUnavailable, match="broke off"):
                await api.send(Call("GET", "/things", {"code": code}))
        with pytest.raises(ClusterUnavailable, match="broke off"):
            await anext(api.stream(Call("GET", "/things", {"code": 404}), silence=5))


async def test_no_answer_is_unavailability_and_observed_as_code_0() -> None:
    asked: list[tuple[str, int]] = []
    api = ApiServer(
        Configuration(host=f"http://127.0.0.1:{unused_port()}"),
        observe=lambda method, code, seconds: asked.append((method, code)),
    )
    with pytest.raises(ClusterUnavailable, match=r"^GET /things: no answer: "):
        await api.send(THINGS)
    assert asked == [("GET", 0)]
    await api.close()


async def test_an_answer_that_takes_too_long_is_none() -> None:
    async def answer(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError("not reached")

    async with answering(answer) as api:
        with pytest.raises(ClusterUnavailable, match=r"no answer: .*Timeout"):
            await api.send(THINGS, timeout=0.1)


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_who_does_not_lead_reads_and_writes_nothing(method: str) -> None:
    asked: list[str] = []
    leads = False

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.method)
        return web.json_response({})

    async with answering(answer, may_write=lambda: leads) as api:
        await api.send(THINGS)
        with pytest.raises(NotLeading, match=f"^{method} /things: the Lease is not held$"):
            await api.send(Call(method, "/things", body={}))
        assert asked == ["GET"]
        leads = True
        await api.send(Call(method, "/things", body={}))
        assert asked == ["GET", method]


def streaming(*chunks: bytes, cut: bool = False) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.enable_chunked_encoding()
        await response.prepare(request)
        for chunk in chunks:
            await response.write(chunk)
        if cut and request.transport:
            request.transport.close()
        return response

    return answer


async def streamed(api: ApiServer, silence: float = 5) -> tuple[list[Any], str]:
    """The events of a watch, and how it ended."""
    events: list[Any] = []
    try:
        async for event in api.stream(THINGS, silence=silence):
            events.append(event)  # noqa: PERF401 (what came before a failure counts)
    except (ClusterUnavailable, ClusterRefused) as error:
        return events, f"{type(error).__name__}: {error}"
    return events, ""


@pytest.mark.parametrize(
    ("answer", "count", "end"),
    [
        pytest.param(streaming(b'{"n":0}\n{"n":', b"1}\n"), 2, "", id="lines in any pieces"),
        pytest.param(streaming(b'{"n":0}\n' + b" " * 300_000 + b'{"n":1}\n'), 2, "", id="a long line"),
        pytest.param(streaming(), 0, "", id="nothing at all"),
        pytest.param(streaming(b'{"n":0}\n{"n":', cut=True), 1, "ClusterUnavailable: ", id="cut off"),
        pytest.param(streaming(b'{"n":0}\n{"n":'), 1, "ClusterUnavailable: ", id="ended amid a line"),
        pytest.param(streaming(b"<html>\n"), 0, "ClusterUnavailable: ", id="what is no event"),
        pytest.param(saying(410, refusal("Expired", "too old")), 0, "ClusterRefused: ", id="refused"),
        pytest.param(saying(503, refusal("", "later")), 0, "ClusterUnavailable: ", id="not now"),
    ],
)
async def test_a_watch(answer: Answer, count: int, end: str) -> None:
    async with answering(answer) as api:
        events, ended = await streamed(api)
    assert events == [{"n": number} for number in range(count)]
    assert ended[: ended.find(": ") + 2] == end


async def test_a_watch_that_falls_silent_is_broken() -> None:
    over = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"n":0}\n')
        await over.wait()
        return response

    async with answering(answer) as api:
        events, ended = await streamed(api, silence=0.2)
        over.set()
    assert events == [{"n": 0}]
    assert ended.startswith("ClusterUnavailable: GET /things: the watch broke off: TimeoutError")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param("", id="it is empty"),
        pytest.param("just text", id="it is text"),
        pytest.param("[1]", id="it is a list"),
        pytest.param("a: [1", id="it is no YAML"),
        pytest.param("current-context: x\ncontexts: []\nclusters: []\nusers: []", id="no such context"),
        pytest.param("current-context: x\ncontexts: [{name: x}]", id="an empty context"),
    ],
)
async def test_a_kubeconfig_that_cannot_be_used_is_told_in_one_line(
    content: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(content)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(ValueError, match=rf"^cannot determine from {path} how to reach a cluster: .+$"):
        await ConfigurationLoader()()


async def test_a_connection_outlasts_the_pause_between_two_edits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new one to a real API server begins with a handshake, in the path of the edit."""
    connections: list[Any] = []

    async def answer(request: web.Request) -> web.Response:
        connections.append(request.transport)
        return web.json_response({})

    passed = 0.0
    monkeypatch.setattr("aiohttp.connector.monotonic", lambda: time.monotonic() + passed)
    async with answering(answer) as api:
        for pause in (0, 40, 50):
            passed += pause
            await api.send(THINGS)
    first, second, third = connections
    assert second is first
    assert third is not first, "nor is it kept until the other side has closed it"


# Bounds


def endless(chunk: bytes) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(chunk)

    return answer


async def test_an_answer_without_an_end_is_not_read_to_its_end() -> None:
    async with answering(endless(b" " * 2**20)) as api:
        with pytest.raises(AnswerTooLarge, match=r"^GET /things: the answer has more than 64 MiB$"):
            await api.send(THINGS, timeout=60)


async def test_an_event_without_an_end_breaks_the_watch() -> None:
    async with answering(endless(b"canary" * 100_000)) as api:
        events, ended = await streamed(api, silence=60)
    assert events == []
    assert ended == "ClusterUnavailable: GET /things: the watch broke off: an event has more than 8 MiB"


async def test_json_that_is_too_deep_is_no_answer_and_no_crash() -> None:
    deep = b'{"a":' + b"[" * 200_000
    async with answering(saying(200, text=deep.decode())) as api:
        with pytest.raises(ClusterUnavailable, match="what answered is no Kubernetes API"):
            await api.send(THINGS)
    async with answering(streaming(deep + b"\n")) as api:
        _, ended = await streamed(api)
    assert ended == "ClusterUnavailable: GET /things: the watch broke off: a line is not an event"


@pytest.mark.parametrize("code", [301, 302, 307, 308])
async def test_a_redirect_is_told_and_not_followed(code: int) -> None:
    """A POST that is redirected would come back as the answer to a GET."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(f"{request.method} {request.path}")
        return web.json_response({}, status=code, headers={"Location": "/login"})

    async with answering(answer) as api:
        words = rf"^POST /things: no answer: .*{code}, redirects to /login: no Kubernetes API does that"
        with pytest.raises(ClusterUnavailable, match=words):
            await api.send(Call("POST", "/things", body={}))
    assert asked == ["POST /things"]


async def test_a_page_that_is_too_large_is_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant_operator.clients.kubernetes.transport._LONGEST_ANSWER", 10_000)
    sizes = {number: 5_000 if number % 7 == 0 else 100 for number in range(600)}
    asked: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        limit, start = int(request.query["limit"]), int(request.query.get("continue", 0))
        asked.append(limit)
        end = min(start + limit, len(sizes))
        items = [{"metadata": {}, "n": number, "x": "x" * sizes[number]} for number in range(start, end)]
        meta = {"resourceVersion": "1", "continue": str(end) if end < len(sizes) else ""}
        return web.json_response({"items": items, "metadata": meta})

    async with answering(answer) as api:
        pages = [page async for page in Objects(api).pages("/things", "application/json")]
    assert [item["n"] for page in pages for item in page["items"]] == list(range(600))
    assert asked[:3] == [500, 250, 125]


@pytest.mark.parametrize(
    ("is_consistent", "asked"),
    [
        pytest.param(False, [{"resourceVersion": "0"}], id="from the watch cache"),
        pytest.param(True, [{"limit": "500"}], id="consistently"),
    ],
)
async def test_metadata_is_listed(*, is_consistent: bool, asked: list[dict[str, str]]) -> None:
    seen: list[dict[str, str]] = []
    meta = {"namespace": "t", "name": "bot", "uid": "u", "resourceVersion": "7", "generation": 3}

    async def answer(request: web.Request) -> web.Response:
        seen.append(dict(request.query))
        return web.json_response({"metadata": {"resourceVersion": "9"}, "items": [{"metadata": meta}]})

    async with answering(answer) as api:
        heads = await Cluster(api).heads(Assistant, "", is_consistent=is_consistent)
    assert (heads, seen) == ({("t", "bot"): ObjectHead("u", "7", 3)}, asked)


async def test_metadata_that_is_too_large_for_one_answer_is_listed_in_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant_operator.clients.kubernetes.transport._LONGEST_ANSWER", 1_000)
    metas = [{"namespace": "t", "name": f"bot-{n}", "uid": str(n), "resourceVersion": "1"} for n in range(20)]

    async def answer(request: web.Request) -> web.Response:
        start, limit = int(request.query.get("continue", 0)), int(request.query.get("limit", len(metas)))
        meta = {"resourceVersion": "9", "continue": str(start + limit) if start + limit < len(metas) else ""}
        return web.json_response({"metadata": meta, "items": [{"metadata": each} for each in metas[start:][:limit]]})

    async with answering(answer) as api:
        heads = await Cluster(api).heads(Assistant, "", is_consistent=False)
    assert heads == {("t", f"bot-{n}"): ObjectHead(str(n), "1", 0) for n in range(20)}


@pytest.mark.parametrize(
    ("code", "body", "refused"),
    [
        pytest.param(404, refusal("NotFound", "no"), False, id="gone"),
        pytest.param(409, refusal("Conflict", "no"), False, id="changed since"),
        pytest.param(422, refusal("Invalid", "no", ("FieldValueInvalid", "metadata.uid")), False, id="made anew"),
        pytest.param(422, refusal("Invalid", "no", ("FieldValueInvalid", "spec.x")), True, id="invalid"),
        pytest.param(422, refusal("Invalid", "no policy lets this through"), True, id="refused by a policy"),
        pytest.param(403, refusal("Forbidden", "no"), True, id="forbidden"),
    ],
)
async def test_a_change_of_an_object_that_is_another_now_is_pointless_and_no_refusal(
    code: int, body: Any, *, refused: bool
) -> None:
    async with answering(saying(code, body)) as api:
        changing = if_current(api.send(Call("PATCH", "/things/one", body={"metadata": {"uid": "a"}})))
        if refused:
            with pytest.raises(ClusterRefused):
                await changing
        else:
            assert await changing is None


@pytest.mark.parametrize(
    ("answer", "is_rewound"),
    [
        pytest.param({"metadata": {"resourceVersion": "9"}}, True, id="a write that was answered"),
        pytest.param({}, False, id="what answered is no API server"),
    ],
)
async def test_a_read_that_is_older_than_a_write_shows_that_the_storage_went_back(
    answer: Any, *, is_rewound: bool
) -> None:
    async with answering(saying(200, answer)) as api:
        objects = Objects(api)
        with nullcontext() if is_rewound else pytest.raises(ClusterUnavailable):
            await objects.write(Call("PATCH", "/things/one", body={}))
    found = objects.resource_versions
    assert found.compare("Assistant", found.mark(), "8") == int(is_rewound)


async def test_a_watch_that_is_not_answered_is_an_interruption(monkeypatch: pytest.MonkeyPatch) -> None:
    async def waits(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(60)
        return web.Response()

    monkeypatch.setattr("assistant_operator.clients.kubernetes.transport._OPENING", 0.1)
    interruptions: list[str] = []
    async with answering(waits, interrupted=lambda: interruptions.append("watch")) as api:
        with pytest.raises(ClusterUnavailable, match="no answer within"):
            async for _ in api.stream(Call("GET", "/things"), silence=5):
                pass
    assert interruptions == ["watch"]


async def test_a_request_without_an_answer_and_a_watch_that_breaks_off_are_interruptions() -> None:
    async def breaks_off(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        assert request.transport
        request.transport.close()
        return response

    told: list[str] = []
    async with answering(breaks_off, interrupted=lambda: told.append("watch")) as api:
        with pytest.raises(ClusterUnavailable):
            async for _ in api.stream(Call("GET", "/things"), silence=5):
                pass
    assert told == ["watch"]
    nowhere = ApiServer(Configuration(host="http://127.0.0.1:9"), interrupted=lambda: told.append("request"))
    with pytest.raises(ClusterUnavailable):
        await nowhere.send(Call("GET", "/things"))
    await nowhere.close()
    assert told == ["watch", "request"]
    async with answering(saying(503), interrupted=lambda: told.append("answer")) as api:
        with pytest.raises(ClusterUnavailable):
            await api.send(Call("GET", "/things"))
    assert told == ["watch", "request"]


async def test_one_object_that_is_too_large_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant_operator.clients.kubernetes.transport._LONGEST_ANSWER", 1_000)
    async with answering(saying(200, text="x" * 2_000)) as api:
        with pytest.raises(AnswerTooLarge):
            _ = [page async for page in Objects(api).pages("/things", "application/json")]
