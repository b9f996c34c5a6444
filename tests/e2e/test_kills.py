"""The operator is killed after each of its writes in turn, to whichever API: nothing is done twice, nothing is left."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from e2e.copies import a_graph, asked, is_gone, is_held, is_published, own_id
from harness.controlplane import ControlPlane, DropAfter, FaultProxy
from harness.controlplane.faults import Fault, Request
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.walk import complaints

WRITES = {"POST", "PATCH", "DELETE"}


class Killer:
    """Kills the operator once a certain write of it was done, before it hears of it."""

    def __init__(self) -> None:
        self.operator: OperatorProcess | None = None
        self.proxies: tuple[FaultProxy, ...] = ()
        self.struck = threading.Event()
        self.calls: list[str] = []
        self._left = 0

    def arm(self, number: int) -> None:
        """`number`: which write from now on, from 1."""
        self.struck.clear()
        self.calls.clear()
        self._left = number

    def __call__(self, request: Request) -> Fault | None:
        is_read = request.method not in WRITES or request.path.endswith("/search")
        is_aside = request.path.endswith("/events") or "/graphs/" in request.path
        if is_read or is_aside or self.struck.is_set():
            return None
        self.calls.append(f"{request.method} {request.path}")
        self._left -= 1
        if self._left:
            return None
        assert self.operator
        self.operator.kill()
        self.struck.set()
        return DropAfter()


@pytest.fixture
def killer(installed: ControlPlane, server: LangGraphServer, workspace: Workspace, tmp_path: Path) -> Iterator[Killer]:
    """An operator between two proxies that tell of every write."""
    killer = Killer()
    with ExitStack() as stack:
        cluster = stack.enter_context(FaultProxy(installed))
        langgraph = stack.enter_context(FaultProxy(installed, server.url, tls=False))
        kubeconfig = installed.kubeconfig_for("assistant-operator", "assistant-operator", server=cluster.url)
        flag = f"--namespace={workspace.namespace}"
        operator = stack.enter_context(OperatorProcess(kubeconfig, tmp_path / "operator.log", flag))
        killer.operator, killer.proxies = operator, (cluster, langgraph)
        a_graph(workspace, langgraph.url)
        workspace.until_ready("writer", "graphs")
        cluster.fault = langgraph.fault = killer
        yield killer
        assert complaints(operator) == []


def test_killed_after_any_write_it_goes_on_where_it_was(
    killer: Killer, workspace: Workspace, server: LangGraphServer
) -> None:
    assert killer.operator
    number, done = 0, False
    while not done:
        number += 1
        if not killer.operator.is_running:  # struck by a write that came after all that is waited for
            killer.operator.start()
        name = f"bot-{number}"
        copy = own_id(workspace, name)
        killer.arm(number)
        workspace.assistant(name, "writer", context={"prompt": "1"})
        revive(killer, partial(is_published, workspace, name))
        workspace.edit(name, context={"prompt": "2"})
        revive(killer, partial(is_settled, workspace, name))
        held = server.assistant(copy)
        assert held
        assert (held["version"], held["context"]) == (2, {"prompt": "2"}), killer.calls
        assert len(workspace.versions(name)) == 2
        assert is_held(workspace, name)
        workspace.delete("assistants", name)
        revive(killer, partial(is_gone, workspace, name))
        assert server.assistant(copy) is None, killer.calls
        done = not killer.struck.is_set()
    methods = {call.split(" ")[0] for call in asked(killer.proxies[1])}
    assert methods == {"GET", "POST", "PATCH", "DELETE"}
    assert number > 10, "two versions, marks and numbers on them, statuses, the finalizer twice, three on the server"


def revive(killer: Killer, is_done: Callable[[], bool]) -> None:
    """Wait until it is done; if the operator is struck meanwhile, it is started again, once."""
    assert killer.operator
    eventually(lambda: killer.struck.is_set() or is_done())
    if killer.struck.is_set() and not killer.operator.is_running:
        killer.operator.start()
    eventually(is_done)


def is_settled(workspace: Workspace, name: str) -> bool:
    """Whether both versions have all that is written on them, too."""
    told = [each.get("status", {}) for each in workspace.versions(name)]
    said = [(each.get("serverVersion"), len(each.get("conditions", ()))) for each in told]
    return is_published(workspace, name) and workspace.status(name)["activeVersion"] == 2 and said == [(1, 2), (2, 2)]
