"""The API server goes away and comes back at one address: the process goes on."""

import time
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import assert_history

from .conftest import Start


@pytest.mark.parametrize("end", [ControlPlane.kill_apiserver, ControlPlane.stop_apiserver], ids=["killed", "stopped"])
def test_an_edit_after_its_return_is_a_version(place: Workspace, start: Start, end: object) -> None:
    process = start()
    place.graph(defaultAssistant={"policy": "None"})
    place.assistant(context={"prompt": 0})
    place.until_ready()
    assert callable(end)
    end(place.plane)
    place.plane.start_apiserver()
    place.edit(context={"prompt": 1})
    assert_history(place.until_versions(2), range(2))
    eventually(lambda: process.get("/readyz") == "ok\n")


def assert_ends_at_once(kubeconfig: Path, log: Path) -> None:
    """A SIGTERM is heard while nothing can be reached."""
    another = OperatorProcess(kubeconfig, log)
    another.start(wait=False)
    eventually(lambda: "failed watch of assistants" in log.read_text())
    asked = time.monotonic()
    assert another.terminate() == 0
    assert time.monotonic() - asked < 5


def test_it_may_start_after_the_operator(
    place: Workspace, start: Start, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    place.graph(defaultAssistant={"policy": "None"})
    place.assistant(context={"prompt": 0})
    place.plane.stop_apiserver()
    process = start(wait=False)
    eventually(lambda: "failed watch of assistants in all namespaces" in process.log.read_text())
    assert process.get("/healthz") == "ok\n"
    assert process.get("/readyz") is None
    assert_ends_at_once(operator_kubeconfig, tmp_path / "another.log")
    place.plane.start_apiserver()
    assert_history(place.until_versions(1), range(1))
    eventually(process.is_ready)
