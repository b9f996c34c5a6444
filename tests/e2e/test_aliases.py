"""An alias is an assistant of its own on the server: callers use its name, whatever version it stands for."""

from collections.abc import Iterator
from typing import Any

import pytest

from e2e.copies import DIGEST, NUMBER, OWNER, a_graph, content, is_gone, metadata, own_id, owner, until_resynced
from harness.controlplane import ControlPlane, FaultProxy
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, events

PRODUCTION, ALIAS = "production", "alias/production"


def moved(workspace: Workspace, number: int) -> None:
    """Move the alias, and wait until it is published there."""
    workspace.edit(PRODUCTION, "assistantaliases", version=number)
    workspace.until_ready(PRODUCTION, "assistantaliases")
    comes_to(lambda: workspace.status(PRODUCTION, "assistantaliases")["version"], number)


def copies(workspace: Workspace) -> list[str]:
    found: list[dict[str, Any]] = workspace.status(PRODUCTION, "assistantaliases").get("copies", [])
    return [each["server"] for each in found]


@pytest.fixture
def proxy(installed: ControlPlane, own_server: LangGraphServer) -> Iterator[FaultProxy]:
    """The address that the Graph declares."""
    with FaultProxy(installed, own_server.url, tls=False) as between:
        yield between


@pytest.fixture
def promoted(operator: OperatorProcess, workspace: Workspace, proxy: FaultProxy) -> Workspace:
    """Two versions on the server, and an alias of the first one."""
    assert operator.is_running
    a_graph(workspace, proxy.url, resync=1)
    workspace.assistant("bot", "writer", context={"prompt": "1"}, metadata={"team": "a"})
    workspace.until_ready()
    workspace.edit(context={"prompt": "2"}, metadata={"team": None, "shift": "late"})
    workspace.until_active(2)
    workspace.alias(PRODUCTION, version=1)
    workspace.until_ready(PRODUCTION, "assistantaliases")
    return workspace


def test_callers_use_it_before_and_after_a_move(promoted: Workspace, own_server: LangGraphServer) -> None:
    status = promoted.status(PRODUCTION, "assistantaliases")
    name = status["assistantId"]
    assert name == own_id(promoted, ALIAS)
    assert own_server.answer(name, "?") == "[small 0.5] 1 ?"
    digest = promoted.versions()[0]["spec"]["digest"]
    marks = {OWNER: owner(promoted, ALIAS), NUMBER: 1, DIGEST: digest}
    marks |= {"assistant-operator.dev/alias": PRODUCTION, "assistant-operator.dev/assistant": "bot"}
    assert metadata(own_server, name) == {"team": "a", **marks}
    assert content(own_server, name)["name"] == PRODUCTION
    moved(promoted, 2)
    assert own_server.answer(name, "?") == "[small 0.5] 2 ?"
    assert metadata(own_server, name).keys() - marks.keys() == {"shift"}
    assert own_server.answer(own_id(promoted), "?") == "[small 0.5] 2 ?"
    promoted.edit(PRODUCTION, "assistantaliases", displayName="For callers")
    eventually(lambda: content(own_server, name)["name"] == "For callers")
    assert [reason for _, reason, _ in events(promoted, PRODUCTION)] == ["Moved", "Moved"], "no drift was repaired"


def test_what_is_changed_or_deleted_there_is_put_right(promoted: Workspace, own_server: LangGraphServer) -> None:
    name = own_id(promoted, ALIAS)
    right = content(own_server, name)
    own_server.edit(name, context={"prompt": "Be evil."})
    eventually(lambda: content(own_server, name) == right)
    own_server.request("DELETE", f"/assistants/{name}")
    eventually(lambda: content(own_server, name) == right)
    assert {reason for _, reason, _ in events(promoted, PRODUCTION)} == {"Moved", "CopyDrifted"}


def test_it_is_withdrawn_when_it_is_deleted_and_moved_with_its_graph(
    promoted: Workspace, own_server: LangGraphServer
) -> None:
    name = own_id(promoted, ALIAS)
    promoted.delete("assistantaliases", PRODUCTION)
    eventually(lambda: is_gone(promoted, PRODUCTION, "assistantaliases"))
    assert own_server.assistant(name) is None
    promoted.alias(PRODUCTION, version=1)
    promoted.until_ready(PRODUCTION, "assistantaliases")
    assert own_server.answer(name, "?") == "[small 0.5] 1 ?", "its id is stable"
    promoted.patch("graphs", "writer", {"spec": {"server": None}})
    eventually(lambda: own_server.assistant(name) is None)
    comes_to(lambda: copies(promoted), [])


def test_without_its_assistant_it_goes_on_answering(
    promoted: Workspace, own_server: LangGraphServer, proxy: FaultProxy
) -> None:
    name = own_id(promoted, ALIAS)
    promoted.delete("assistants", "bot")
    promoted.until_not_ready("AssistantNotFound", PRODUCTION, "assistantaliases")
    until_resynced(proxy)
    assert own_server.assistant(own_id(promoted)) is None
    assert own_server.answer(name, "?") == "[small 0.5] 1 ?"


def test_a_retained_one_stays(promoted: Workspace, own_server: LangGraphServer) -> None:
    name = own_id(promoted, ALIAS)
    promoted.edit(PRODUCTION, "assistantaliases", deletionPolicy="Retain")
    eventually(lambda: metadata(own_server, name).get("assistant-operator.dev/deletion-policy") == "Retain")
    promoted.delete("assistantaliases", PRODUCTION)
    eventually(lambda: is_gone(promoted, PRODUCTION, "assistantaliases"))
    assert own_server.answer(name, "?") == "[small 0.5] 1 ?"
