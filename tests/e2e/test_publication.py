"""What is active in the cluster is what the server runs: the path that everybody takes."""

from typing import Any

import pytest

from e2e.copies import a_graph, asked, content, is_held, marks, own_id, place, server_versions, until_resynced
from harness.controlplane import ControlPlane, FaultProxy
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, ready

pytestmark = pytest.mark.usefixtures("operator")


def test_what_you_apply_is_what_answers(workspace: Workspace, server: LangGraphServer) -> None:
    a_graph(workspace, server.url)
    workspace.assistant("bot", "writer", context={"prompt": "Be brief."})
    told = workspace.until_ready("bot")
    copy = own_id(workspace)
    assert (told["assistantId"], told["copies"]) == (copy, [place(workspace, server.url, copy)])
    published = workspace.condition("bot", "Published")
    assert (published["status"], published["reason"]) == ("True", "Published")
    assert published["message"] == f"bot-v1 is published to {server.url}"
    first = server.answer(copy, "Hello?")
    assert first == "[small 0.5] Be brief. Hello?"
    workspace.edit("bot", context={"prompt": "Be long.", "model": "large"})
    workspace.until_active(2)
    second = server.answer(copy, "Hello?")
    assert second == "[large 0.5] Be long. Hello?"
    workspace.edit("bot", versioning={"activeVersion": 1})
    workspace.until_active(1)
    assert server.answer(copy, "Hello?") == first, "after a pin, byte for byte"
    assert content(server, copy) == {
        "graph_id": "writer",
        "name": "bot",
        "description": "",
        "context": {"prompt": "Be brief."},
        "config": {"configurable": {"prompt": "Be brief."}},
        "metadata": marks(workspace, 1),
    }
    workspace.edit("bot", versioning={"activeVersion": None})
    workspace.until_active(2)
    assert server.answer(copy, "Hello?") == second, "the pin is gone"
    workspace.edit("bot", context={"prompt": "Be brief.", "model": None})
    workspace.until_active(3)
    assert server.answer(copy, "Hello?") == first, "a restore is an edit"
    comes_to(lambda: server_versions(workspace), [3, 4, 5])


def test_everything_that_a_version_says_is_on_the_server(workspace: Workspace, server: LangGraphServer) -> None:
    a_graph(workspace, server.url)
    copy, context = own_id(workspace), {"prompt": "p", "temperature": 0.1}
    told: dict[str, Any] = {"displayName": "Bot & Co", "description": "Writes.", "context": context}
    told |= {"config": {"tags": ["a", "b"], "recursionLimit": 9}, "metadata": {"team": {"name": "x"}, "gone": "soon"}}
    workspace.assistant("bot", "writer", **told)
    workspace.until_ready()
    assert content(server, copy) == {
        "graph_id": "writer",
        "name": "Bot & Co",
        "description": "Writes.",
        "context": context,
        "config": {"tags": ["a", "b"], "recursion_limit": 9, "configurable": context},
        "metadata": {"team": {"name": "x"}, "gone": "soon", **marks(workspace, 1)},
    }
    workspace.edit(
        displayName=None, description=None, config=None, context={"temperature": None}, metadata={"gone": None}
    )
    workspace.until_active(2)
    assert content(server, copy) == {
        "graph_id": "writer",
        "name": "bot",
        "description": "",
        "context": {"prompt": "p"},
        "config": {"configurable": {"prompt": "p"}},
        "metadata": {"team": {"name": "x"}, **marks(workspace, 2)},
    }
    workspace.edit(context=None, metadata=None)
    workspace.until_active(3)
    empty = content(server, copy)
    assert (empty["context"], empty["config"]) == ({}, {"configurable": {}})
    assert empty["metadata"] == marks(workspace, 3)


def test_what_is_configurable_and_a_pin_to_a_version_of_another_graph(
    workspace: Workspace, server: LangGraphServer
) -> None:
    a_graph(workspace, server.url)
    a_graph(workspace, server.url, "slow-route", graphId="router")
    copy = own_id(workspace)
    workspace.assistant("bot", "writer", context={"prompt": "Be brief."})
    workspace.until_ready()
    workspace.edit(
        graphRef={"name": "slow-route"}, context=None, config={"configurable": {"route": "slow"}, "tags": ["t"]}
    )
    workspace.until_active(2)
    assert server.answer(copy, "?") == "route: slow"
    routed = content(server, copy)
    assert (routed["graph_id"], routed["config"]) == ("router", {"configurable": {"route": "slow"}, "tags": ["t"]})
    workspace.edit(config={"configurable": {"route": "fast"}})
    workspace.until_active(3)
    assert server.answer(copy, "?") == "route: fast"
    workspace.edit(versioning={"activeVersion": 1})
    workspace.until_active(1)
    assert server.answer(copy, "?") == "[small 0.5] Be brief. ?"
    writing = content(server, copy)
    assert (writing["graph_id"], writing["config"]) == ("writer", {"configurable": {"prompt": "Be brief."}})
    workspace.edit(versioning={"activeVersion": 2})
    workspace.until_active(2)
    assert content(server, copy) == routed


def test_in_manual_mode_only_a_pin_publishes(workspace: Workspace, server: LangGraphServer) -> None:
    a_graph(workspace, server.url)
    workspace.assistant("bot", "writer", context={"prompt": "1"}, versioning={"activation": "Manual"})
    told = workspace.until_not_ready("AwaitingActivation")
    assert "assistantId" not in told
    assert "copies" not in told
    assert not is_held(workspace)
    workspace.edit(context={"prompt": "2"})
    workspace.until_versions(2)
    assert server.assistant(own_id(workspace)) is None
    workspace.edit(versioning={"activeVersion": 1})
    workspace.until_active(1)
    assert server.answer(own_id(workspace), "?") == "[small 0.5] 1 ?"
    assert is_held(workspace)


def test_suspended_nothing_is_published_until_it_is_lifted(workspace: Workspace, server: LangGraphServer) -> None:
    a_graph(workspace, server.url)
    copy = own_id(workspace)
    workspace.assistant("bot", "writer", context={"prompt": "1"}, suspend=True)
    workspace.until_not_ready("Suspended")
    assert (server.assistant(copy), is_held(workspace)) == (None, False)
    workspace.edit(suspend=False)
    workspace.until_ready()
    workspace.edit(suspend=True, context={"prompt": "2"})
    workspace.until_versions(2)
    comes_to(lambda: ready(workspace), ("True", "Suspended"))
    assert server.answer(copy, "?") == "[small 0.5] 1 ?"
    workspace.edit(suspend=False)
    workspace.until_active(2)
    assert server.answer(copy, "?") == "[small 0.5] 2 ?"


ODD: dict[str, Any] = {
    "displayName": "名前 🤖",
    "description": "tab\tline\nNUL \u0000, spelled \\u0000",
    "context": {
        "prompt": "{{ jinja }} \u0000 a: [yaml]",
        "null": None,
        "integer": 2**53 + 1,
        "huge": 2**63,
        "float": 1.0,
        "a.b/c~d": {"": [None, {}, [], -0.5]},
        "langgraph_auth_user": "kept by the server",
    },
    "metadata": {"run_id": "kept by the server", "created_by": "system", "null": None, "n\u0000": "\u0000"},
}


def test_odd_content_is_published_once(
    workspace: Workspace, server: LangGraphServer, installed: ControlPlane, operator: OperatorProcess
) -> None:
    with FaultProxy(installed, server.url, tls=False) as proxy:
        a_graph(workspace, proxy.url, resync=1)
        workspace.assistant("bot", "writer", **ODD)
        workspace.until_ready()
        eventually(lambda: server_versions(workspace) == [1])
        since = len(proxy.requests)
        until_resynced(proxy)
        assert [each for each in asked(proxy, since) if each.startswith(("PATCH", "DELETE"))] == []
        copy = server.assistant(own_id(workspace))
        assert copy
        assert copy["context"] == {
            "prompt": "{{ jinja }} \ufffd a: [yaml]",
            "null": None,
            "integer": 2**53 + 1,
            "huge": 9223372036854776000,  # as Kubernetes spells a number of more than 63 bits
            "float": 1,
            "a.b/c~d": {"": [None, {}, [], -0.5]},
        }
        assert (copy["name"], copy["description"]) == ("名前 🤖", "tab\tline\nNUL \ufffd, spelled \\ufffd")
        assert copy["metadata"] == {"n\ufffd": "\ufffd", **marks(workspace, 1)}
        workspace.delete("assistants", "bot")
        eventually(lambda: workspace.get("assistants", "bot") is None)


def test_without_a_server_nothing_is_said_of_one(workspace: Workspace) -> None:
    workspace.graph("writer", defaultAssistant={"policy": "None"})
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    told = workspace.until_ready()
    assert {each["type"] for each in told["conditions"]} == {"Ready", "GraphFound", "Valid"}
    assert {"assistantId", "copies"} & told.keys() == set()
    assert not is_held(workspace)
