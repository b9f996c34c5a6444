"""When the server of a Graph is asked again."""

from typing import Any, cast

import pytest

from assistant_operator.api.assistant import Copy
from assistant_operator.api.graph import Graph, Schemas
from assistant_operator.clients.kubernetes.server_credentials import Credentials
from assistant_operator.clients.langgraph.assistants import LangGraphServers
from assistant_operator.clients.langgraph.transport import Endpoint, ServerUnavailable
from assistant_operator.controllers.publication.probes import ServerProber
from assistant_operator.store.records import GraphRecord
from harness.support.timeless import timeless
from harness.worlds import a_condition, a_graph, a_graph_status

ENDPOINT = Endpoint("http://server")
NONE, TOLD = Schemas(source="None"), Schemas(source="Server", context={"type": "object"})
DOWN = "down"
BOTH: Any = {"contextSchema": {}, "configSchema": {}}


class Keys:
    """As much of the credentials as is asked."""

    async def endpoint(self, _: str, __: Copy) -> Endpoint:
        return ENDPOINT


class Server:
    """A server of which each probe finds one of these: its schemas, None where it tells none, DOWN."""

    def __init__(self, *answers: Schemas | str | None) -> None:
        self._answers = iter(answers)
        self._now: Schemas | str | None = None

    async def release(self, _: Endpoint) -> str:
        self._now = next(self._answers)
        if self._now == DOWN:
            raise ServerUnavailable("down")
        return "0.16.7"

    async def unknown_graph(self, _: Endpoint, __: str) -> None:
        return None

    async def schemas(self, _: Endpoint, __: str) -> Schemas | None:
        return cast("Schemas | None", self._now)


def a_served_graph(known: Schemas | None = None, period: int = 300, **spec: Any) -> Graph:
    """`known`: the schemas that its server told before."""
    deployed = a_condition("Deployed", "True", "Served", "serves", observed_generation=1)
    status = a_graph_status(conditions=(deployed,), server_version="0.16.7").model_copy(update={"schemas": known})
    return a_graph(status=status, server={"url": "http://server", "resyncPeriodSeconds": period}, **spec)


def asked(graph: Graph, *answers: Schemas | str | None) -> list[tuple[bool, float]]:
    """Of each probe: whether the copies are compared after it, and the seconds until the next."""
    servers, credentials = cast("LangGraphServers", Server(*answers)), cast("Credentials", Keys())
    prober = ServerProber(servers, credentials, cluster_name="default", enqueue_after_probe=lambda _: None)

    record = GraphRecord(graph)

    async def story() -> list[tuple[bool, float]]:
        found = [await prober.probe(record) for _ in answers]
        return [(endpoint is not None, later) for endpoint, later in found]

    return timeless(story())


@pytest.mark.parametrize(
    ("graph", "answers", "expected"),
    [
        pytest.param(a_served_graph(), [TOLD], [(True, 300)], id="all is told"),
        pytest.param(a_served_graph(), [NONE], [(True, 300)], id="it has no schemas, and says so"),
        pytest.param(a_served_graph(), [None] * 3, [(True, 0.5), (True, 1), (True, 2)], id="no schemas are told"),
        pytest.param(a_served_graph(), [None] * 9, [(True, 30)], id="for long: half a minute"),
        pytest.param(a_served_graph(period=1), [None] * 9, [(True, 1)], id="for long, and the period is shorter"),
        pytest.param(a_served_graph(), [None, None, TOLD], [(True, 300)], id="they are told at last"),
        pytest.param(a_served_graph(), [None, None, TOLD, None], [(True, 0.5)], id="a first failure again"),
        pytest.param(a_served_graph(TOLD), [None], [(True, 300)], id="what it told before still holds"),
        pytest.param(a_served_graph(**BOTH), [None], [(True, 300)], id="the spec says all there is to say"),
        pytest.param(a_served_graph(), [DOWN] * 2, [(False, 0.5), (False, 1)], id="no answer"),
    ],
)
def test_a_server_is_asked_again(
    graph: Graph, answers: list[Schemas | str | None], expected: list[tuple[bool, float]]
) -> None:
    assert asked(graph, *answers)[-len(expected) :] == expected
