"""What is taken in of what is seen: late events, deleted objects, and a storage that went back."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from kubernetes.aio import client

from assistant_operator.gateways.api_server import ApiServer
from assistant_operator.gateways.cluster import Cluster
from assistant_operator.gateways.grants import DEFAULT_ROLE
from assistant_operator.gateways.langgraph import LangGraphServers
from assistant_operator.gateways.positions import Positions
from assistant_operator.gateways.schemas import SchemaJudge
from assistant_operator.gateways.version_table import Listed
from assistant_operator.operator.assembly import Doors, assemble
from assistant_operator.operator.events import Events
from assistant_operator.operator.metrics import Metrics
from assistant_operator.operator.sight import Known, Sight
from assistant_operator.resources.assistant import Assistant
from assistant_operator.resources.graph import Graph
from worlds import KEY, NAMESPACE, UID, a_graph, a_record, an_assistant


def bot(position: int, *, generation: int = 3, uid: str = UID) -> Assistant:
    meta = {"resource_version": str(position), "generation": generation, "uid": uid}
    return an_assistant(meta=meta)


@pytest.fixture
def positions() -> Positions:
    return Positions()


@pytest.fixture
async def sight(positions: Positions) -> AsyncIterator[Sight]:
    """Of a standby: what it sees is kept, and nothing is written."""
    server = ApiServer(client.Configuration(host="http://127.0.0.1:9"))
    cluster, metrics = Cluster(server, positions=positions), Metrics()
    servers, judge = LangGraphServers(may_write=lambda: False, observe=lambda *_: None), SchemaJudge()
    doors = Doors(cluster, servers, judge, Events(cluster, instance="a"), metrics, positions)
    yield assemble(doors, "default", DEFAULT_ROLE)[0]
    await judge.close()
    await servers.close()
    await cluster.close()


def known(sight: Sight) -> Known | None:
    return sight.known(Assistant, NAMESPACE).get(KEY)


async def test_the_newest_is_kept(sight: Sight) -> None:
    for position, kept in ((10, "10"), (12, "12"), (11, "12")):
        await sight.assistant_seen(bot(position))
        assert known(sight) == Known(UID, kept)
    assert sight.known(Assistant, "elsewhere") == {}
    assert sight.known(Assistant, "") == sight.known(Assistant, NAMESPACE)


async def test_a_late_event_does_not_put_a_deleted_object_back(sight: Sight) -> None:
    await sight.assistant_seen(bot(10))
    sight.gone(Assistant, KEY, UID)
    for position in (9, 10, 11):
        await sight.assistant_seen(bot(position))
        assert known(sight) is None
    await sight.assistant_seen(bot(5, uid="another"))
    assert known(sight) == Known("another", "5")
    graph = a_graph()
    sight.graph_seen(graph)
    sight.gone(Graph, graph.key, graph.metadata.uid)
    sight.graph_seen(graph)
    assert sight.known(Graph, "") == {}


async def listed_versions(sight: Sight, epoch: int) -> None:
    await asyncio.sleep(0)
    sight.versions_seen("", Listed((a_record(1),), "5", (), epoch))


async def test_a_listing_of_a_new_epoch_replaces_what_is_newer_by_number(sight: Sight, positions: Positions) -> None:
    await sight.assistant_seen(bot(100, generation=9))
    positions.rewind("for a test")
    seeing = asyncio.create_task(sight.assistant_seen(bot(10, generation=4), epoch=1))
    await asyncio.sleep(0.01)
    assert not seeing.done(), "the versions of the new epoch come first"
    await listed_versions(sight, 1)
    await seeing
    assert known(sight) == Known(UID, "10", 1)
    await sight.assistant_seen(bot(12, generation=4))
    assert known(sight) == Known(UID, "12", 1)
    await sight.assistant_seen(bot(11, generation=4), epoch=1)
    assert known(sight) == Known(UID, "12", 1), "of one epoch, the newest is kept"


async def test_what_was_deleted_may_be_there_again_in_a_new_epoch(sight: Sight, positions: Positions) -> None:
    await sight.assistant_seen(bot(10))
    sight.gone(Assistant, KEY, UID)
    positions.rewind("for a test")
    await listed_versions(sight, 1)
    await sight.assistant_seen(bot(7), epoch=1)
    assert known(sight) == Known(UID, "7", 1)


async def test_a_generation_that_goes_back_is_a_storage_that_went_back(sight: Sight, positions: Positions) -> None:
    """Some restores raise the resource versions on purpose."""
    await sight.assistant_seen(bot(10, generation=9))
    await sight.assistant_seen(bot(1_000, generation=4))
    assert positions.epoch == 1
    assert known(sight) == Known(UID, "10"), "it is listed anew"
    await sight.assistant_seen(bot(1_001, generation=4))
    assert positions.epoch == 1, "told once"
    await sight.assistant_seen(bot(1, generation=1, uid="another"))
    assert positions.epoch == 1


async def test_a_graph_of_a_new_epoch_replaces_the_one_before(sight: Sight, positions: Positions) -> None:
    newer, older = (a_graph(meta={"resource_version": position}) for position in ("100", "10"))
    sight.graph_seen(newer)
    sight.graph_seen(older)
    assert [each.resource_version for each in sight.known(Graph, "").values()] == ["100"]
    positions.rewind("for a test")
    sight.graph_seen(older, epoch=1)
    assert [each.resource_version for each in sight.known(Graph, "").values()] == ["10"]
