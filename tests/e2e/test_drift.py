"""What is changed, lost or left behind on a server is put right at the next resync; what is not ours is left alone."""

import json
from typing import Any

from e2e.copies import (
    DIGEST,
    NUMBER,
    OWNER,
    POLICY,
    a_graph,
    asked,
    content,
    marks,
    metadata,
    own_id,
    owner,
    until_resynced,
)
from harness.controlplane import Answer, ControlPlane, FaultProxy
from harness.controlplane.faults import Fault, Request
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.langgraph_server.server import WRITER_ID
from harness.support import OperatorProcess, Workspace
from harness.support.walk import OPERATOR, comes_to, events, writes

CREATE: dict[str, Any] = {"defaultAssistant": {"policy": "Create"}}
FLEET = 200


def repairs(workspace: Workspace, name: str = "bot") -> list[str]:
    """What was repaired, as the events tell it."""
    told = [note for kind, reason, note in events(workspace, name) if (kind, reason) == ("Warning", "CopyDrifted")]
    return [note.split(": ", 1)[1] for note in told]


def test_edits_made_there_are_repaired_with_an_event_that_names_the_fields(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer
) -> None:
    a_graph(workspace, own_server.url, resync=1)
    workspace.assistant("bot", "writer", context={"prompt": "1"}, metadata={"team": "a"}, config={"tags": ["t"]})
    workspace.until_ready()
    workspace.edit(context={"prompt": "2"})
    workspace.until_active(2)
    copy, right = own_id(workspace), content(own_server, own_id(workspace))
    foreign = own_server.request("POST", "/assistants", {"graph_id": "writer", "metadata": {OWNER: "default/x"}}).body
    told: list[str] = []

    def repaired(what: str) -> None:
        told.append(what)
        comes_to(lambda: repairs(workspace), told)
        assert content(own_server, copy) == right

    own_server.edit(copy, name="Hacked", context={"prompt": "Be evil.", "model": "x"})
    repaired("it was changed there at /config/tags, /context/model, /context/prompt, /name")
    own_server.edit(copy, metadata={"team": None, NUMBER: 7, "theirs": "stays"})
    assert right
    right["metadata"]["theirs"] = "stays"
    repaired("it was changed there at /metadata/assistant-operator.dev~1version, /metadata/team")
    own_server.edit(copy, description="x")
    repaired("it was changed there at /description")
    own_server.edit(copy, description="y")
    repaired("it was changed there at /description")
    own_server.edit(copy, graph_id="router", metadata={OWNER: None})
    repaired("it was changed there at /graph_id, /metadata/assistant-operator.dev~1owner")
    assert own_server.request("POST", f"/assistants/{copy}/latest", {"version": 1}).status == 200
    del right["metadata"]["theirs"]
    repaired(
        "it was changed there at /configurable/prompt, /metadata/assistant-operator.dev~1digest,"
        " /metadata/assistant-operator.dev~1version"
    )
    assert own_server.request("DELETE", f"/assistants/{copy}").status == 204
    repaired("it was gone")
    assert own_server.assistant(foreign["assistant_id"]) == foreign, "nothing that is not ours is touched"
    assert [each["spec"]["number"] for each in workspace.versions()] == [1, 2], "a repair is no edit"
    assert workspace.status()["activeVersion"] == 2


def test_orphans_are_removed_and_what_others_have_is_not(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer
) -> None:
    workspace.assistant("bot", "writer", context={"prompt": "1"})

    def leave(whose: str, assistant_id: str, **metadata: str) -> str:
        marked = {OWNER: whose, NUMBER: 1, DIGEST: "sha256:0", **metadata}
        body = {"graph_id": "writer", "assistant_id": assistant_id, "context": {"prompt": "left"}, "metadata": marked}
        assert own_server.request("POST", "/assistants", body).status == 200
        return assistant_id

    ghost = leave(owner(workspace, "ghost"), own_id(workspace, "ghost"))
    stays = [
        leave(owner(workspace, "retained"), own_id(workspace, "retained"), **{POLICY: "Retain"}),
        leave(owner(workspace, "ghost", "blue"), own_id(workspace, "ghost", "blue")),
        leave("default/elsewhere/ghost", own_id(workspace, "elsewhere")),
        leave(owner(workspace, "a/b"), own_id(workspace, "a/b")),
        leave(owner(workspace, "ghost"), "00000000-0000-4000-8000-00000000c109"),
        leave(owner(workspace, "bot"), "00000000-0000-4000-8000-00000000c10a"),
    ]
    own_server.edit(WRITER_ID, context={"prompt": "left"}, metadata={OWNER: owner(workspace, "writer")})
    before = [own_server.assistant(each) for each in stays]
    a_graph(workspace, own_server.url, resync=1)
    eventually(lambda: own_server.assistant(ghost) is None)
    eventually(lambda: own_server.answer("writer", "?") == "[small 0.5] You are helpful. ?")
    emptied = content(own_server, WRITER_ID)
    assert emptied["metadata"] == {"created_by": "system"}
    workspace.until_ready()
    assert [own_server.assistant(each) for each in stays] == before


def test_a_wiped_server_is_filled_again(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer
) -> None:
    a_graph(workspace, own_server.url, resync=1, defaults={"context": {"prompt": "default"}}, **CREATE)
    a_graph(workspace, own_server.url, "routes", graphId="router", resync=1)
    names = [f"bot-{number}" for number in range(5)]
    for name in names:
        workspace.assistant(name, "writer", context={"prompt": name})
    workspace.assistant("way", "routes", config={"configurable": {"route": "slow"}})
    for name in (*names, "way", "writer"):
        workspace.until_ready(name)
    copies = [WRITER_ID, *(own_id(workspace, name) for name in (*names, "way"))]
    right = [content(own_server, copy) for copy in copies]
    own_server.wipe()
    comes_to(lambda: [content(own_server, copy) for copy in copies], right)
    assert own_server.answer("writer", "?") == "[small 0.5] default ?"
    comes_to(lambda: repairs(workspace, "way"), ["it was gone"])


class Page(Answer):
    """What a server lists, whatever it is asked for."""

    def body(self) -> Any:
        return json.loads(self.message)


def test_on_a_listing_that_is_not_whole_nothing_is_deleted_and_nothing_repaired(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer, installed: ControlPlane
) -> None:
    marked = {OWNER: owner(workspace, "ghost"), NUMBER: 1, DIGEST: "sha256:0"}
    copy = own_id(workspace, "ghost")
    ghost = {"graph_id": "writer", "assistant_id": copy, "metadata": marked}
    assert own_server.request("POST", "/assistants", ghost).status == 200
    with FaultProxy(installed, own_server.url, tls=False) as proxy:
        a_graph(workspace, proxy.url)
        workspace.assistant("bot", "writer", context={"prompt": "1"})
        workspace.until_ready()
        eventually(lambda: own_server.assistant(copy) is None)
        for trouble in ("repeated", "cut"):
            assert own_server.request("POST", "/assistants", ghost).status == 200
            changed = own_server.edit(own_id(workspace), context={"prompt": "changed there"})
            listed = json.dumps(own_server.assistants())
            proxy.fault = Broken(trouble, listed)
            since = len(proxy.requests)
            workspace.edit("writer", "graphs", server={"resyncPeriodSeconds": 1 if trouble == "cut" else 2})
            eventually(lambda since=since: asked(proxy, since).count("POST /assistants/search") > 6)  # type: ignore[misc]
            assert own_server.assistant(own_id(workspace)) == changed
            assert own_server.assistant(copy)
            proxy.fault = None
            comes_to(lambda: content(own_server, own_id(workspace))["context"], {"prompt": "1"})
            eventually(lambda: own_server.assistant(copy) is None)


class Broken:
    """A listing of which the first page comes again and again, or of which the second page fails."""

    def __init__(self, trouble: str, listed: str) -> None:
        self._is_repeated = trouble == "repeated"
        self._listed = listed
        self._searches = 0

    def __call__(self, request: Request) -> Fault | None:
        if request.path == "/info":
            self._searches = 0
        if not request.path.endswith("/search"):
            return None
        self._searches += 1  # that for the graph first, then page by page
        if self._is_repeated:
            return Page(200, "", self._listed)
        return Answer(500, "InternalError", "bug") if self._searches == 3 else None


def is_settled(assistant: dict[str, Any]) -> bool:
    """Whether it is said to be published."""
    stated = assistant.get("status", {}).get("conditions", ())
    return ("Published", "True") in {(each["type"], each["status"]) for each in stated}


def is_marked(version: dict[str, Any]) -> bool:
    """Whether it has all that is written on a version."""
    told = version.get("status", {})
    return told.get("serverVersion") == 1 and len(told.get("conditions", ())) == 2


def test_a_settled_fleet_costs_no_write_and_few_requests(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer, installed: ControlPlane
) -> None:
    with FaultProxy(installed, own_server.url, tls=False) as proxy:
        a_graph(workspace, proxy.url, resync=5)
        for number in range(FLEET):
            workspace.assistant(f"bot-{number}", "writer", context={"prompt": str(number)})

        def published() -> int:
            return sum(bool(each["metadata"].get(NUMBER)) for each in own_server.assistants())

        comes_to(published, FLEET)
        eventually(lambda: all(map(is_settled, workspace.all("assistants"))))
        made = asked(proxy)
        assert made.count("POST /assistants") == FLEET
        assert not [each for each in made if each.startswith(("PATCH", "DELETE"))]
        eventually(lambda: all(map(is_marked, workspace.all("assistantversions"))))
        _, quiet = installed.audit_since()
        operator.kill()
        since = len(proxy.requests)
        operator.start()
        until_resynced(proxy, 2)
        listing = [each for each in asked(proxy, since) if each != "GET /info"]
        probe = ["POST /assistants/search", "GET /assistants/{id}/schemas"]
        # Its release, the graph, its schemas; then 200 assistants and the server's own one, and an empty page.
        assert listing[:5] == [*probe, *["POST /assistants/search"] * 3]
        assert set(listing) == set(probe)
        assert writes(workspace, quiet) == []
        entries, _ = installed.audit_since(quiet)
        about = [
            (each["verb"], each.get("objectRef", {})) for each in entries if each["user"].get("username") == OPERATOR
        ]
        listed = ("list", "assistantversions") in [(verb, what.get("resource")) for verb, what in about]
        here = [what for verb, what in about if verb == "get" and what.get("namespace") == workspace.namespace]
        assert (listed, here) == (True, []), "what the spec says needs no reading"


def test_a_copy_that_was_marked_to_stay_is_marked_so_at_once(
    operator: OperatorProcess, workspace: Workspace, server: LangGraphServer
) -> None:
    a_graph(workspace, server.url)
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_ready()
    workspace.edit(deletionPolicy="Retain")
    comes_to(lambda: metadata(server, own_id(workspace)), {**marks(workspace, 1), POLICY: "Retain"})
    workspace.edit(deletionPolicy="Delete")
    comes_to(lambda: metadata(server, own_id(workspace)), marks(workspace, 1))
    assert repairs(workspace) == []
