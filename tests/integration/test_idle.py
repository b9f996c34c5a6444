"""What is settled costs nothing, and an edit costs what it must: counted in the API server's own audit log."""

import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.histories import a_workspace, writes_since
from harness.support.walk import comes_to, ready, until_collected

Json = dict[str, Any]
SCHEMA = {"type": "object", "properties": {"temperature": {"type": "number", "maximum": 2}}}


@pytest.fixture(scope="module")
def workspace(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def operator(
    workspace: Workspace, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("idle") / "operator.log") as process:
        yield process
    log = [line for line in process.log.read_text().splitlines() if workspace.namespace in line]
    assert [line for line in log if " ERROR " in line or " WARNING " in line] == []


def edit(workspace: Workspace, name: str, prompts: range, **more: Any) -> None:
    for prompt in prompts:
        workspace.edit(name, context={"prompt": prompt, **more})


def now(workspace: Workspace) -> int:
    return workspace.plane.audit_since()[1]


def writes(workspace: Workspace, since: int = 0) -> list[str]:
    """Only in the namespace at hand: others may just be in the course of being deleted."""
    return writes_since(workspace.plane, since, workspace.namespace)


def until_quiet(workspace: Workspace, seconds: float = 3.0) -> None:
    """Until the operator wrote nothing for so long."""
    seen, since = -1, time.monotonic()

    def is_quiet() -> bool:
        nonlocal seen, since
        if (count := len(writes(workspace))) != seen:
            seen, since = count, time.monotonic()
        return time.monotonic() - since > seconds

    eventually(is_quiet)


@pytest.fixture(scope="module")
def settled(workspace: Workspace, operator: OperatorProcess) -> Workspace:
    """One of each that an operator might be tempted to write to again and again."""
    workspace.graph("followed", contextSchema=SCHEMA, defaults={"context": {"model": "small", "temperature": 1}})
    workspace.graph("unusable", contextSchema={"type": "nonsense"}, defaultAssistant={"policy": "None"})
    until_collected(workspace.plane)
    make_the_ready(workspace)
    make_the_stalled(workspace)
    workspace.graph("conflicting", defaultAssistant={"name": "plain"})
    workspace.until_not_ready("NameConflict", "conflicting", "graphs")
    until_quiet(workspace)
    return workspace


def make(workspace: Workspace, name: str, edits: int = 0, graph: str = "followed", **spec: Any) -> None:
    workspace.assistant(name, graph, context={"prompt": 0}, **spec)
    edit(workspace, name, range(1, edits + 1))


def make_the_ready(workspace: Workspace) -> None:
    make(workspace, "plain")
    make(workspace, "pruned", edits=5, versioning={"historyLimit": 2})
    make(workspace, "pinned", edits=2)
    workspace.edit("pinned", versioning={"activeVersion": 1})
    for name in ("adopted", "left-behind"):
        make(workspace, name, edits=2)
        workspace.until_ready(name)
        workspace.delete("assistants", name, propagationPolicy="Orphan")
        eventually(lambda name=name: workspace.get("assistants", name) is None)  # type: ignore[misc]
    workspace.assistant("adopted", "followed", context={"prompt": 2})
    workspace.until_ready("followed")
    by_a_person = f"{workspace.path('assistants', 'followed')}?fieldManager=somebody"
    workspace.client.demand("PATCH", by_a_person, {"spec": {"context": {"temperature": 2}}}, MERGE)
    workspace.edit("followed", plural="graphs", defaults={"context": {"model": "large", "temperature": 0}})
    comes_to(lambda: _context(workspace, "followed"), {"model": "large", "temperature": 2})
    for name, active in {"plain": 1, "pruned": 6, "pinned": 1, "adopted": 3, "followed": 3}.items():
        workspace.until_active(active, name)


def make_the_stalled(workspace: Workspace) -> None:
    make(workspace, "pinned-to-none", versioning={"activeVersion": 9})
    make(workspace, "manual", versioning={"activation": "Manual"})
    make(workspace, "without-graph", graph="missing")
    make(workspace, "unjudged", graph="unusable")
    make(workspace, "invalid")
    make(workspace, "suspended")
    for name in ("invalid", "suspended"):
        workspace.until_ready(name)
    edit(workspace, "invalid", range(1, 2), temperature=9)
    workspace.edit("suspended", suspend=True)
    edit(workspace, "suspended", range(1, 2))
    workspace.until_not_ready("PinnedVersionNotFound", "pinned-to-none")
    workspace.until_not_ready("AwaitingActivation", "manual")
    workspace.until_not_ready("GraphNotFound", "without-graph")
    workspace.until_not_ready("SchemaUnusable", "unjudged")
    workspace.until_not_ready("SchemaRefused", "invalid")
    comes_to(lambda: ready(workspace, "suspended"), ("True", "Suspended"))


def _context(workspace: Workspace, name: str) -> Json:
    found = workspace.get("assistants", name)
    context: Json = found["spec"]["context"] if found else {}
    return context


def test_a_settled_world_is_left_alone_for_half_a_minute(settled: Workspace) -> None:
    position = now(settled)
    time.sleep(30)
    assert writes(settled, position) == []


@pytest.mark.parametrize("end", ["terminate", "kill"])
def test_a_restart_over_a_settled_world_writes_nothing(settled: Workspace, operator: OperatorProcess, end: str) -> None:
    position = now(settled)
    getattr(operator, end)()
    operator.start()
    time.sleep(6)
    assert writes(settled, position) == []


def test_an_edit_costs_one_version_and_one_status_and_in_the_background_two_marks(settled: Workspace) -> None:
    settled.assistant("dear", context={"prompt": 0})
    settled.until_ready("dear")
    until_quiet(settled, 1.5)
    for number in (2, 3):
        position = now(settled)
        edit(settled, "dear", range(number, number + 1))
        settled.until_active(number, "dear")
        until_quiet(settled, 1.5)
        assert writes(settled, position) == [
            f"create assistantversions dear-v{number}",
            "patch assistants/status dear",
            f"patch assistantversions/status dear-v{number}",
            f"patch assistantversions/status dear-v{number - 1}",
        ]


def test_a_burst_costs_its_versions_and_at_most_ten_statuses_a_second(
    settled: Workspace, operator: OperatorProcess
) -> None:
    """So where a hundred versions take a second, an edit costs 1.1 writes."""
    settled.assistant("many", context={"prompt": 0}, versioning={"historyLimit": 1000})
    settled.until_ready("many")
    until_quiet(settled, 1.5)
    position = now(settled)
    operator.send(signal.SIGSTOP)
    edit(settled, "many", range(1, 101))
    operator.send(signal.SIGCONT)
    started = time.monotonic()
    settled.until_versions(101, "many")
    took = time.monotonic() - started
    path = writes(settled, position)
    del path[path.index("create assistantversions many-v101") + 1 :]
    versions = [f"create assistantversions many-v{number}" for number in range(2, 102)]
    assert [each for each in path if each.startswith("create")] == versions
    assert set(path) - set(versions) == {"patch assistants/status many"}
    assert len(path) <= 102 + 10 * took
