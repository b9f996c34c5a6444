"""Servers that refuse, stall, cut and lie: history goes on, others are not kept waiting, and it mends itself."""

import time
from functools import partial
from typing import Any

import pytest

from e2e.copies import a_graph, asked, content, marks, own_id, said, server_versions, until_gone
from harness.controlplane import Answer, ControlPlane, CutStream, Delay, DropAfter, DropBefore, FaultProxy
from harness.controlplane.faults import Fault, Request
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, ready, writes
from harness.support.walk import marks as marked

pytestmark = pytest.mark.usefixtures("operator")

FAULTS: dict[str, Fault] = {
    "lost": DropBefore(),
    "unheard": DropAfter(),
    "cut": CutStream(5),
    "broken": Answer(500, "InternalError", "bug"),
    "overloaded": Answer(503, "ServiceUnavailable", "busy"),
    "throttled": Answer(429, "TooManyRequests", "slow down", {"Retry-After": "1"}),
}
CALLS = {
    "GET /info",
    "POST /assistants/search",
    "GET /assistants/{id}/schemas",
    "GET /assistants/{id}",
    "POST /assistants",
    "PATCH /assistants/{id}",
    "DELETE /assistants/{id}",
}


class Once:
    """A fault at the first request of each kind."""

    def __init__(self, proxy: FaultProxy, fault: Fault) -> None:
        self.hit: set[str] = set()
        self._proxy = proxy
        self._fault = fault

    def __call__(self, _: Request) -> Fault | None:
        call = asked(self._proxy)[-1]
        if call in self.hit:
            return None
        self.hit.add(call)
        return self._fault


def a_deep(levels: int) -> dict[str, Any]:
    return {"deeper": a_deep(levels - 1)} if levels else {}


def test_a_fault_at_every_call_in_turn_does_nothing_twice(
    workspace: Workspace, server: LangGraphServer, installed: ControlPlane
) -> None:
    proxies = {name: FaultProxy(installed, server.url, tls=False) for name in FAULTS}
    troubles = {name: Once(proxy, FAULTS[name]) for name, proxy in proxies.items()}
    try:
        for name, proxy in proxies.items():
            proxy.__enter__()
            proxy.fault = troubles[name]
            a_graph(workspace, proxy.url, name, graphId="writer")
            workspace.assistant(name, name, context={"prompt": "1"})
        for name in FAULTS:
            workspace.until_ready(name)
            workspace.edit(name, context={"prompt": "2"})
        for name in FAULTS:
            workspace.until_active(2, name)
            copy = server.assistant(own_id(workspace, name))
            assert copy
            assert (copy["version"], copy["context"]) == (2, {"prompt": "2"}), f"{name}: one create, one update"
            assert copy["metadata"] == marks(workspace, 2, name)
            comes_to(partial(server_versions, workspace, name), [1, 2])
            workspace.delete("assistants", name)
        for name in FAULTS:
            until_gone(workspace, name)
            assert server.assistant(own_id(workspace, name)) is None
        assert {name: trouble.hit for name, trouble in troubles.items()} == dict.fromkeys(FAULTS, CALLS)
    finally:
        for proxy in proxies.values():
            proxy.__exit__(None, None, None)


def test_content_that_the_server_does_not_take_is_told_in_its_words(
    workspace: Workspace, server: LangGraphServer
) -> None:
    a_graph(workspace, server.url)
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_ready()
    right = content(server, own_id(workspace))
    workspace.edit(context=a_deep(300))
    workspace.until_not_ready("PublicationRefused")
    message = f"bot-v2 is not published: PATCH {server.url}/assistants/{own_id(workspace)}: 400 Recursion limit reached"
    for kind in ("Ready", "Published", "Stalled"):
        assert workspace.condition("bot", kind)["message"] == message
    assert content(server, own_id(workspace)) == right, "what was there stays"
    workspace.edit(context={"deeper": None, "prompt": "3"})
    workspace.until_active(3)
    workspace.edit(versioning={"activeVersion": 2})
    workspace.until_not_ready("PublicationRefused")
    workspace.edit(versioning={"activeVersion": None})
    workspace.until_ready()
    assert server.answer(own_id(workspace), "?") == "[small 0.5] 3 ?"


def test_a_server_that_asks_for_time_gets_it(
    workspace: Workspace, server: LangGraphServer, installed: ControlPlane
) -> None:
    times: list[float] = []

    def throttled(_: Request) -> Fault | None:
        times.append(time.monotonic())
        return Answer(429, "TooManyRequests", "slow down", {"Retry-After": "4"}) if len(times) == 1 else None

    with FaultProxy(installed, server.url, tls=False) as proxy:
        a_graph(workspace, proxy.url)
        for name in ("one", "two"):
            workspace.assistant(name, "writer", context={"prompt": "1"})
            workspace.until_ready(name)
        proxy.fault = throttled
        workspace.edit("one", context={"prompt": "2"})
        workspace.until_not_ready("ServerUnreachable", "one")
        workspace.edit("two", context={"prompt": "2"})
        assert workspace.condition("one")["message"] == f"one-v2 is not published: {proxy.url}: 429"
        for name in ("one", "two"):
            workspace.until_active(2, name)
        assert times[1] - times[0] >= 4


def test_while_a_server_is_down_the_status_stays_as_it_is(
    workspace: Workspace, server: LangGraphServer, installed: ControlPlane
) -> None:
    names = [f"bot-{number}" for number in range(4)]
    with FaultProxy(installed, server.url, tls=False) as proxy:
        a_graph(workspace, proxy.url, resync=1)
        for name in names:
            workspace.assistant(name, "writer", context={"prompt": "1"})
        for name in names:
            workspace.until_ready(name)
        proxy.fault = lambda _: FAULTS["overloaded"]
        for name in names:
            workspace.edit(name, context={"prompt": "2"})
        workspace.until_not_ready("ServerUnreachable", "writer", "graphs")
        down = f"the server cannot be reached: {proxy.url}: 503"
        for name in names:
            comes_to(partial(said, workspace, name), f"{name}-v2 is not published: {down}")
            workspace.edit(name, context={"prompt": "3"})
            workspace.until_versions(3, name)
            comes_to(partial(said, workspace, name), f"{name}-v3 is not published: {down}")
        for name in names:
            comes_to(partial(marked, workspace, name), {1: "Va", 2: "Va", 3: "VA"})
        _, quiet = installed.audit_since()
        since = len(proxy.requests)
        eventually(lambda: len(proxy.requests) >= since + 2)
        assert set(asked(proxy, since)) == {"GET /info"}, "only whether it is back is asked"
        assert writes(workspace, quiet) == []
        proxy.fault = None
        for name in names:
            workspace.until_active(3, name)


def test_a_server_that_stalls_delays_nobody_else(
    workspace: Workspace, server: LangGraphServer, own_server: LangGraphServer, installed: ControlPlane
) -> None:
    stuck = [f"stuck-{number}" for number in range(24)]
    with FaultProxy(installed, server.url, tls=False) as proxy:
        a_graph(workspace, proxy.url, "slow", graphId="writer")
        a_graph(workspace, own_server.url)
        for name in stuck:
            workspace.assistant(name, "slow", context={"prompt": "1"})
        workspace.assistant("bot", "writer", context={"prompt": "1"})
        for name in (*stuck, "bot"):
            workspace.until_ready(name)
        proxy.fault = lambda _: Delay(60)
        since = len(proxy.requests)
        for name in stuck:
            workspace.edit(name, context={"prompt": "2"})
        for name in stuck:
            workspace.until_versions(2, name)
            comes_to(partial(marked, workspace, name), {1: "Va", 2: "VA"})
        assert len(proxy.requests) == since + 8, "no more than that at once, and none was answered yet"
        started = time.monotonic()
        workspace.edit(context={"prompt": "2"})
        workspace.until_active(2)
        assert time.monotonic() - started < 5
        assert own_server.answer(own_id(workspace), "?") == "[small 0.5] 2 ?"
        comes_to(lambda: ready(workspace, stuck[0]), ("False", "ServerUnreachable"))
        assert (
            workspace.condition(stuck[0])["message"] == f"stuck-0-v2 is not published: {proxy.url}: no answer in time"
        )
        proxy.fault = None
        for name in stuck:
            workspace.until_active(2, name)


def test_a_server_that_dies_and_comes_back_is_served_again(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer
) -> None:
    a_graph(workspace, own_server.url)
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_ready()
    own_server.stop()
    workspace.edit(context={"prompt": "2"})
    workspace.until_not_ready("ServerUnreachable")
    # A request that is under way when the server dies breaks off; the next one finds no connection. The publication
    # sends it, or a probe.
    found = f"{own_server.url}: no connection (Connection refused)"
    messages = {f"bot-v2 is not published: {prefix}{found}" for prefix in ("", "the server cannot be reached: ")}
    comes_to(lambda: workspace.condition("bot")["message"] in messages, wanted=True)
    assert workspace.condition("bot", "Reconciling")["status"] == "True"
    own_server.start()
    workspace.until_active(2)
    assert own_server.answer(own_id(workspace), "?") == "[small 0.5] 2 ?"
