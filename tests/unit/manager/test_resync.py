"""What was lost on the way from the cluster is found by comparing, and read again. Hours pass in no time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Key, Resource
from assistant_operator.clients.kubernetes.cluster import Cluster, ObjectHead
from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.grants import DEFAULT_ROLE
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.transport import ApiServer, ClusterRefused, ClusterUnavailable, Status
from assistant_operator.clients.kubernetes.version_table import Replaced
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.manager.resync import EVERY, ClusterResync
from assistant_operator.manager.wiring import Clients, wire
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from harness.support.timeless import timeless
from harness.worlds import KEY, NAMESPACE, UID, a_graph, an_assistant

R = TypeVar("R", bound=Resource)


class Held(Cluster):
    """What the cluster holds, and what of it was asked for."""

    def __init__(self, resource_versions: ResourceVersions) -> None:
        super().__init__(ApiServer(Configuration(host="http://127.0.0.1:9")), resource_versions=resource_versions)
        self.objects: dict[type[Resource], dict[Key, Assistant | AssistantAlias | Graph]] = {
            Assistant: {},
            Graph: {},
            AssistantAlias: {},
        }
        self.cached: dict[type[Resource], dict[Key, Any]] | None = None
        """What the watch cache holds, where it lags behind."""
        self.is_down = False
        self.not_served: set[type[Resource]] = set()
        self.listings = 0
        self.reads: list[Key] = []

    def put(self, *objects: Assistant | AssistantAlias | Graph) -> None:
        for each in objects:
            self.objects[type(each)][each.key] = each

    async def heads(self, kind: type[Resource], namespace: str, *, is_consistent: bool) -> dict[Key, ObjectHead]:
        self.listings += kind is Assistant
        if self.is_down:
            raise ClusterUnavailable("no answer")
        if kind in self.not_served:
            raise ClusterRefused("GET", Status(404, "NotFound", "the server could not find the requested resource"))
        objects = self.objects if is_consistent or self.cached is None else self.cached
        metas = {key: each.metadata for key, each in objects[kind].items() if namespace in ("", key[0])}
        return {key: ObjectHead(meta.uid, meta.resource_version, meta.generation) for key, meta in metas.items()}

    async def read(self, kind: type[R], key: Key) -> R | None:
        self.reads.append(key)
        found = self.objects[kind].get(key)
        return found if isinstance(found, kind) else None


class Story:
    """A cluster, what is known of it, and who compares the two."""

    def __init__(self) -> None:
        self.resource_versions = ResourceVersions()
        self.held = Held(self.resource_versions)
        servers = LangGraphServers(may_write=lambda: False, observe=lambda *_: None)
        events = EventRecorder(self.held, instance="a")
        clients = Clients(self.held, servers, SchemaValidator(), events, Metrics(), self.resource_versions)
        self.handlers, _ = wire(clients, "default", DEFAULT_ROLE)
        self.resync = ClusterResync(
            self.handlers, self.held, self.resource_versions, namespace="", metrics=clients.metrics
        )

    def known(self) -> dict[Key, str]:
        return {key: each.resource_version for key, each in self.handlers.known(Assistant, "").items()}


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
        await there.handlers.on_assistant_update(bot(10))
        there.handlers.on_graph_update(a_graph())
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
        assert there.handlers.known(Graph, "").keys() == {a_graph().key}
        assert there.resync.filled.is_set()

    told(story)


def test_what_the_watches_show_soon_after_the_start_is_not_listed_again() -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10), a_graph())
        await asyncio.sleep(0.5)
        there.handlers.on_graph_update(a_graph())
        await there.handlers.on_assistant_update(bot(10))
        await asyncio.sleep(0.1)
        assert there.resync.filled.is_set()
        assert (there.held.listings, there.held.reads) == (1, [])

    told(story)


@pytest.mark.parametrize("live", [bot(12), bot(12, generation=4), bot(9, uid="another")])
def test_what_changed_unseen_is_read_at_the_next_comparison(live: Assistant) -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10))
        await there.handlers.on_assistant_update(bot(10))
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
        await there.handlers.on_assistant_update(bot(10))
        await asyncio.sleep(30)
        there.held.objects[Assistant].clear()
        there.resync.request()
        await asyncio.sleep(30)
        assert there.known() == {}
        await there.handlers.on_assistant_update(bot(9))
        assert there.known() == {}, "a late event does not put it back"

    told(story)


@pytest.mark.parametrize("is_relisted", [True, False])
def test_what_was_deleted_before_a_listing_anew_is_found_though_the_watch_cache_lags(*, is_relisted: bool) -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10))
        await there.handlers.on_assistant_update(bot(10))
        await asyncio.sleep(30)
        there.held.cached = {kind: dict(objects) for kind, objects in there.held.objects.items()}
        there.held.objects[Assistant].clear()
        if is_relisted:
            there.resync.request()
        await asyncio.sleep(30)
        assert bool(there.known()) is not is_relisted
        assert len(there.held.reads) == is_relisted

    told(story)


def test_a_listing_that_is_stale_deletes_nothing() -> None:
    async def story(there: Story) -> None:
        there.held.put(bot(10))
        await there.handlers.on_assistant_update(bot(10))
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
            await there.handlers.on_assistant_update(bot(position))
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


def test_an_object_that_no_model_fits_excuses_no_other_kind_and_is_forgotten_when_it_goes() -> None:
    async def story(there: Story) -> None:
        graph = a_graph().model_copy(update={"metadata": bot(10).metadata})
        there.held.put(bot(10), graph)
        there.resync.unreadable(Assistant, KEY, "10")
        await asyncio.sleep(60)
        assert there.held.reads == [KEY], "the Graph of the same name is read"
        assert list(there.handlers.known(Graph, "")) == [KEY]
        del there.held.objects[Assistant][KEY]
        there.resync.request()
        await asyncio.sleep(30)
        there.held.put(bot(10))  # as a restore of etcd brings it back
        there.resync.request()
        await asyncio.sleep(30)
        assert there.known() == {KEY: "10"}

    told(story)


def test_while_nothing_can_be_listed_nothing_is_concluded() -> None:
    async def story(there: Story) -> None:
        await there.handlers.on_assistant_update(bot(10))
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
        await there.handlers.on_assistant_update(bot(100))
        there.held.put(bot(10))
        await asyncio.sleep(30)
        assert there.resource_versions.epoch == 1
        there.handlers.on_version_event("", Replaced((), "10", (), 1))
        await asyncio.sleep(30)
        assert there.known() == {KEY: "10"}
        assert there.resource_versions.epoch == 1, "told once"

    told(story)


def test_another_namespace_is_none_of_its_business() -> None:
    async def story(there: Story) -> None:
        elsewhere = ClusterResync(
            there.handlers, there.held, there.resource_versions, namespace="elsewhere", metrics=Metrics()
        )
        there.held.put(bot(10))
        await there.handlers.on_assistant_update(bot(10))
        running = asyncio.create_task(elsewhere.run())
        there.held.objects[Assistant].clear()
        await asyncio.sleep(0.1)
        assert elsewhere.filled.is_set()
        assert there.handlers.known(Assistant, "elsewhere") == {}
        assert there.handlers.known(Assistant, NAMESPACE).keys() == {KEY}
        running.cancel()

    told(story)


PRODUCTION = AssistantAlias.model_validate(
    {
        "metadata": {"name": "production", "namespace": NAMESPACE, "uid": "uid-of-alias", "resourceVersion": "11"},
        "spec": {"assistantRef": {"name": KEY[1]}, "version": 1},
    }
)


def test_an_alias_that_was_never_seen_is_read() -> None:
    async def story(there: Story) -> None:
        there.held.put(PRODUCTION)
        await asyncio.sleep(20)
        assert there.handlers.known(AssistantAlias, "").keys() == {PRODUCTION.key}
        del there.held.objects[AssistantAlias][PRODUCTION.key]
        await asyncio.sleep(1.3 * EVERY)
        assert there.handlers.known(AssistantAlias, "") == {}

    told(story)


def test_the_work_begins_without_a_kind_that_an_upgrade_added() -> None:
    """Soon after its start an API server serves none of the kinds: that they are missing must last for a while."""

    async def story(there: Story) -> None:
        there.held.not_served = {AssistantAlias}
        await asyncio.sleep(5)
        assert not there.resync.filled.is_set()
        await asyncio.sleep(15)
        assert there.resync.filled.is_set()
        there.held.not_served = set()
        there.held.put(PRODUCTION)
        await asyncio.sleep(1.3 * EVERY)
        assert there.handlers.known(AssistantAlias, "").keys() == {PRODUCTION.key}

    told(story)


def test_the_work_does_not_begin_without_the_other_kinds() -> None:
    async def story(there: Story) -> None:
        there.held.not_served = {Graph}
        await asyncio.sleep(60)
        assert not there.resync.filled.is_set()

    told(story)
