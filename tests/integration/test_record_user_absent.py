"""--record-user without deploy/record-user: anyone can write the annotation, so no user is named."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import Refused
from harness.support.histories import assert_history
from harness.support.walk import complaints

POLICY = str(Path(__file__).parents[2] / "deploy/record-user")
BY = "assistant-operator.dev/changed-by"


@pytest.fixture
def recording(workspace: Workspace, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Where no policy has an effect, also none that was removed a moment ago."""
    workspace.assistant("probe")
    forged = {"metadata": {"annotations": {BY: "eve"}}}
    eventually(lambda: BY in workspace.patch("assistants", "probe", forged)["metadata"].get("annotations", {}))
    workspace.delete("assistants", "probe")
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log", "--record-user") as process:
        yield process
        assert complaints(process) == []


def edit(workspace: Workspace, prompt: int, by: str | None = None) -> Any:
    body: dict[str, Any] = {"spec": {"context": {"prompt": prompt}}}
    if by:
        body["metadata"] = {"annotations": {BY: by}}
    return workspace.patch("assistants", "bot", body)


def users(workspace: Workspace) -> list[object]:
    return [each["spec"]["change"].get("user") for each in workspace.versions()]


def test_without_the_policy_no_user_is_known_and_the_log_says_why(
    workspace: Workspace, recording: OperatorProcess
) -> None:
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": 0})
    edit(workspace, 1)
    status = workspace.until_active(2)
    assert users(workspace) == [None, None]
    assert "user" not in str(status["activations"])
    told = f"unknown user of an edit namespace={workspace.namespace} "
    (warning,) = [line for line in recording.log.read_text().splitlines() if told in line]
    assert "it has no annotation; is deploy/record-user installed?" in warning


def test_without_the_policy_a_forged_name_is_not_believed(workspace: Workspace, recording: OperatorProcess) -> None:
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": 0})
    for prompt in (1, 2, 3):
        edit(workspace, prompt, by="eve")
    status = workspace.until_active(4)
    assert_history(workspace.versions(), range(4))
    assert users(workspace) == [None] * 4
    assert "eve" not in str(status)
    assert "eve" not in recording.log.read_text()


def test_a_policy_that_is_installed_later_takes_effect_without_a_restart(
    workspace: Workspace, recording: OperatorProcess
) -> None:
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"prompt": 0})
    workspace.until_active(1)
    workspace.plane.kubectl("apply", "-k", POLICY)
    try:
        edits = iter(range(1, 10_000))

        def is_named() -> bool:
            with suppress(
                Refused
            ):  # the policy needs the kind, which the API server knows some seconds after its start
                edit(workspace, next(edits), by="eve")
            workspace.until_ready()
            return "admin" in users(workspace)

        eventually(is_named)
        assert "eve" not in users(workspace)
    finally:
        workspace.plane.kubectl("delete", "-k", POLICY)
