"""What was lost on the way from the cluster is found by comparing, and read again. Hours pass in no time."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from kubernetes.aio import client

from assistant_operator.gateways.api_server import ApiServer, ClusterUnavailable
from assistant_operator.gateways.cluster import Cluster, Head
from assistant_operator.gateways.grants import DEFAULT_ROLE
from assistant_operator.gateways.langgraph import LangGraphServers
from assistant_operator.gateways.positions import Positions
from assistant_operator.gateways.schemas import SchemaJudge
from assistant_operator.gateways.version_table import Listed
from assistant_operator.operator.assembly import Doors, assemble
from assistant_operator.operator.cluster_resync import EVERY, ClusterResync
from assistant_operator.operator.events import Events
from assistant_operator.operator.metrics import Metrics
from assistant_operator.resources.assistant import Assistant
from assistant_operator.resources.graph import Graph
from assistant_operator.resources.meta import Key, Resource
from support.timeless import timeless
from worlds import KEY, NAMESPACE, UID, a_graph, an_assistant


class Held(Cluster):
    """What the cluster holds, and what of it was asked for."""

    def __init__(self, positions: Positions) -> None:
        super().__init__(ApiServer(client.Configuration(host="http://127.0.0.1:9")), positions=positions)
        self.objects: dict[type[Resource], dict[Key, Assistant | Graph]] = {Assistant: {}, Graph: {}}
        self.is_down = False
        self.listings = 0
        self.reads: list[Key] = []

    def put(self, *objects: Assistant | Graph) -> None:
        for each in objects:
            self.objects[type(each)][each.key] = each

    async def heads(self, kind: type[Resource], namespace: str) -> dict[Key, Head]:
        self.listings += kind is Assistant
        if self.is_down:
            raise ClusterUnavailable("no answer")
        metas = {key: each.metadata for key, each in self.objects[kind].items() if namespace in ("", key[0])}
        return {key: Head(meta.uid, meta.resource_version, meta.generation) for key, meta in metas.items()}

    async def assistant(self, key: Key) -> Assistant | None:
        self.reads.append(key)
        found = self.objects[Assistant].get(key)
        return found if isinstance(found, Assistant) else None

    async def graph(self, key: Key) -> Graph | None:
        self.reads.append(key)
        found = self.objects[Graph].get(key)
        return found if isinstance(found, Graph) else None


class Story:
    """A cluster, what is known of it, and who compares the two."""

    def __init__(self) -> None:
        self.positions = Positions()
        self.held = Held(self.positions)
        servers = LangGraphServers(may_write=lambda: False, observe=lambda *_: None)
        events = Events(self.held, instance="a")
        doors = Doors(self.held, servers, SchemaJudge(), events, Metrics(), self.positions)
        self.sight, _ = assemble(doors, "default", DEFAULT_ROLE)
        self.resync = ClusterResync(self.sight, self.held, self.positions, namespace="", metrics=doors.metrics)

    def known(self) -> dict[Key, str]:
        return {key: each.resource_version for key, each in self.sight.known(Assistant, "").items()}


def bot(position: int, **meta: object) -> Assistant:
    return an_assistant(meta={"resource_version": str(position), **meta})


def told(story: Callable[[Story], Awaitable[None]]) -> None:
    async def scenario() -> None:
        there = Story()
        running = asyncio.create_task(there.resync.run())
        await story(there)
        running.cancel()
        await there.held.close()

    timeless(scenario())


def test_where_nothing_differs_nothing_is_read_and_little_is_listed() -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10), a_graph())
        await there.sight.assistant_seen(bot(10))
        there.sight.graph_seen(a_graph())
        await asyncio.sleep(10 * EVERY)
        assert there.resync.filled.is_set()
        assert there.held.reads == []
        assert 8 <= there.held.listings <= 14

    told(story)


def test_what_was_never_seen_is_read() -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10), a_graph())
        await asyncio.sleep(1)
        assert not there.resync.filled.is_set()
        assert there.known() == {}, "it may be on its way"
        await asyncio.sleep(20)
        assert there.known() == {KEY: "10"}
        assert there.sight.known(Graph, "").keys() == {a_graph().key}
        assert there.resync.filled.is_set()

    told(story)


@pytest.mark.parametrize("live", [bot(12), bot(12, generation=4), bot(9, uid="another")])
def test_what_changed_unseen_is_read_at_the_next_comparison(live: Assistant) -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10))
        await there.sight.assistant_seen(bot(10))
        await asyncio.sleep(30)
        there.held.put(live)
        await asyncio.sleep(1.3 * EVERY)
        if live.metadata.uid == UID:
            assert there.known() == {KEY: live.metadata.resource_version}
        assert there.held.reads

    told(story)


def test_what_was_deleted_unseen_is_gone() -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10))
        await there.sight.assistant_seen(bot(10))
        await asyncio.sleep(30)
        there.held.objects[Assistant].clear()
        there.resync.request()
        await asyncio.sleep(30)
        assert there.known() == {}
        await there.sight.assistant_seen(bot(9))
        assert there.known() == {}, "a late event does not put it back"

    told(story)


def test_a_listing_that_is_stale_deletes_nothing() -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10))
        await there.sight.assistant_seen(bot(10))
        there.held.objects[Assistant].clear()
        there.resync.request()
        await asyncio.sleep(3)
        there.held.put(bot(10))
        await asyncio.sleep(60)
        assert there.known() == {KEY: "10"}

    told(story)


def test_what_changes_all_the_time_is_left_to_the_watch() -> None:
    async def story(there: Story) -> None:
        for position in range(10, 200):
            there.held.put(bot(position + 1))
            await there.sight.assistant_seen(bot(position))
            there.resync.request()
            await asyncio.sleep(1)
        assert there.held.reads == []

    told(story)


def test_what_no_model_fits_counts_as_seen() -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10))
        there.resync.unreadable(Assistant, KEY, "10")
        await asyncio.sleep(60)
        assert there.resync.filled.is_set()
        assert there.held.reads == []
        there.held.put(bot(11))
        there.resync.request()
        await asyncio.sleep(30)
        assert there.known() == {KEY: "11"}

    told(story)


def test_while_nothing_can_be_listed_nothing_is_concluded() -> None:
    async def story(there: Story) -> None:
        await there.sight.assistant_seen(bot(10))
        there.held.is_down = True
        await asyncio.sleep(600)
        assert there.known() == {KEY: "10"}
        assert not there.resync.filled.is_set()
        there.held.is_down = False
        await asyncio.sleep(30)
        assert there.known() == {}
        assert there.resync.filled.is_set()

    told(story)


def test_an_object_that_is_older_than_before_is_a_storage_that_went_back() -> None:
    async def story(there: Story) -> None:
        await there.sight.assistant_seen(bot(100))
        there.held.put(bot(10))
        await asyncio.sleep(30)
        assert there.positions.epoch == 1
        there.sight.versions_seen("", Listed((), "10", (), 1))
        await asyncio.sleep(30)
        assert there.known() == {KEY: "10"}
        assert there.positions.epoch == 1, "told once"

    told(story)


def test_another_namespace_is_none_of_its_business() -> None:
    async def story(there: Story) -> None:
        elsewhere = ClusterResync(there.sight, there.held, there.positions, namespace="elsewhere", metrics=Metrics())
        there.held.put(bot(10))
        await there.sight.assistant_seen(bot(10))
        running = asyncio.create_task(elsewhere.run())
        there.held.objects[Assistant].clear()
        await asyncio.sleep(0.1)
        assert elsewhere.filled.is_set()
        assert there.sight.known(Assistant, "elsewhere") == {}
        assert there.sight.known(Assistant, NAMESPACE).keys() == {KEY}
        running.cancel()

    told(story)
