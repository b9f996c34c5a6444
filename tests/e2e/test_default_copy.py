"""The default assistant is the server's own one of the graph: filled, emptied, and left in its place."""

from typing import Any

import pytest

from e2e.copies import a_graph, content, is_held, marks, own_id, place, until_gone
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.langgraph_server.server import WRITER_ID
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, ready

pytestmark = pytest.mark.usefixtures("operator")

EMPTY = {"graph_id": "writer", "name": "writer", "description": "", "context": {}, "metadata": {"created_by": "system"}}
CREATE: dict[str, Any] = {"defaultAssistant": {"policy": "Create"}}


def emptied(server: LangGraphServer) -> bool:
    """Whether the server's own assistant is as a server makes it."""
    found = content(server, WRITER_ID)
    config = found.pop("config", {"there": False})
    return found == EMPTY and not any(config.values())


def uid_of(workspace: Workspace) -> str:
    found = workspace.get("assistants", "writer")
    return str(found["metadata"]["uid"]) if found else ""


def test_it_is_filled_and_emptied_and_never_deleted(workspace: Workspace, own_server: LangGraphServer) -> None:
    assert emptied(own_server)
    defaults = {"displayName": "Mine", "description": "Mine.", "context": {"prompt": "Be brief."}}
    a_graph(workspace, own_server.url, defaults={**defaults, "metadata": {"team": "a"}}, **CREATE)
    workspace.until_ready("writer", "graphs")
    told = workspace.status("writer")
    assert (told["assistantId"], told["activeVersion"]) == (WRITER_ID, 1)
    ours = {"created_by": "system", "team": "a", **marks(workspace, 1, "writer")}
    context = {"prompt": "Be brief."}
    filled = {**EMPTY, "context": context, "config": {"configurable": context}, "metadata": ours}
    assert content(own_server, WRITER_ID) == filled, "name and description are the server's"
    assert own_server.answer("writer", "?") == "[small 0.5] Be brief. ?", "who runs the graph runs its default"
    assert own_server.assistant(own_id(workspace, "writer")) is None, "there is no other copy"
    workspace.edit("writer", "graphs", defaults={"context": {"prompt": "Be long."}})
    workspace.until_active(2, "writer")
    assert own_server.answer("writer", "?") == "[small 0.5] Be long. ?"
    uid = uid_of(workspace)
    workspace.delete("assistants", "writer")
    eventually(lambda: uid_of(workspace) not in ("", uid))
    workspace.until_ready("writer")
    assert own_server.answer("writer", "?") == "[small 0.5] Be long. ?", "made again and filled again"
    workspace.delete("graphs", "writer")
    until_gone(workspace, "writer")
    assert emptied(own_server)
    assert own_server.answer("writer", "?") == "[small 0.5] You are helpful. ?"


def test_a_default_that_becomes_an_ordinary_one_gets_a_copy_of_its_own(
    workspace: Workspace, own_server: LangGraphServer
) -> None:
    workspace.assistant("writer", "writer", context={"prompt": "A person's."})
    a_graph(workspace, own_server.url, **CREATE)
    workspace.until_ready("writer")
    assert own_server.answer("writer", "?") == "[small 0.5] A person's. ?", "a person's own is adopted as the default"
    own = own_id(workspace, "writer")
    workspace.edit("writer", "graphs", defaultAssistant={"policy": "None"})
    comes_to(lambda: workspace.status("writer").get("copies"), [place(workspace, own_server.url, own, "writer")])
    assert own_server.answer(own, "?") == "[small 0.5] A person's. ?"
    assert emptied(own_server)
    workspace.edit("writer", "graphs", defaultAssistant={"policy": "Create"})
    comes_to(lambda: workspace.status("writer").get("copies"), [place(workspace, own_server.url, WRITER_ID, "writer")])
    assert own_server.answer("writer", "?") == "[small 0.5] A person's. ?"
    assert own_server.assistant(own) is None
    assert is_held(workspace, "writer")


def test_of_two_graphs_that_claim_it_the_first_has_it(workspace: Workspace, own_server: LangGraphServer) -> None:
    a_graph(workspace, own_server.url, defaults={"context": {"prompt": "first"}}, **CREATE)
    workspace.until_ready("writer", "graphs")
    a_graph(workspace, own_server.url, "second", graphId="writer", defaults={"context": {"prompt": "second"}}, **CREATE)
    workspace.until_not_ready("OwnedByAnother", "second")
    message = f"assistant {WRITER_ID} on {own_server.url} belongs to 'default/{workspace.namespace}/writer'"
    assert workspace.condition("second")["message"] == message
    comes_to(
        lambda: workspace.condition("second", plural="graphs")["message"],
        f"assistant 'second' is not ready: {message}",
    )
    assert ready(workspace, "second", "graphs") == ("False", "DefaultAssistantNotReady")
    assert own_server.answer("writer", "?") == "[small 0.5] first ?"
    workspace.assistant("bot", "second", context={"prompt": "third"})
    workspace.until_ready("bot")
    workspace.delete("graphs", "second")
    until_gone(workspace, "second")
    assert own_server.answer("writer", "?") == "[small 0.5] first ?", "what was never the second's is not emptied"
    a_graph(workspace, own_server.url, "second", graphId="writer", defaults={"context": {"prompt": "second"}}, **CREATE)
    workspace.until_not_ready("OwnedByAnother", "second")
    workspace.delete("graphs", "writer")
    workspace.until_ready("second")
    assert own_server.answer("writer", "?") == "[small 0.5] second ?"


def test_when_somebody_deletes_it_on_the_server_it_is_made_again_as_it_was(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer
) -> None:
    a_graph(workspace, own_server.url, resync=1, defaults={"context": {"temperature": 1}}, **CREATE)
    workspace.until_ready("writer", "graphs")
    schemas = workspace.status("writer", "graphs")["schemas"]
    assert own_server.request("DELETE", f"/assistants/{WRITER_ID}").status == 204
    workspace.assistant("bot", "writer", context={"temperature": "hot"})
    workspace.until_not_ready("SchemaRefused")
    eventually(lambda: own_server.assistant(WRITER_ID))
    again = content(own_server, WRITER_ID)
    assert (again["name"], again["description"], again["context"]) == ("writer", "", {"temperature": 1})
    assert own_server.answer("writer", "?") == "[small 1] You are helpful. ?"
    assert workspace.status("writer", "graphs")["schemas"] == schemas
    workspace.edit(context={"temperature": "cold"})
    workspace.until_versions(2)
    workspace.until_not_ready("SchemaRefused")
