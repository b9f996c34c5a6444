"""Watches: which events come, in which order, from where on, and how a watch ends."""

import asyncio
import re
from typing import Any

import pytest
from aiohttp import ClientError

from .client import METADATA, OURS, TABLE, Api
from .clusters import Cluster
from .objects import assistant, condition, graph, version

Json = dict[str, Any]


async def now(api: Api) -> int:
    """A resource version from which on nothing has happened."""
    return (await api.list("assistants")).position


async def test_every_write_is_one_event_in_order(api: Api) -> None:
    async with api.watch("assistants", resourceVersion=await now(api)) as watch:
        made = await api.create("assistants", assistant())
        edits = [await api.merge("assistants", "bot", {"spec": {"displayName": str(n)}}) for n in range(20)]
        written = await api.merge("assistants", "bot", {"status": {"observedGeneration": 1}}, "status")
        await api.delete("assistants", "bot")
        events = [await watch.event() for _ in range(23)]
    told = [(event["type"], event["object"]) for event in events if event]
    assert told[:-1] == [("ADDED", made.body), *(("MODIFIED", each.body) for each in (*edits, written))]
    kind, gone = told[-1]
    assert kind == "DELETED"
    assert int(gone["metadata"]["resourceVersion"]) > written.position
    assert {**gone, "metadata": written.meta} == written.body


async def test_a_write_that_changes_nothing_is_no_event(api: Api) -> None:
    await api.create("assistantversions", version())
    async with api.watch("assistantversions", resourceVersion=await now(api)) as watch:
        await api.merge("assistantversions", "bot-v1", {"spec": {"number": 1}})
        assert await watch.is_silent()


async def test_a_watch_replays_what_happened_since_its_resource_version(api: Api) -> None:
    start = await now(api)
    for name in ("a", "b"):
        await api.create("assistants", assistant(name))
    edited = await api.merge("assistants", "a", {"spec": {"displayName": "x"}})
    await api.delete("assistants", "b")
    async with api.watch("assistants", resourceVersion=start) as watch:
        assert await watch.told(4) == [("ADDED", "a"), ("ADDED", "b"), ("MODIFIED", "a"), ("DELETED", "b")]
    async with api.watch("assistants", resourceVersion=edited.position) as watch:
        assert await watch.told(1) == [("DELETED", "b")]


@pytest.mark.parametrize("query", [{}, {"resourceVersion": "0"}], ids=["newest", "from the cache"])
async def test_a_watch_without_a_resource_version_begins_with_what_there_is(api: Api, query: Json) -> None:
    for name in ("b", "a"):
        await api.create("assistants", assistant(name))
    await api.list("assistants")
    async with api.watch("assistants", **query) as watch:
        assert sorted(await watch.told(2)) == [("ADDED", "a"), ("ADDED", "b")]
        await api.create("assistants", assistant("c"))
        assert await watch.told(1) == [("ADDED", "c")]


async def test_a_watch_from_before_the_cache_is_an_error_event(api: Api) -> None:
    """HTTP 200, and an event: not HTTP 410."""
    async with api.watch("assistants", resourceVersion=1) as watch:
        told = await watch.event()
        assert told
        assert told["type"] == "ERROR"
        status = told["object"]
        assert (status["code"], status["reason"], status["status"]) == (410, "Expired", "Failure")
        assert re.fullmatch(r"too old resource version: 1 \(\d+\)", status["message"])
        assert await watch.event() is None


async def test_a_watch_from_the_future_is_silent_about_what_comes_before(api: Api) -> None:
    async with api.watch("assistants", resourceVersion=await now(api) + 1000) as watch:
        await api.create("assistants", assistant())
        assert await watch.is_silent()


async def test_a_resource_version_that_is_no_number_is_an_error(api: Api) -> None:
    refused = await api.send("GET", api.path("assistants"), watch="true", resourceVersion="latest")
    assert refused.refusal == (500, "")
    assert refused.message.startswith('resourceVersion: Invalid value: "latest"')


async def test_a_watch_ends_when_its_time_is_over(api: Api) -> None:
    started = asyncio.get_running_loop().time()
    async with api.watch("assistants", resourceVersion=await now(api), timeoutSeconds=1) as watch:
        assert await watch.event() is None
    assert 0.5 < asyncio.get_running_loop().time() - started < 30


async def test_a_bookmark_comes_before_the_end_and_says_where_the_watch_is(api: Api) -> None:
    async with api.watch(
        "assistants", resourceVersion=await now(api), timeoutSeconds=6, allowWatchBookmarks="true"
    ) as watch:
        made = await api.create("assistants", assistant())
        bookmark = await watch.until("BOOKMARK")
    assert bookmark["kind"] == "Assistant"
    assert bookmark["metadata"].keys() == {"resourceVersion"}
    assert int(bookmark["metadata"]["resourceVersion"]) >= made.position


async def test_without_asking_there_are_no_bookmarks(api: Api) -> None:
    async with api.watch("assistants", resourceVersion=await now(api), timeoutSeconds=3) as watch:
        assert await watch.event() is None


async def test_a_watch_sees_its_namespace_only(api: Api) -> None:
    everywhere = f"{OURS}/assistants"
    start = await now(api)
    made = await api.create("assistants", assistant())
    other = f"{OURS}/namespaces/default/assistants"
    foreign = await api.done("POST", other, {**assistant(), "metadata": {"generateName": "foreign-"}})
    await api.done("DELETE", f"{other}/{foreign.meta['name']}")
    async with api.watch("assistants", resourceVersion=start) as watch:
        assert await watch.told(1) == [("ADDED", made.meta["name"])]
        assert await watch.is_silent()
    told = await api.send("GET", everywhere, watch="true", resourceVersion=start, timeoutSeconds=1)
    assert foreign.meta["name"] in told.message


async def test_a_watch_sees_one_kind_only(api: Api) -> None:
    async with api.watch("assistants", resourceVersion=await now(api)) as watch:
        await api.create("graphs", graph())
        await api.create("assistants", assistant())
        assert await watch.told(1) == [("ADDED", "bot")]


async def test_a_selected_object_is_added_and_deleted_as_it_comes_to_match_or_not(api: Api) -> None:
    async with api.watch("assistants", resourceVersion=await now(api), labelSelector="x=1") as watch:
        await api.create("assistants", assistant(meta={"labels": {"x": "1"}}))
        left = await api.merge("assistants", "bot", {"metadata": {"labels": {"x": "2"}}, "spec": {"displayName": "y"}})
        await api.merge("assistants", "bot", {"spec": {"displayName": "z"}})
        await api.merge("assistants", "bot", {"metadata": {"labels": {"x": "1"}}})
        await api.delete("assistants", "bot")
        events = [await watch.event() for _ in range(4)]
    told = [(event["type"], event["object"]) for event in events if event]
    assert [kind for kind, _ in told] == ["ADDED", "DELETED", "ADDED", "DELETED"]
    # The last state that did match, at the resource version of the write after which it does not.
    assert told[1][1]["metadata"]["labels"] == {"x": "1"}
    assert "displayName" not in told[1][1]["spec"]
    assert int(told[1][1]["metadata"]["resourceVersion"]) == left.position


async def test_a_watch_of_one_name_sees_that_object_only(api: Api) -> None:
    start = await now(api)
    for name in ("a", "b", "a-b"):
        await api.create("assistants", assistant(name))
    await api.delete("assistants", "b")
    async with api.watch("assistants", resourceVersion=start, fieldSelector="metadata.name=b") as watch:
        assert await watch.told(2) == [("ADDED", "b"), ("DELETED", "b")]
        assert await watch.is_silent()


async def test_only_the_first_event_of_a_table_names_the_columns(api: Api) -> None:
    start = await now(api)
    await api.create("assistantversions", version(1))
    await api.merge("assistantversions", "bot-v1", {"status": {"conditions": [condition("Active")]}}, "status")
    await api.delete("assistantversions", "bot-v1")
    async with api.watch("assistantversions", resourceVersion=start, accept=TABLE) as watch:
        events = [await watch.event() for _ in range(3)]
    told = [(event["type"], event["object"]) for event in events if event]
    assert [kind for kind, _ in told] == ["ADDED", "MODIFIED", "DELETED"]
    assert all((table["kind"], len(table["rows"])) == ("Table", 1) for _, table in told)
    assert len(told[0][1]["columnDefinitions"]) == 10
    assert not told[1][1]["columnDefinitions"]
    assert [table["rows"][0]["cells"][3] for _, table in told] == [None, "True", "True"]
    for _, table in told:
        assert table["rows"][0]["object"]["metadata"]["resourceVersion"] == table["metadata"]["resourceVersion"]


async def test_a_bookmark_of_a_table_is_a_row_without_a_name(api: Api) -> None:
    query = {"resourceVersion": await now(api), "timeoutSeconds": 6, "allowWatchBookmarks": "true"}
    async with api.watch("assistantversions", accept=TABLE, **query) as watch:
        table = await watch.until("BOOKMARK")
    (row,) = table["rows"]
    assert row["cells"] == ["", *[None] * 9]
    assert row["object"]["metadata"] == table["metadata"]
    assert table["metadata"].keys() == {"resourceVersion"}


async def test_a_watch_of_metadata_has_no_specs(api: Api) -> None:
    async with api.watch("assistants", resourceVersion=await now(api), accept=METADATA) as watch:
        made = await api.create("assistants", assistant())
        added = await watch.until("ADDED")
    assert added == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made.meta}


async def test_many_watches_see_the_same(api: Api) -> None:
    start = await now(api)
    async with (
        api.watch("assistants", resourceVersion=start) as one,
        api.watch("assistants", resourceVersion=start) as other,
    ):
        for name in ("a", "b", "c"):
            await api.create("assistants", assistant(name))
        assert await one.told(3) == await other.told(3)


async def test_a_watch_breaks_off_when_the_api_server_restarts(api: Api, cluster: Cluster) -> None:
    async with api.watch("assistants", resourceVersion=await now(api)) as watch:
        await api.create("assistants", assistant())
        assert await watch.told(1) == [("ADDED", "bot")]
        await cluster.restart()
        try:
            assert await watch.event() is None
        except (ClientError, ConnectionError):
            return  # either way is how a connection ends


async def test_after_a_restart_nothing_from_before_can_be_replayed(api: Api, cluster: Cluster) -> None:
    start = await now(api)
    made = await api.create("assistants", assistant())
    await api.merge("assistants", "bot", {"spec": {"displayName": "x"}})
    await cluster.restart()
    assert (await api.get("assistants", "bot")).meta["uid"] == made.meta["uid"]
    async with api.watch("assistants", resourceVersion=start) as watch:
        told = await watch.event()
        assert told
        assert (told["type"], told["object"]["code"]) == ("ERROR", 410)
    # What etcd holds can still be read as it was.
    exact = await api.list("assistants", resourceVersion=made.position, resourceVersionMatch="Exact")
    assert exact.body["items"][0] == made.body
    # And from now on there is a watch again.
    async with api.watch("assistants", resourceVersion=await now(api)) as watch:
        await api.delete("assistants", "bot")
        assert await watch.told(1) == [("DELETED", "bot")]
