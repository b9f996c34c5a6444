"""Many graphs, many servers, many clusters: nobody is in anybody's way."""

from pathlib import Path

from e2e.copies import NUMBER, OWNER, Json, a_graph, content, own_id, owner, until_gone, until_resynced
from harness.controlplane import ControlPlane, FaultProxy
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace
from harness.support.walk import comes_to, complaints


def bots_of(workspace: Workspace) -> list[tuple[Workspace, str, Json, str]]:
    """For three Graphs, of which two are the same graph: an Assistant's spec and its answer."""
    who = workspace.namespace
    told: list[tuple[str, Json, str]] = [
        ("writer", {"context": {"prompt": f"{who} writer"}}, f"[small 0.5] {who} writer ?"),
        ("author", {"context": {"prompt": f"{who} author"}}, f"[small 0.5] {who} author ?"),
        ("routes", {"config": {"configurable": {"route": who}}}, f"route: {who}"),
    ]
    return [(workspace, *each) for each in told]


def test_many_graphs_of_two_namespaces_on_one_server(
    operator_kubeconfig: Path, installed: ControlPlane, workspace: Workspace, server: LangGraphServer, tmp_path: Path
) -> None:
    with (
        a_workspace(installed) as other,
        OperatorProcess(operator_kubeconfig, tmp_path / "operator.log") as operator,
    ):
        bots = [*bots_of(workspace), *bots_of(other)]
        for where, name, spec, _ in bots:
            a_graph(where, server.url, name, graphId="router" if name == "routes" else "writer", resync=1)
            where.assistant(f"{name}-bot", name, **spec)
        answers = {own_id(where, f"{name}-bot"): answer for where, name, _, answer in bots}
        for where, name, _, _ in bots:
            where.until_ready(f"{name}-bot")
        assert {copy: server.answer(copy, "?") for copy in answers} == answers
        for where, name, _, _ in bots_of(other):
            where.delete("graphs", name)
            where.delete("assistants", f"{name}-bot")
        for where, name, _, _ in bots_of(other):
            until_gone(where, f"{name}-bot")
        stay = {copy: answer for copy, answer in answers.items() if workspace.namespace in answer}
        assert {copy: server.assistant(copy) is not None for copy in answers} == {
            copy: copy in stay for copy in answers
        }
        assert {copy: server.answer(copy, "?") for copy in stay} == stay
        assert complaints(operator) == []


def test_versions_of_graphs_on_two_servers(
    operator_kubeconfig: Path,
    workspace: Workspace,
    server: LangGraphServer,
    own_server: LangGraphServer,
    tmp_path: Path,
) -> None:
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log") as operator:
        copy = own_id(workspace)
        a_graph(workspace, server.url, "here", graphId="writer")
        a_graph(workspace, own_server.url, "there", graphId="writer")
        workspace.assistant("bot", "here", context={"prompt": "1"})
        workspace.until_ready()
        workspace.edit(graphRef={"name": "there"}, context={"prompt": "2"})
        workspace.until_active(2)
        assert own_server.answer(copy, "?") == "[small 0.5] 2 ?"
        eventually(lambda: server.assistant(copy) is None)
        workspace.edit(versioning={"activeVersion": 1})
        workspace.until_active(1)
        assert server.answer(copy, "?") == "[small 0.5] 1 ?"
        eventually(lambda: own_server.assistant(copy) is None)
        comes_to(lambda: [each["server"] for each in workspace.status()["copies"]], [server.url])
        assert complaints(operator) == []


def test_two_clusters_on_one_server(
    operator_kubeconfig: Path, workspace: Workspace, server: LangGraphServer, installed: ControlPlane, tmp_path: Path
) -> None:
    """The same namespace and name in both: one after the other here, the second knowing nothing of the first."""
    log, flag = tmp_path / "operator.log", f"--namespace={workspace.namespace}"
    blue, green = (
        OperatorProcess(operator_kubeconfig, log, flag, f"--cluster-name={name}") for name in ("blue", "green")
    )
    with FaultProxy(installed, server.url, tls=False) as proxy:
        with blue:
            a_graph(workspace, proxy.url, resync=1)
            workspace.assistant("bot", "writer", context={"prompt": "blue"})
            workspace.until_ready()
        first = own_id(workspace, cluster="blue")
        left = server.assistant(first)
        assert left
        assert (left["metadata"][OWNER], left["metadata"][NUMBER]) == (owner(workspace, cluster="blue"), 1)
        workspace.patch("assistants", "bot", {"metadata": {"finalizers": None}})
        workspace.delete("assistants", "bot")
        until_gone(workspace)
        eventually(lambda: workspace.versions() == [])
        with green:
            workspace.assistant("bot", "writer", context={"prompt": "green"})
            workspace.until_ready()
            second = own_id(workspace, cluster="green")
            told = content(server, second)
            assert (told["context"], told["metadata"][OWNER]) == (
                {"prompt": "green"},
                owner(workspace, cluster="green"),
            )
            until_resynced(proxy)
            assert server.assistant(first) == left
            workspace.delete("assistants", "bot")
            until_gone(workspace)
            assert (server.assistant(second), server.assistant(first)) == (None, left)
        with blue:
            # Its own cluster finds it, as a copy that nobody owns any more.
            eventually(lambda: server.assistant(first) is None)
    assert complaints(blue) == []
