"""What becomes of a copy when its Assistant goes, or when it belongs elsewhere."""

import json
import re
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from assistant_operator.clients.kubernetes.server_credentials import REMEMBERED
from e2e.copies import (
    FINALIZER,
    POLICY,
    a_graph,
    asked,
    content,
    is_held,
    marks,
    metadata,
    own_id,
    place,
    put_secret,
    until_gone,
)
from harness.controlplane import ControlPlane, Delay, FaultProxy
from harness.controlplane.faults import Request
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.rights import grant_credentials
from harness.support.walk import comes_to, events, ready, writes
from harness.support.walk import marks as marked

ABANDON = {"metadata": {"annotations": {"assistant-operator.dev/abandon-copies": "true"}}}
DEAD = "http://127.0.0.1:1"

pytestmark = pytest.mark.usefixtures("operator")


@pytest.fixture
def proxy(installed: ControlPlane, server: LangGraphServer) -> Iterator[FaultProxy]:
    """Another address of the shared server."""
    with FaultProxy(installed, server.url, tls=False) as before:
        yield before


def a_published(workspace: Workspace, url: str, name: str = "bot", **different: Any) -> str:
    """An Assistant that is on that server: its UUID there."""
    if workspace.get("graphs", "writer") is None:
        a_graph(workspace, url)
    workspace.assistant(name, "writer", **{"context": {"prompt": "1"}, **different})
    workspace.until_ready(name)
    return own_id(workspace, name)


def move(workspace: Workspace, **server: Any) -> None:
    workspace.edit("writer", "graphs", server=server)


def places(workspace: Workspace) -> list[str]:
    return [each["server"] for each in workspace.status().get("copies", [])]


def newest_event(workspace: Workspace, name: str) -> tuple[str, str]:
    told = events(workspace, name)
    return told[-1][:2] if told else ("", "")


def test_it_is_held_before_it_is_published_and_gone_before_it_goes(workspace: Workspace, proxy: FaultProxy) -> None:
    held: dict[str, bool] = {}

    def look(request: Request) -> None:
        if request.method in {"DELETE", "POST"} and not request.path.endswith("/search"):
            held[request.method] = is_held(workspace)

    proxy.fault = look
    a_graph(workspace, proxy.url)
    workspace.assistant("bot", "writer", context={"prompt": "1"}, versioning={"activation": "Manual"})
    workspace.until_not_ready("AwaitingActivation")
    assert not is_held(workspace)
    workspace.edit(versioning={"activeVersion": 1})
    workspace.until_ready()
    workspace.delete("assistants", "bot")
    until_gone(workspace)
    assert held == {"POST": True, "DELETE": True}


def test_a_deleted_one_takes_its_copy_along_and_comes_back_under_the_same_uuid(
    workspace: Workspace, server: LangGraphServer
) -> None:
    copy = a_published(workspace, server.url)
    workspace.delete("assistants", "bot")
    until_gone(workspace)
    assert server.assistant(copy) is None
    assert a_published(workspace, server.url, context={"prompt": "2"}) == copy
    assert server.answer(copy, "?") == "[small 0.5] 2 ?"
    workspace.delete("assistants", "bot", propagationPolicy="Foreground")
    until_gone(workspace)
    assert server.assistant(copy) is None


def test_retained_it_stays_marked_and_is_taken_up_again(workspace: Workspace, server: LangGraphServer) -> None:
    copy = a_published(workspace, server.url, deletionPolicy="Retain")
    retained = {**marks(workspace, 1), POLICY: "Retain"}
    workspace.delete("assistants", "bot")
    until_gone(workspace)
    left = content(server, copy)
    assert (left["context"], left["metadata"]) == ({"prompt": "1"}, retained)
    a_published(workspace, server.url, context={"prompt": "2"})
    assert server.answer(copy, "?") == "[small 0.5] 2 ?"
    again = content(server, copy)
    assert again["metadata"] == marks(workspace, workspace.status()["activeVersion"]), "and may be deleted now"


def test_a_deletion_waits_for_its_server_and_tells_so(workspace: Workspace, own_server: LangGraphServer) -> None:
    copies = [a_published(workspace, own_server.url, name) for name in ("bot", "other")]
    own_server.stop()
    workspace.delete("assistants", "bot")
    waits = (
        f"Deletion waits for {own_server.url}, where the copy is to be withdrawn: {own_server.url}: no connection"
        " (Connection refused). It goes on after 10 minutes, or at once with the annotation"
        " assistant-operator.dev/abandon-copies"
    )
    comes_to(
        lambda: [each for each in events(workspace) if "waits" in each[2]], [("Warning", "ServerUnreachable", waits)]
    )
    assert is_held(workspace)
    own_server.start()
    until_gone(workspace)
    assert [own_server.assistant(copy) is None for copy in copies] == [True, False]


def test_abandoned_it_goes_at_once(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer
) -> None:
    for name in ("bot", "before", "lonely"):
        a_published(workspace, own_server.url, name)
    workspace.patch("assistants", "before", ABANDON)
    own_server.kill()
    workspace.delete("assistants", "before")
    until_gone(workspace, "before", within=10)
    workspace.delete("assistants", "bot")
    workspace.delete("assistants", "lonely")
    workspace.delete("graphs", "writer")
    until_gone(workspace, "writer", "graphs")
    # It tries after 1, 2, 4 and 8 seconds, and so on.
    tried = f"failed withdrawal of copy namespace={workspace.namespace} name=lonely"
    eventually(lambda: operator.log.read_text().count(tried) >= 4)
    for name in ("bot", "lonely"):
        workspace.patch("assistants", name, ABANDON)
        until_gone(workspace, name, within=5)
        told = f"Abandoned the copy on {own_server.url}: the server did not let it be withdrawn"
        comes_to(partial(newest_event, workspace, name), ("Warning", "CopyAbandoned"))
        assert events(workspace, name)[-1][2] == told


def test_a_graph_that_goes_first_keeps_nobody(workspace: Workspace, server: LangGraphServer) -> None:
    copy = a_published(workspace, server.url)
    workspace.delete("graphs", "writer")
    workspace.until_not_ready("GraphNotFound")
    assert server.answer(copy, "?") == "[small 0.5] 1 ?", "it stays in force"
    workspace.delete("assistants", "bot")
    until_gone(workspace)
    assert server.assistant(copy) is None


def test_one_that_moves_is_published_there_before_it_is_withdrawn_here(
    workspace: Workspace, server: LangGraphServer, own_server: LangGraphServer
) -> None:
    copy = a_published(workspace, server.url)
    move(workspace, url=DEAD)
    workspace.until_not_ready("ServerUnreachable")
    comes_to(lambda: places(workspace), [DEAD, server.url])
    assert server.answer(copy, "?") == "[small 0.5] 1 ?", "until it is elsewhere it stays where it was"
    move(workspace, url=own_server.url)
    workspace.until_ready()
    assert own_server.answer(copy, "?") == "[small 0.5] 1 ?"
    eventually(lambda: server.assistant(copy) is None)


def test_where_it_was_before_it_is_withdrawn_once_and_not_forgotten_when_it_comes_back(
    workspace: Workspace, server: LangGraphServer, own_server: LangGraphServer
) -> None:
    copy = a_published(workspace, server.url)
    for there, gone in ((own_server, server), (server, own_server)):
        move(workspace, url=there.url)
        comes_to(partial(places, workspace), [there.url])
        assert (gone.assistant(copy), there.answer(copy, "?")) == (None, "[small 0.5] 1 ?")
    workspace.delete("graphs", "writer")
    workspace.delete("assistants", "bot")
    until_gone(workspace)
    assert server.assistant(copy) is None


def test_retained_it_stays_on_the_server_it_moves_away_from(
    workspace: Workspace, server: LangGraphServer, own_server: LangGraphServer
) -> None:
    copy = a_published(workspace, own_server.url, deletionPolicy="Retain")
    move(workspace, url=server.url)
    comes_to(lambda: places(workspace), [server.url])
    left = content(own_server, copy)
    assert left["metadata"] == {**marks(workspace, 1), POLICY: "Retain"}


def test_another_address_of_the_same_server_loses_nothing(
    workspace: Workspace, server: LangGraphServer, proxy: FaultProxy
) -> None:
    copy = a_published(workspace, server.url)
    move(workspace, url=proxy.url)
    comes_to(lambda: places(workspace), [proxy.url])
    eventually(lambda: server.assistant(copy))
    assert server.answer(copy, "?") == "[small 0.5] 1 ?"
    comes_to(lambda: ready(workspace), ("True", "Active"))
    assert events(workspace) == [], "nothing had to be repaired"


def test_another_key_is_not_another_place(workspace: Workspace, server: LangGraphServer, proxy: FaultProxy) -> None:
    grant_credentials(workspace)
    put_secret(workspace, "key", one="1", two="2")
    a_graph(workspace, proxy.url, server={"apiKeySecretRef": {"name": "key", "key": "one"}})
    copy = a_published(workspace, proxy.url)
    since = len(proxy.requests)
    two = {"name": "key", "key": "two"}
    move(workspace, apiKeySecretRef=two)
    there = {**place(workspace, proxy.url, copy), "apiKeySecretRef": two}
    comes_to(lambda: workspace.status()["copies"], [there])
    workspace.edit(context={"prompt": "2"})
    workspace.until_active(2)
    writing = [each for each in asked(proxy, since) if not each.startswith("GET") and "search" not in each]
    assert writing == ["PATCH /assistants/{id}"], "that of the edit"
    move(workspace, apiKeySecretRef={"name": "key", "key": "none"})
    workspace.until_not_ready("CredentialsNotFound")
    move(workspace, apiKeySecretRef=None)
    workspace.until_ready()
    assert server.answer(copy, "?") == "[small 0.5] 2 ?"


def test_a_graph_that_gives_up_its_server_takes_its_copies_off(workspace: Workspace, server: LangGraphServer) -> None:
    copy = a_published(workspace, server.url)
    assert is_held(workspace)
    workspace.edit("writer", "graphs", server=None)
    eventually(lambda: not is_held(workspace))
    assert server.assistant(copy) is None
    comes_to(lambda: {"assistantId", "copies"} & workspace.status().keys(), set())
    comes_to(lambda: workspace.condition("bot", "Published"), {})
    assert ready(workspace) == ("True", "Active")


def test_one_whose_graph_is_no_longer_deployed_leaves_nothing_behind(
    workspace: Workspace, own_server: LangGraphServer
) -> None:
    a_graph(workspace, own_server.url, "routes", graphId="router", resync=1)
    workspace.assistant("bot", "routes", config={"configurable": {"route": "x"}})
    workspace.until_ready()
    own_server.stop()
    own_server.deploy({"writer": "writer"})
    own_server.start()
    workspace.delete("graphs", "routes")
    workspace.delete("assistants", "bot")
    until_gone(workspace)
    own_server.stop()
    own_server.deploy({"writer": "writer", "router": "router"})
    own_server.start()
    assert [each["name"] for each in own_server.assistants("router")] == ["router"]


def test_a_finalizer_that_somebody_takes_off_comes_back(workspace: Workspace, server: LangGraphServer) -> None:
    a_published(workspace, server.url)
    workspace.patch("assistants", "bot", {"metadata": {"finalizers": ["example.com/other"]}})
    workspace.edit(context={"prompt": "2"})
    workspace.until_active(2)
    found = workspace.get("assistants", "bot")
    assert found
    assert sorted(found["metadata"]["finalizers"]) == sorted(["example.com/other", FINALIZER])
    workspace.delete("assistants", "bot")
    eventually(lambda: not is_held(workspace))
    assert server.assistant(own_id(workspace)) is None
    workspace.patch("assistants", "bot", {"metadata": {"finalizers": None}})
    until_gone(workspace)


@pytest.mark.parametrize("how", ["replace", "patch"])
def test_a_finalizer_comes_back_without_an_edit(
    operator: OperatorProcess, workspace: Workspace, installed: ControlPlane, server: LangGraphServer, how: str
) -> None:
    copy = a_published(workspace, server.url)
    comes_to(lambda: marked(workspace), {1: "VA"})
    _, since = installed.audit_since()
    if how == "replace":
        written = {"apiVersion": "assistant-operator.dev/v1alpha1", "kind": "Assistant", "metadata": {"name": "bot"}}
        spec = {"graphRef": {"name": "writer"}, "context": {"prompt": "1"}}
        installed.kubectl("-n", workspace.namespace, "replace", "-f", "-", input=json.dumps({**written, "spec": spec}))
    else:
        workspace.patch("assistants", "bot", {"metadata": {"finalizers": None}})
    comes_to(lambda: is_held(workspace), True)
    assert writes(workspace, since) == ["patch assistants"], "no version, no status, and once"
    assert len(workspace.versions()) == 1
    workspace.delete("assistants", "bot")
    until_gone(workspace)
    assert server.assistant(copy) is None


@pytest.mark.parametrize("others", [pytest.param([], id="alone"), pytest.param(["example.com/a"], id="among others")])
def test_a_finalizer_that_somebody_else_put_on_is_taken_off(
    workspace: Workspace, server: LangGraphServer, others: list[str]
) -> None:
    """As when a backup is restored: the field manager that has it is not ours."""
    a_graph(workspace, server.url)
    meta = {"name": "bot", "finalizers": [FINALIZER, *others]}
    body = {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "metadata": meta,
        "spec": {"graphRef": {"name": "writer"}, "context": {"prompt": "1"}},
    }
    path = workspace.path("assistants", "bot") + "?fieldManager=restore"
    workspace.client.demand("PATCH", path, body, "application/apply-patch+yaml")
    workspace.until_ready()
    workspace.delete("assistants", "bot")
    if others:
        comes_to(lambda: finalizers(workspace), others)
        workspace.patch("assistants", "bot", {"metadata": {"finalizers": None}})
    until_gone(workspace)
    assert server.assistant(own_id(workspace)) is None


def test_finalizers_that_come_and_go_at_the_same_time_are_not_lost(
    workspace: Workspace, server: LangGraphServer
) -> None:
    copy, names = a_published(workspace, server.url), [f"example.com/{number}" for number in range(10)]
    for name in names:
        workspace.patch("assistants", "bot", {"metadata": {"finalizers": [*finalizers(workspace), name]}})
        without = [each for each in finalizers(workspace) if each != FINALIZER]
        workspace.patch("assistants", "bot", {"metadata": {"finalizers": without}})
    comes_to(lambda: sorted(finalizers(workspace)), sorted([*names, FINALIZER]))
    workspace.delete("assistants", "bot")
    comes_to(lambda: sorted(finalizers(workspace)), sorted(names))
    assert server.assistant(copy) is None
    workspace.patch("assistants", "bot", {"metadata": {"finalizers": None}})


def finalizers(workspace: Workspace) -> list[str]:
    found = workspace.get("assistants", "bot") or {"metadata": {}}
    held: list[str] = found["metadata"].get("finalizers", [])
    return held


def test_what_stays_is_held_by_nothing_and_waits_for_nobody(
    workspace: Workspace, installed: ControlPlane, own_server: LangGraphServer
) -> None:
    names = ("bot", "changed", "late")
    with FaultProxy(installed, own_server.url, tls=False) as proxy:
        a_graph(workspace, proxy.url, resync=1)
        copies = {
            name: a_published(workspace, proxy.url, name, deletionPolicy="Retain" if name == "bot" else "Delete")
            for name in names
        }
        assert [is_held(workspace, name) for name in names] == [False, True, True]
        workspace.edit("changed", deletionPolicy="Retain")
        eventually(lambda: not is_held(workspace, "changed"))
        assert metadata(own_server, copies["changed"])[POLICY] == "Retain"
        workspace.edit("bot", deletionPolicy="Delete")
        eventually(lambda: POLICY not in metadata(own_server, copies["bot"]))
        assert is_held(workspace, "bot"), "held before it says that it may be deleted"
        workspace.edit("bot", deletionPolicy="Retain")
        eventually(lambda: not is_held(workspace, "bot"))
        proxy.fault = lambda _: Delay(60)
        workspace.edit("late", deletionPolicy="Retain")  # which its server never hears of
        for name in names:
            workspace.delete("assistants", name)
        for name in names:
            until_gone(workspace, name)
        proxy.fault = None
        comes_to(lambda: metadata(own_server, copies["late"]).get(POLICY), "Retain")
        assert [own_server.assistant(copies[name]) is not None for name in names] == [True, True, True]


@pytest.mark.parametrize("key", ["just read", "gone for long"])
def test_a_namespace_goes_with_its_keys_and_waits_for_none(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path, key: str
) -> None:
    """A value of a Secret is kept for ten seconds: within them the copies are withdrawn, after them they stay."""
    with LangGraphServer(tmp_path / "server", key="the key") as own_server:
        grant_credentials(workspace)
        put_secret(workspace, "langgraph", key=own_server.key or "")
        a_graph(workspace, own_server.url, resync=1, server={"apiKeySecretRef": {"name": "langgraph", "key": "key"}})
        copies = [a_published(workspace, own_server.url, name) for name in ("bot", "other")]
        if key == "gone for long":
            workspace.client.demand("DELETE", f"/api/v1/namespaces/{workspace.namespace}/secrets/langgraph")
            workspace.until_not_ready("CredentialsNotFound", "writer", "graphs")
            time.sleep(REMEMBERED)
            workspace.delete("assistants", "bot")
            waits = "Deletion waits"
            eventually(lambda: [each for each in events(workspace) if waits in each[2]])
            assert is_held(workspace), "the Secret may come back"
        workspace.client.demand("DELETE", f"/api/v1/namespaces/{workspace.namespace}")
        until_gone(workspace)
        until_gone(workspace, "other")
        stays = [own_server.assistant(copy) is not None for copy in copies]
        log = operator.log.read_text()
        told = [re.search(rf"abandoned copy .* assistant_id={copy}: ", log) is not None for copy in copies]
        assert (stays, told) == ([key == "gone for long"] * 2,) * 2


def test_a_restart_forgets_no_deletion(
    operator: OperatorProcess, workspace: Workspace, server: LangGraphServer
) -> None:
    copies = [a_published(workspace, server.url, name) for name in ("bot", "retained")]
    operator.kill()
    workspace.delete("assistants", "bot")
    workspace.edit("retained", deletionPolicy="Retain")
    workspace.delete("assistants", "retained")
    workspace.delete("graphs", "writer")
    assert is_held(workspace)
    operator.start()
    until_gone(workspace)
    until_gone(workspace, "retained")
    assert [server.assistant(copy) is None for copy in copies] == [True, False]
