"""What happened while no operator ran is found again, or counted where nobody holds it any more."""

import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace, assert_history

Json = dict[str, Any]
EVERY = {"historyLimit": 1000}


@pytest.fixture
def workspace(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


@pytest.fixture
def operator(operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path) -> Iterator[OperatorProcess]:
    """Not started yet; it looks at one namespace only."""
    process = OperatorProcess(operator_kubeconfig, tmp_path / "operator.log", f"--namespace={workspace.namespace}")
    yield process
    process.kill()
    assert "Traceback" not in process.log.read_text()


def edit(workspace: Workspace, numbers: range, name: str = "bot") -> None:
    for number in numbers:
        workspace.edit(name, context={"prompt": number})


def missed(workspace: Workspace) -> dict[str, list[str]]:
    """The notes of the events that tell of missed edits, by assistant."""
    found: dict[str, list[str]] = {}
    path = f"/apis/events.k8s.io/v1/namespaces/{workspace.namespace}/events"
    for event in workspace.client.demand("GET", path)["items"]:
        if event["reason"] == "GenerationsMissed":
            assert event["type"] == "Warning"
            found.setdefault(event["regarding"]["name"], []).append(event["note"])
    return found


def assert_nothing_missed(workspace: Workspace, name: str = "bot") -> None:
    assert "missedGenerations" not in workspace.until_ready(name)
    assert missed(workspace) == {}


@pytest.mark.parametrize("stop", ["kill", "terminate"])
def test_fifty_edits_while_it_is_down_are_recovered(workspace: Workspace, operator: OperatorProcess, stop: str) -> None:
    operator.start()
    workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    getattr(operator, stop)()
    edit(workspace, range(1, 51))
    operator.start()
    assert_history(workspace.until_versions(51), range(51))
    assert_nothing_missed(workspace)


def test_what_was_deleted_or_made_anew_while_it_was_down_is_seen_so(
    workspace: Workspace, operator: OperatorProcess
) -> None:
    operator.start()
    for name in ("gone", "anew"):
        workspace.assistant(name, context={"prompt": "old"})
        workspace.until_ready(name)
    operator.kill()
    for name in ("gone", "anew"):
        workspace.delete("assistants", name)
        # The garbage collector looks for new kinds every 30 s.
        eventually(lambda name=name: workspace.versions(name) == [])  # type: ignore[misc]
    workspace.assistant("anew", context={"prompt": 0})
    edit(workspace, range(1, 4), "anew")
    operator.start()
    assert_history(workspace.until_versions(4, "anew"), range(4), "anew")
    assert workspace.until_ready("anew")["latestVersion"] == 4
    assert workspace.versions("gone") == []
    assert missed(workspace) == {}


def test_they_are_recovered_after_a_restart_of_the_api_server_too(
    workspace: Workspace, operator: OperatorProcess
) -> None:
    operator.start()
    workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    operator.kill()
    edit(workspace, range(1, 26))
    workspace.plane.restart_apiserver()
    edit(workspace, range(26, 51))
    workspace.plane.restart_apiserver()
    operator.start()
    assert_history(workspace.until_versions(51), range(51))
    assert_nothing_missed(workspace)


@pytest.mark.parametrize("is_restarted", [False, True], ids=["watched", "the API server was restarted"])
def test_a_latest_version_that_is_deleted_while_it_is_down_comes_back_as_it_was(
    workspace: Workspace, operator: OperatorProcess, *, is_restarted: bool
) -> None:
    """Also one that existed for a moment, and although an edit came after it: the next chain follows from its own."""
    operator.start()
    workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    edit(workspace, range(1, 2))
    (_, lost) = workspace.until_versions(2)
    eventually(lambda: workspace.status().get("latestVersion") == 2)
    operator.kill()
    workspace.delete("assistantversions", "bot-v2")
    edit(workspace, range(2, 4))
    if is_restarted:
        workspace.plane.restart_apiserver()
    operator.start()
    versions = workspace.until_versions(4)
    assert versions[1]["spec"] == lost["spec"]
    assert_history(versions, range(4))
    assert_nothing_missed(workspace)


def test_they_are_recovered_from_the_watch_cache_when_history_is_compacted(
    workspace: Workspace, operator: OperatorProcess
) -> None:
    operator.start()
    made = workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    operator.kill()
    edit(workspace, range(1, 51))
    workspace.plane.compact()
    query = f"?resourceVersion={made['metadata']['resourceVersion']}&resourceVersionMatch=Exact"
    eventually(lambda: workspace.client.ask("GET", workspace.path("assistants") + query)[0] == 410)
    operator.start()
    assert_history(workspace.until_versions(51), range(51))
    assert_nothing_missed(workspace)


def test_edits_before_the_first_start_are_versions(workspace: Workspace, operator: OperatorProcess) -> None:
    workspace.assistant(context={"prompt": 0})
    edit(workspace, range(1, 6))
    operator.start()
    assert_history(workspace.until_versions(6), range(6))
    assert_nothing_missed(workspace)


def test_control_edits_while_it_is_down_are_neither_versions_nor_missed(
    workspace: Workspace, operator: OperatorProcess
) -> None:
    operator.start()
    workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    operator.kill()
    for limit in (5, 6, 7):
        workspace.edit(versioning={"historyLimit": limit})
    edit(workspace, range(1, 2))
    workspace.edit(versioning={"historyLimit": 8})
    operator.start()
    assert_history(workspace.until_versions(2), range(2))
    assert_nothing_missed(workspace)


def test_what_nobody_holds_any_more_is_counted_and_each_time_told_once(
    workspace: Workspace, operator: OperatorProcess
) -> None:
    operator.start()
    for name in ("settled", "edited", "half", "suspended"):
        workspace.assistant(name, context={"prompt": 0})
        workspace.until_ready(name)
    operator.kill()
    workspace.assistant("unknown", context={"prompt": 0})
    for name in ("edited", "half", "unknown"):
        edit(workspace, range(1, 11), name)
    for suspend in (True, False, True, False):
        workspace.edit("suspended", suspend=suspend)
    workspace.plane.compact()
    edit(workspace, range(11, 16), "half")
    workspace.plane.restart_apiserver()
    operator.start()

    assert_history(workspace.until_versions(1, "settled"), [0], "settled")
    assert_history(workspace.until_versions(2, "edited"), [0, 10], "edited")
    # History is gone up to a moment, and what stood then still stands in it.
    assert_history(workspace.until_versions(7, "half"), [0, *range(10, 16)], "half")
    assert_history(workspace.until_versions(1, "suspended"), [0], "suspended")
    assert_history(workspace.until_versions(1, "unknown"), [10], "unknown")
    assert workspace.versions("unknown")[0]["spec"]["change"]["kind"] == "Created"
    names = ("settled", "edited", "half", "suspended", "unknown")
    counted = {name: workspace.until_ready(name).get("missedGenerations") for name in names}
    assert counted == {"settled": None, "edited": 9, "half": 9, "suspended": 3, "unknown": 10}
    # They are posted afterwards, and a kill takes along what is not posted yet.
    eventually(lambda: set(missed(workspace)) == {"edited", "half", "suspended", "unknown"})

    operator.kill()
    edit(workspace, range(11, 16), "edited")
    workspace.plane.compact()
    workspace.plane.restart_apiserver()
    operator.start()
    assert_history(workspace.until_versions(3, "edited"), [0, 10, 15], "edited")
    assert workspace.until_ready("edited")["missedGenerations"] == 13
    eventually(lambda: len(missed(workspace)["edited"]) == 2)
    first, second = sorted(missed(workspace)["edited"])
    assert first.startswith("Missed 4 generations between 12 and 15: ")
    assert second.startswith("Missed 9 generations between 2 and 10: ")
    told = {name: len(notes) for name, notes in missed(workspace).items()}
    assert told == {"edited": 2, "half": 1, "suspended": 1, "unknown": 1}


@pytest.mark.parametrize("seed", [1])
def test_killed_at_random_moments_it_records_each_edit_once(
    workspace: Workspace, operator: OperatorProcess, seed: int
) -> None:
    chance = random.Random(seed)
    is_edited = threading.Event()
    pauses = [chance.uniform(0, 0.1) for _ in range(300)]

    def edit_on() -> None:
        for number, pause in enumerate(pauses, 1):
            workspace.edit(context={"prompt": number})
            is_edited.wait(pause)
        is_edited.set()

    workspace.assistant(context={"prompt": 0}, versioning=EVERY)
    editor = threading.Thread(target=edit_on)
    editor.start()
    kills = 0
    while kills < 5 or not is_edited.is_set():  # on a busy machine a start may take as long as all edits
        operator.start(wait=chance.random() < 0.5)
        is_edited.wait(chance.uniform(0, 2))
        operator.kill()
        kills += 1
    editor.join()
    operator.start()
    assert_history(workspace.until_versions(301), range(301))
    status = workspace.until_ready()
    assert (status["latestVersion"], status["activeVersion"], status["versions"]) == (301, 301, 301)
    assert_nothing_missed(workspace)
