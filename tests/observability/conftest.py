"""An operator whose metrics have all been changed, and the text of its /metrics."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.fixtures import control_plane, installed, operator_kubeconfig
from harness.support.histories import a_workspace

from .figures import value

__all__ = ["control_plane", "installed", "operator_kubeconfig"]
UNUSED = "http://127.0.0.1:9"
"""The address of no server."""


@dataclass(frozen=True)
class Busy:
    """A leader and its namespace."""

    operator: OperatorProcess
    workspace: Workspace

    def figure(self, metric: str, /, **labels: str) -> float | None:
        return value(self.operator.get("/metrics") or "", metric, **labels)

    def until(self, metric: str, /, **labels: str) -> None:
        eventually(lambda: (self.figure(metric, **labels) or 0) > 0)


@pytest.fixture(scope="package")
def busy(
    installed: ControlPlane, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Busy]:
    log = tmp_path_factory.mktemp("observed") / "operator.log"
    flags = ("--leader-elect", "--lease-namespace=assistant-operator", "--log-format=json", "--log-level=debug")
    with a_workspace(installed) as workspace, OperatorProcess(operator_kubeconfig, log, *flags) as operator:
        yield Busy(operator, workspace)


@pytest.fixture(scope="package")
def exposition(busy: Busy) -> str:
    """The text of /metrics after versions were created, pruned, restored, pinned, refused and not published."""
    _change_all_metrics(busy.workspace)
    busy.until("versions_pruned_total")
    busy.until("versions_restored_total")
    busy.until("events_total", reason="Activated")
    busy.until("stalled", reason="SchemaRefused")
    busy.until("publications_total", result="ServerUnreachable")
    busy.until("server_requests_total", code="<error>")
    busy.until("versions_made_total", kind="Reverted")
    busy.until("stalled", kind="AssistantAlias", reason="VersionNotFound")
    eventually(lambda: busy.figure("alias_moves_total") == 2)
    # Its version was deleted, and is validated after it was created again.
    busy.until("ready", kind="AssistantAlias", name="production")
    shown = busy.operator.get("/metrics")
    assert shown
    return shown


def _change_all_metrics(workspace: Workspace) -> None:
    workspace.assistant(context={"prompt": "one"})
    workspace.until_active(1)
    workspace.edit(context={"prompt": "two"})
    workspace.edit(context={"prompt": "one"})
    workspace.until_active(3)
    workspace.alias(version=1)
    workspace.until_ready("production", "assistantaliases")
    workspace.edit("production", "assistantaliases", version=3)
    workspace.until_ready("production", "assistantaliases")
    workspace.alias("lost", version=9)
    workspace.edit(versioning={"activeVersion": 1, "historyLimit": 1})
    workspace.until_active(1)
    eventually(lambda: workspace.get("assistantversions", "bot-v2") is None)
    workspace.delete("assistantversions", "bot-v3")
    workspace.graph("strict", contextSchema={"required": ["prompt"]}, defaultAssistant={"policy": "None"})
    workspace.assistant("broken", graph="strict", context={})
    server = {"url": UNUSED}
    workspace.graph("remote", server=server, contextSchema={}, configSchema={}, defaultAssistant={"policy": "None"})
    workspace.assistant("far", graph="remote", context={"prompt": "hello"})
