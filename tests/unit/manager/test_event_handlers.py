"""What is taken in of what is seen: late events, deleted objects, and a storage that went back."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.grants import DEFAULT_ROLE
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions
from assistant_operator.clients.kubernetes.transport import ApiServer
from assistant_operator.clients.kubernetes.version_table import Replaced
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.manager.event_handlers import EventHandlers, Known
from assistant_operator.manager.wiring import Clients, wire
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from harness.worlds import KEY, NAMESPACE, UID, a_graph, a_record, an_assistant


def bot(position: int, *, generation: int = 3, uid: str = UID) -> Assistant:
    meta = {"resource_version": str(position), "generation": generation, "uid": uid}
    return an_assistant(meta=meta)


@pytest.fixture
def resource_versions() -> ResourceVersions:
    return ResourceVersions()


@pytest.fixture
async def handlers(resource_versions: ResourceVersions) -> AsyncIterator[EventHandlers]:
    """Of a standby: what it sees is kept, and nothing is written."""
    server = ApiServer(Configuration(host="http://127.0.0.1:9"))
    cluster, metrics = Cluster(server, resource_versions=resource_versions), Metrics()
    servers, judge = LangGraphServers(may_write=lambda: False, observe=lambda *_: None), SchemaValidator()
    clients = Clients(cluster, servers, judge, EventRecorder(cluster, instance="a"), metrics, resource_versions)
    yield wire(clients, "default", DEFAULT_ROLE)[0]
    await judge.close()
    await servers.close()
    await cluster.close()


def known(handlers: EventHandlers) -> Known | None:
    return handlers.known(Assistant, NAMESPACE).get(KEY)


async def test_the_newest_is_kept(handlers: EventHandlers) -> None:
    for position, kept in ((10, "10"), (12, "12"), (11, "12")):
        await handlers.on_assistant_update(bot(position))
        assert known(handlers) == Known(UID, kept)
    assert handlers.known(Assistant, "elsewhere") == {}
    assert handlers.known(Assistant, "") == handlers.known(Assistant, NAMESPACE)


async def test_a_late_event_does_not_put_a_deleted_object_back(handlers: EventHandlers) -> None:
    await handlers.on_assistant_update(bot(10))
    handlers.on_delete(Assistant, KEY, UID)
    for position in (9, 10, 11):
        await handlers.on_assistant_update(bot(position))
        assert known(handlers) is None
    await handlers.on_assistant_update(bot(5, uid="another"))
    assert known(handlers) == Known("another", "5")
    graph = a_graph()
    handlers.on_graph_update(graph)
    handlers.on_delete(Graph, graph.key, graph.metadata.uid)
    handlers.on_graph_update(graph)
    assert handlers.known(Graph, "") == {}


async def listed_versions(handlers: EventHandlers, epoch: int) -> None:
    await asyncio.sleep(0)
    handlers.on_version_event("", Replaced((a_record(1),), "5", (), epoch))


async def test_a_listing_of_a_new_epoch_replaces_what_is_newer_by_number(
    handlers: EventHandlers, resource_versions: ResourceVersions
) -> None:
    await handlers.on_assistant_update(bot(100, generation=9))
    resource_versions.rewind("for a test")
    seeing = asyncio.create_task(handlers.on_assistant_update(bot(10, generation=4), epoch=1))
    await asyncio.sleep(0.01)
    assert not seeing.done(), "the versions of the new epoch come first"
    await listed_versions(handlers, 1)
    await seeing
    assert known(handlers) == Known(UID, "10")
    await handlers.on_assistant_update(bot(12, generation=4), epoch=1)
    assert known(handlers) == Known(UID, "12")
    await handlers.on_assistant_update(bot(11, generation=4), epoch=1)
    assert known(handlers) == Known(UID, "12"), "of one epoch, the newest is kept"


async def test_what_was_deleted_may_be_there_again_in_a_new_epoch(
    handlers: EventHandlers, resource_versions: ResourceVersions
) -> None:
    await handlers.on_assistant_update(bot(10))
    handlers.on_delete(Assistant, KEY, UID)
    resource_versions.rewind("for a test")
    await listed_versions(handlers, 1)
    await handlers.on_assistant_update(bot(7), epoch=1)
    assert known(handlers) == Known(UID, "7")


async def test_a_generation_that_goes_back_is_a_storage_that_went_back(
    handlers: EventHandlers, resource_versions: ResourceVersions
) -> None:
    """Some restores raise the resource versions on purpose."""
    await handlers.on_assistant_update(bot(10, generation=9))
    await handlers.on_assistant_update(bot(1_000, generation=4))
    assert resource_versions.epoch == 1
    assert known(handlers) is None, "it is listed anew"
    await listed_versions(handlers, 1)
    await handlers.on_assistant_update(bot(1_001, generation=4), epoch=1)
    assert known(handlers) == Known(UID, "1001")
    await handlers.on_assistant_update(bot(1_002, generation=1, uid="another"), epoch=1)
    assert resource_versions.epoch == 1, "told once"


async def test_events_of_a_lost_storage_change_nothing(
    handlers: EventHandlers, resource_versions: ResourceVersions
) -> None:
    """They waited in kopf's queues while the restore was found."""
    graph = a_graph()
    resource_versions.rewind("for a test")
    await listed_versions(handlers, 1)
    await handlers.on_assistant_update(bot(100, generation=9))
    handlers.on_graph_update(graph)
    assert (handlers.known(Assistant, ""), handlers.known(Graph, "")) == ({}, {})
    await handlers.on_assistant_update(bot(7), epoch=1)
    handlers.on_graph_update(graph, epoch=1)
    handlers.on_delete(Assistant, KEY, UID)
    handlers.on_delete(Graph, graph.key, graph.metadata.uid)
    assert known(handlers) == Known(UID, "7")
    assert len(handlers.known(Graph, "")) == 1


async def test_of_two_reads_that_wait_for_the_versions_the_newest_is_kept(
    handlers: EventHandlers, resource_versions: ResourceVersions
) -> None:
    resource_versions.rewind("for a test")
    reads = [asyncio.create_task(handlers.on_assistant_update(bot(position), epoch=1)) for position in (9, 7)]
    await asyncio.sleep(0.01)
    await listed_versions(handlers, 1)
    await asyncio.gather(*reads)
    assert known(handlers) == Known(UID, "9")


async def test_a_late_event_of_the_new_epoch_does_not_put_a_deleted_object_back(
    handlers: EventHandlers, resource_versions: ResourceVersions
) -> None:
    resource_versions.rewind("for a test")
    await listed_versions(handlers, 1)
    await handlers.on_assistant_update(bot(10), epoch=1)
    graph = a_graph()
    handlers.on_graph_update(graph, epoch=1)
    handlers.on_delete(Assistant, KEY, UID, 1)
    handlers.on_delete(Graph, graph.key, graph.metadata.uid, 1)
    await handlers.on_assistant_update(bot(9), epoch=1)
    handlers.on_graph_update(graph, epoch=1)
    assert (handlers.known(Assistant, ""), handlers.known(Graph, "")) == ({}, {})


async def test_a_graph_of_a_new_epoch_replaces_the_one_before(
    handlers: EventHandlers, resource_versions: ResourceVersions
) -> None:
    newer, older = (a_graph(meta={"resource_version": position}) for position in ("100", "10"))
    handlers.on_graph_update(newer)
    handlers.on_graph_update(older)
    assert [each.resource_version for each in handlers.known(Graph, "").values()] == ["100"]
    resource_versions.rewind("for a test")
    handlers.on_graph_update(older, epoch=1)
    assert [each.resource_version for each in handlers.known(Graph, "").values()] == ["10"]
