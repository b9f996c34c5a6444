"""One server under two addresses, one server's data on two, one cluster under two names: nothing is lost or left."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from e2e.copies import OWNER, Json, a_graph, asked, is_gone, own_id, owner, place, until_gone, until_resynced
from harness.controlplane import ControlPlane, FaultProxy
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.langgraph_server.server import WRITER_ID
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, complaints, events

CREATE: dict[str, Any] = {"defaultAssistant": {"policy": "Create"}, "defaults": {"context": {"prompt": "d"}}}


def a_cron(server: LangGraphServer, assistant_id: str) -> None:
    """It goes with its assistant."""
    body = {"assistant_id": assistant_id, "schedule": "0 0 1 1 *", "input": {"question": "?"}}
    assert server.request("POST", "/runs/crons", body).status == 200


def crons(server: LangGraphServer, assistant_id: str) -> int:
    return len(server.request("POST", "/runs/crons/search", {"assistant_id": assistant_id}).body)


def history(server: LangGraphServer, assistant_id: str) -> list[int]:
    """The numbers of the server's own versions, oldest first."""
    rows = server.request("POST", f"/assistants/{assistant_id}/versions", {"limit": 100}).body
    return [each["version"] for each in reversed(rows)]


@pytest.fixture
def operator(operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path) -> Iterator[OperatorProcess]:
    flag = f"--namespace={workspace.namespace}"
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log", flag) as process:
        yield process
    assert complaints(process) == []


@contextmanager
def addresses(plane: ControlPlane, url: str, count: int) -> Iterator[list[FaultProxy]]:
    with ExitStack() as stack:
        yield [stack.enter_context(FaultProxy(plane, url, tls=False)) for _ in range(count)]


def move(workspace: Workspace, url: str) -> None:
    workspace.edit("writer", "graphs", server={"url": url})


def copies(workspace: Workspace, name: str = "bot") -> list[Json]:
    found: list[Json] = workspace.status(name).get("copies", [])
    return found


def test_the_same_address_in_another_spelling_costs_nothing(
    operator: OperatorProcess, workspace: Workspace, server: LangGraphServer
) -> None:
    url = server.url.replace("127.0.0.1", "localhost")
    a_graph(workspace, url)
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_ready()
    before, copy = server.assistant(own_id(workspace)), own_id(workspace)
    for spelled in (url.replace("localhost", "LocalHost"), f"{url}/", url):
        move(workspace, spelled)
        comes_to(partial(copies, workspace), [place(workspace, spelled.rstrip("/"), copy)])
        workspace.until_ready()
        assert server.assistant(copy) == before


def test_another_address_of_one_server_keeps_the_copy_its_history_and_its_crons(
    operator: OperatorProcess, workspace: Workspace, installed: ControlPlane, own_server: LangGraphServer
) -> None:
    with addresses(installed, own_server.url, 2) as (first, second):
        a_graph(workspace, first.url, **CREATE)
        workspace.assistant("bot", "writer", context={"prompt": "1"})
        workspace.until_ready()
        workspace.edit(context={"prompt": "2"})
        workspace.until_active(2)
        workspace.until_ready("writer")
        ids = {"bot": own_id(workspace), "writer": WRITER_ID}
        for copy in ids.values():
            a_cron(own_server, copy)
        for there in (second, first):
            move(workspace, there.url)
            for name, copy in ids.items():
                comes_to(partial(copies, workspace, name), [place(workspace, there.url, copy, name)])
                workspace.until_ready(name)
                assert crons(own_server, copy) == 1
        deletions = [each for proxy in (first, second) for each in asked(proxy) if each.startswith("DELETE")]
        assert deletions == [], "no copy that should be there is deleted, not even for a moment"
        assert history(own_server, ids["bot"])[:2] == [1, 2]
        assert own_server.answer(ids["bot"], "?") == "[small 0.5] 2 ?"
        assert own_server.answer("writer", "?") == "[small 0.5] d ?"
        assert [each for name in ids for each in events(workspace, name) if each[1] == "CopyDrifted"] == []
        workspace.delete("assistants", "bot")
        until_gone(workspace)
        assert own_server.assistant(ids["bot"]) is None


def test_a_server_that_moved_with_its_data_keeps_its_history_and_the_old_one_is_cleared(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer, tmp_path: Path
) -> None:
    a_graph(workspace, own_server.url)
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_ready()
    workspace.edit(context={"prompt": "2"})
    workspace.until_active(2)
    copy = own_id(workspace)
    a_cron(own_server, copy)
    own_server.copy_to(tmp_path / "moved")
    with LangGraphServer(tmp_path / "moved") as moved:
        move(workspace, moved.url)
        both = [place(workspace, url, copy) for url in (moved.url, own_server.url)]
        comes_to(partial(copies, workspace), both)
        workspace.until_ready()
        assert copies(workspace) == both, "the old one may come back"
        assert (history(moved, copy), crons(moved, copy)) == ([1, 2], 1)
        workspace.edit(context={"prompt": "3"})
        workspace.until_active(3)
        own_server.start()
        comes_to(partial(copies, workspace), [place(workspace, moved.url, copy)])
        assert own_server.assistant(copy) is None
        assert (history(moved, copy)[:3], crons(moved, copy)) == ([1, 2, 3], 1)
        assert moved.answer(copy, "?") == "[small 0.5] 3 ?"


def test_two_servers_with_the_same_data_are_not_taken_for_one(
    operator: OperatorProcess, workspace: Workspace, own_server: LangGraphServer, tmp_path: Path
) -> None:
    a_graph(workspace, own_server.url)
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_ready()
    copy = own_id(workspace)
    own_server.copy_to(tmp_path / "moved")
    own_server.start()
    with LangGraphServer(tmp_path / "moved") as moved:
        move(workspace, moved.url)
        comes_to(partial(copies, workspace), [place(workspace, moved.url, copy)])
        assert own_server.assistant(copy) is None
        assert moved.answer(copy, "?") == "[small 0.5] 1 ?"


def owners(server: LangGraphServer) -> dict[str, str]:
    """Of each assistant that has one."""
    marked = {each["assistant_id"]: each["metadata"].get(OWNER) for each in server.assistants()}
    return {assistant_id: whose for assistant_id, whose in marked.items() if whose}


@pytest.mark.parametrize("is_recorded", [pytest.param(True, id="recorded"), pytest.param(False, id="an old status")])
def test_a_cluster_that_gets_another_name_takes_its_copies_along(
    operator_kubeconfig: Path, workspace: Workspace, own_server: LangGraphServer, tmp_path: Path, *, is_recorded: bool
) -> None:
    log, flag = tmp_path / "operator.log", f"--namespace={workspace.namespace}"
    foreign = {OWNER: "default/elsewhere/bot"}
    body = {"graph_id": "writer", "assistant_id": own_id(workspace, "x"), "metadata": foreign}
    assert own_server.request("POST", "/assistants", body).status == 200
    with OperatorProcess(operator_kubeconfig, log, flag):
        a_graph(workspace, own_server.url, resync=2, **(CREATE if is_recorded else {}))
        for name in ("bot", "doomed"):
            workspace.assistant(name, "writer", context={"prompt": name})
            workspace.until_ready(name)
        if is_recorded:
            workspace.until_ready("writer", "graphs")
            a_cron(own_server, WRITER_ID)
    old = own_id(workspace)
    workspace.delete("assistants", "doomed")
    if not is_recorded:
        without = [{"op": "remove", "path": "/status/copies/0/owner"}]
        for name in ("bot", "doomed"):
            workspace.patch("assistants", f"{name}/status", without, "application/json-patch+json")
    new = own_id(workspace, cluster="prod")
    expected = {own_id(workspace, "x"): "default/elsewhere/bot", new: owner(workspace, cluster="prod")}
    if is_recorded:
        expected[WRITER_ID] = owner(workspace, "writer", "prod")
    with OperatorProcess(operator_kubeconfig, log, flag, "--cluster-name=prod") as renamed:
        comes_to(lambda: owners(own_server), expected)
        until_gone(workspace, "doomed")
        comes_to(partial(copies, workspace), [place(workspace, own_server.url, new, cluster="prod")])
        assert own_server.assistant(old) is None
        workspace.until_ready()
        assert own_server.answer(new, "?") == "[small 0.5] bot ?"
        if is_recorded:
            the_default_is_taken_over(workspace, own_server)
        drifted = [each for name in ("bot", "writer") for each in events(workspace, name) if each[1] == "CopyDrifted"]
        assert drifted == [], "nothing was changed there by anybody else"
        workspace.delete("assistants", "bot")
        until_gone(workspace)
        assert own_server.assistant(new) is None
        assert complaints(renamed) == []


def the_default_is_taken_over(workspace: Workspace, server: LangGraphServer) -> None:
    taken = [place(workspace, server.url, WRITER_ID, "writer", "prod")]
    comes_to(partial(copies, workspace, "writer"), taken)
    workspace.until_ready("writer", "graphs")
    assert crons(server, WRITER_ID) == 1
    workspace.edit("writer", "graphs", defaults={"context": {"prompt": "e"}})
    workspace.until_active(2, "writer")
    assert server.answer("writer", "?") == "[small 0.5] e ?"


def test_two_clusters_keep_what_is_theirs_when_one_takes_another_name(
    operator_kubeconfig: Path,
    workspace: Workspace,
    installed: ControlPlane,
    own_server: LangGraphServer,
    tmp_path: Path,
) -> None:
    """The default assistant of the graph belongs to another cluster, with the same namespace and name."""
    theirs = owner(workspace, "writer", "blue")
    own_server.edit(WRITER_ID, context={"prompt": "blue"}, metadata={OWNER: theirs})
    before = own_server.assistant(WRITER_ID)
    log, flag = tmp_path / "operator.log", f"--namespace={workspace.namespace}"
    with FaultProxy(installed, own_server.url, tls=False) as proxy:
        for name in ("green", "red"):
            with OperatorProcess(operator_kubeconfig, log, flag, f"--cluster-name={name}"):
                if is_gone(workspace, "writer", "graphs"):
                    a_graph(workspace, proxy.url, resync=1, **CREATE)
                workspace.until_not_ready("OwnedByAnother", "writer")
                mine = place(workspace, proxy.url, WRITER_ID, "writer", name)
                eventually(lambda mine=mine: mine in copies(workspace, "writer"))  # type: ignore[misc]
                until_resynced(proxy)
                assert own_server.assistant(WRITER_ID) == before
        with OperatorProcess(operator_kubeconfig, log, flag, "--cluster-name=red"):
            workspace.delete("graphs", "writer")
            until_gone(workspace, "writer")
            assert own_server.assistant(WRITER_ID) == before
