"""What kopf is answered: every failure is waited for, told by kind and namespace, and never kopf's to meet."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from itertools import permutations
from typing import Any

import pytest
from aiohttp import web

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable
from assistant_operator.clients.kubernetes.watch_session import EPOCH, SERVER, Document, Place, Watch, WatchSession

from .test_transport import Answer, answering, refusal, saying, streaming

PATH = "/apis/assistant-operator.dev/v1alpha1/namespaces/one/assistants"
PLACE = ("Assistant", "one")
GONE = {"type": "ERROR", "object": {"kind": "Status", "code": 410}}
Json = dict[str, Any]


class Told:
    """What the observer hears."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Place]] = []

    def listed(self, place: Place) -> None:
        self.said.append(("listed", place))

    def works(self, place: Place) -> None:
        self.said.append(("works", place))

    def fails(self, place: Place, error: ClusterUnavailable | ClusterRefused) -> None:
        assert str(error)
        self.said.append(("fails", place))


class Api:
    """An API server that gives one answer after the other, the last one for ever; and what it was asked."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.asked: list[str] = []

    async def answer(self, request: web.Request) -> web.StreamResponse:
        self.asked.append(request.path_qs)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return await answer(request)


@asynccontextmanager
async def session(*answers: Answer) -> AsyncIterator[tuple[WatchSession, Told, ResourceVersions, Api]]:
    told, resource_versions, api = Told(), ResourceVersions(), Api(*answers)
    async with answering(api.answer) as server:
        yield WatchSession(server, resource_versions, told, (Assistant, Graph)), told, resource_versions, api


def page(*names: str, position: str = "10", onward: str = "") -> Json:
    items = [{"metadata": {"name": name, "namespace": "one", "resourceVersion": "1"}} for name in names]
    return {"metadata": {"resourceVersion": position, "continue": onward}, "items": items}


def event(name: str = "bot", position: str = "11") -> bytes:
    told = {"type": "MODIFIED", "object": {"metadata": {"name": name, "resourceVersion": position}}}
    return json.dumps(told).encode() + b"\n"


async def get(session: WatchSession, query: str = "", path: str = PATH) -> Document | Watch:
    return await session.request(method="get", url=f"{SERVER}{path}{query}", timeout=None)


async def listed(session: WatchSession, query: str = "?limit=500") -> Json:
    async with await get(session, query) as answer:
        return await answer.json()


async def watched(session: WatchSession, since: str = "10") -> list[Json]:
    """The events of one watch."""
    answer = await get(session, f"?watch=true&resourceVersion={since}")
    assert isinstance(answer, Watch)
    async with answer:
        chunks = b"".join([chunk async for chunk in answer.content.iter_chunked(1024)])
    return [json.loads(line) for line in chunks.splitlines()]


def position_of(event: Json) -> Any:
    """Of an ERROR event, all of it."""
    return event if event["type"] == "ERROR" else event["object"]["metadata"]["resourceVersion"]


FAILURES = {
    "401": saying(401, refusal("Unauthorized", "who are you")),
    "403": saying(403, refusal("Forbidden", "no")),
    "404": saying(404, refusal("NotFound", "no such kind")),
    "410": saying(410, refusal("Expired", "too old")),
    "429": saying(429, refusal("TooManyRequests", "slow down"), Retry_After="0"),
    "500": saying(500, refusal("InternalError", "no leader")),
    "HTML": saying(200, text="<html>"),
    "something else": saying(200, {"hello": "world"}),
    "a list": saying(200, [1]),
    "nothing": saying(200, text=""),
    "no items": saying(200, {"metadata": {"resourceVersion": "1"}, "items": {"a": 1}}),
    "items of something else": saying(200, {"metadata": {"resourceVersion": "1"}, "items": [{"a": 1}]}),
    "cut off": streaming(b'{"metadata": {"resourceV', cut=True),
}


@pytest.mark.parametrize("failure", FAILURES.values(), ids=FAILURES.keys())
async def test_a_listing_is_tried_until_it_works(failure: Answer) -> None:
    async with session(failure, saying(200, page("bot"))) as (kopfs, told, _, _):
        assert [each["metadata"]["name"] for each in (await listed(kopfs))["items"]] == ["bot"]
        assert told.said == [("fails", PLACE), ("listed", PLACE)]


async def test_a_listing_of_several_pages_is_listed_with_the_last() -> None:
    async with session(saying(200, page("a", onward="next")), saying(200, page("b"))) as (kopfs, told, _, _):
        await listed(kopfs)
        assert told.said == []
        await listed(kopfs, "?limit=500&continue=next")
        assert told.said == [("listed", PLACE)]


OWNED = {"ownerReferences": [{"name": "support", "controller": True}]}


@pytest.mark.parametrize(
    ("path", "meta", "status", "are_kept"),
    [
        pytest.param(PATH, {}, {"observedGeneration": 2}, False, id="an Assistant whose edits are captured"),
        pytest.param(PATH, {}, {"observedGeneration": 1}, True, id="one with an edit that is not"),
        pytest.param(PATH, {}, None, True, id="one without a status"),
        pytest.param(PATH, OWNED, {"observedGeneration": 2}, True, id="a default Assistant"),
        pytest.param(PATH.replace("assistants", "graphs"), {}, {"observedGeneration": 2}, True, id="a Graph"),
    ],
)
async def test_managed_fields_are_listed_where_they_are_read(
    path: str, meta: Json, status: Json | None, *, are_kept: bool
) -> None:
    content = page("bot")
    content["items"][0]["metadata"] |= {"generation": 2, "managedFields": [{"manager": "ann"}], **meta}
    content["items"][0] |= {} if status is None else {"status": status}
    async with session(saying(200, content)) as (each, *_), await get(each, "?limit=500", path) as answer:
        found = await answer.json()
    assert ("managedFields" in found["items"][0]["metadata"]) is are_kept


async def test_a_page_that_is_too_large_is_asked_for_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("assistant_operator.clients.kubernetes.transport._LONGEST_ANSWER", 1_000)
    many = page(*(f"bot-{number}" for number in range(30)))
    async with session(saying(200, many), saying(200, many), saying(200, page("one"))) as (kopfs, told, _, api):
        assert len((await listed(kopfs))["items"]) == 1
        assert told.said == [("listed", PLACE)]
    assert api.asked == [f"{PATH}?limit={limit}" for limit in (500, 250, 125)]


async def test_a_page_that_expired_makes_kopf_list_from_the_beginning() -> None:
    async with session(saying(410, refusal("Expired", "too old"))) as (kopfs, told, _, _):
        with pytest.raises(TimeoutError):
            await listed(kopfs, "?limit=500&continue=next")
        assert told.said == []


@pytest.mark.parametrize(
    ("answer", "events", "fails"),
    [
        pytest.param(streaming(event(), event("b", "12")), ["11", "12"], False, id="events"),
        pytest.param(streaming(), [], False, id="none, and then the end"),
        pytest.param(streaming(event(), b'{"type": "MODIFIED", "obj'), ["11"], False, id="a truncated line"),
        pytest.param(streaming(event(), cut=True), ["11"], False, id="cut off after an event"),
        pytest.param(streaming(event(), b"[]\n"), ["11"], False, id="a line that is no event"),
        pytest.param(
            streaming(event(), b'{"type": "MODIFIED", "object": {}}\n'), ["11"], False, id="an object without metadata"
        ),
        pytest.param(streaming(event(), b'{"type": "MODIFIED"}\n'), ["11"], False, id="an event without an object"),
        pytest.param(streaming(b'{"type": "ERROR", "object": {"code": 410}}\n'), [GONE], False, id="ERROR 410"),
        pytest.param(streaming(b'{"type": "ERROR", "object": {"code": 500}}\n'), [GONE], False, id="ERROR 500"),
        pytest.param(streaming(b'{"type": "ERROR", "object": {}}\n'), [GONE], False, id="ERROR without a code"),
        pytest.param(FAILURES["410"], [GONE], True, id="410 as an HTTP status"),
        pytest.param(FAILURES["404"], [GONE], True, id="404: what comes back are other objects"),
        pytest.param(FAILURES["403"], [], True, id="403: it goes on from there"),
        pytest.param(FAILURES["401"], [], True, id="401: it goes on from there"),
        pytest.param(FAILURES["429"], [], True, id="429"),
        pytest.param(FAILURES["500"], [], True, id="500"),
        pytest.param(saying(200, text="<html>"), [], True, id="HTML"),
    ],
)
async def test_a_watch_ends_so_that_kopf_can_go_on(answer: Answer, events: list[Any], *, fails: bool) -> None:
    async with session(saying(200, page("bot")), answer) as (kopfs, told, _, _):
        await listed(kopfs)
        seen = await watched(kopfs)
    assert [position_of(each) for each in seen] == events
    assert (("fails", PLACE) in told.said) is fails


async def test_a_watch_that_breaks_off_again_and_again_is_told_and_paced() -> None:
    async with session(saying(200, page("bot")), streaming(b"<html>\n")) as (kopfs, told, _, _):
        await listed(kopfs)
        started = asyncio.get_running_loop().time()
        for _ in range(4):
            assert await watched(kopfs) == []
        assert ("fails", PLACE) in told.said
        assert asyncio.get_running_loop().time() - started > 1.0


async def test_a_watch_that_lives_counts_as_working() -> None:
    over = asyncio.Event()

    async def quiet(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await over.wait()
        return response

    async with session(saying(200, page("bot")), quiet) as (kopfs, told, _, _):
        await listed(kopfs)
        watching = asyncio.create_task(watched(kopfs))
        await asyncio.sleep(1.3)
        over.set()
        await watching
    assert told.said[-1] == ("works", PLACE)


REWOUND: list[tuple[str, Callable[[ResourceVersions], None]]] = [
    ("it is read to be older", lambda _: None),
    ("others found it out", lambda resource_versions: resource_versions.rewind("for a test")),
]


@pytest.mark.parametrize(("found", "by"), REWOUND, ids=[name for name, _ in REWOUND])
async def test_when_the_storage_went_back_kopf_lists_anew_and_the_objects_say_so(
    found: str, by: Callable[[ResourceVersions], None]
) -> None:
    answers = [saying(200, page("bot")), streaming(event(position="20")), saying(200, page(position="15"))]
    async with session(*answers) as (kopfs, _, resource_versions, _):
        assert EPOCH not in (await listed(kopfs))["items"]
        await watched(kopfs)
        by(resource_versions)
        assert await watched(kopfs, since="20") == [GONE], found
        assert resource_versions.epoch == 1
    async with session(saying(200, page("bot"))) as (kopfs, _, resource_versions, _):
        resource_versions.rewind("for a test")
        assert [each[EPOCH] for each in (await listed(kopfs))["items"]] == [1]
    async with session(saying(200, page("bot")), streaming(event())) as (kopfs, _, resource_versions, _):
        resource_versions.rewind("for a test")
        await listed(kopfs)
        assert [each["object"][EPOCH] for each in await watched(kopfs)] == [1], "kopf may keep only the last event"


async def test_a_watch_under_way_ends_when_the_storage_went_back() -> None:
    async def quiet(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(event())
        await asyncio.sleep(60)
        return response

    async with session(saying(200, page("bot")), quiet) as (kopfs, _, resource_versions, _):
        await listed(kopfs)
        watching = asyncio.create_task(watched(kopfs))
        await asyncio.sleep(0.3)
        resource_versions.rewind("for a test")
        await asyncio.wait_for(watching, 5)


async def test_kopf_is_told_of_the_kinds_without_asking_anybody() -> None:
    async with session(saying(500)) as (kopfs, _, _, api):
        for path in ("/api", "/api/v1", "/apis", "/apis/assistant-operator.dev/v1alpha1"):
            assert await listed_at(kopfs, path)
        assert api.asked == []


async def listed_at(session: WatchSession, path: str) -> Json:
    async with await get(session, path=path) as answer:
        return await answer.json()


async def test_kopf_must_not_write() -> None:
    async with session(saying(200)) as (kopfs, _, _, _):
        with pytest.raises(NotImplementedError):
            await kopfs.request(method="patch", url=f"{SERVER}{PATH}/bot")


async def test_a_watch_can_be_closed_from_its_inside_as_from_its_outside() -> None:
    """asyncio closes the generators of a process that ends in any order; it logged an error for a watch."""
    generators: list[Any] = []
    hooks = sys.get_asyncgen_hooks()
    tried: set[tuple[str, ...]] = set()
    async with session(saying(200, page()), streaming(event())) as (watching, *_):
        await listed(watching)
        for order in permutations(range(3)):
            answer = await get(watching, "?watch=true&resourceVersion=10")
            assert isinstance(answer, Watch)
            generators.clear()
            sys.set_asyncgen_hooks(firstiter=generators.append, finalizer=None)
            try:
                await anext(answer.content.iter_chunked(1024))
            finally:
                sys.set_asyncgen_hooks(*hooks)
            opened = [each for each in generators if "/assistant_operator/clients/" in each.ag_code.co_filename]
            for index in order:
                await opened[index].aclose()
            tried.add(tuple(opened[index].__qualname__ for index in order))
    assert len(tried) == 6
    assert {name for names in tried for name in names} == {
        "WatchSession._watch",
        "WatchSession._lines",
        "Lines.__aiter__",
    }
