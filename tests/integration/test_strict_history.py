"""deploy/strict-history: where a namespace asks for it, no edit is accepted before the previous one is recorded."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.histories import a_workspace, assert_history
from harness.support.workspace import API_VERSION

ROOT = Path(__file__).parents[2]
OPT_IN = "assistant-operator.dev/history"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"


@pytest.fixture(scope="module")
def strict(installed: ControlPlane) -> Iterator[Workspace]:
    """A namespace that asked for it, in which the policy bites."""
    installed.kubectl("apply", "--server-side", "-k", str(ROOT / "deploy/strict-history"))
    with a_workspace(installed) as workspace:
        installed.kubectl("label", "namespace", workspace.namespace, f"{OPT_IN}=strict")
        workspace.assistant("probe")
        edits = iter(range(10_000))
        eventually(lambda: edit(workspace, "probe", next(edits))[0] == 422)
        workspace.delete("assistants", "probe")
        yield workspace


def edit(workspace: Workspace, name: str, prompt: object) -> tuple[int, Any]:
    """The answer to an edit."""
    body = {"spec": {"context": {"prompt": prompt}}}
    return workspace.client.ask("PATCH", workspace.path("assistants", name), body, MERGE)


def assert_refused(answer: tuple[int, Any], name: str, generation: int) -> None:
    status, told = answer
    assert (status, told["reason"]) == (422, "Invalid")
    said = f"generation {generation} of assistant '{name}' is not recorded as a version yet: try again in a moment"
    assert told["message"].endswith(f"denied request: {said}")


def record(workspace: Workspace, name: str, generation: int) -> None:
    """What the operator says once a version is made."""
    workspace.patch("assistants", f"{name}/status", {"status": {"observedGeneration": generation}})


def held(workspace: Workspace, name: str) -> dict[str, Any]:
    return dict(workspace.client.demand("GET", workspace.path("assistants", name)))


def insist(workspace: Workspace, name: str, prompt: int) -> list[tuple[int, Any]]:
    """Edit until it is let through; the prompt and the answer of each refusal."""
    refusals = []

    def is_let_through() -> bool:
        answer = edit(workspace, name, prompt)
        if answer[0] != 200:
            refusals.append((prompt, answer))
        return answer[0] == 200

    eventually(is_let_through)
    return refusals


def test_the_first_edit_after_what_nobody_recorded_is_refused(strict: Workspace) -> None:
    strict.assistant("new", context={"prompt": "one"})
    assert_refused(edit(strict, "new", "two"), "new", 1)
    assert held(strict, "new")["spec"]["context"] == {"prompt": "one"}


def test_one_edit_passes_for_each_recorded_one(strict: Workspace) -> None:
    strict.assistant("steps", context={"prompt": 1})
    for number in (1, 2, 3):
        record(strict, "steps", number)
        assert edit(strict, "steps", number + 1)[0] == 200
        assert_refused(edit(strict, "steps", "another"), "steps", number + 1)


ANOTHER = {"spec": {"graphRef": {"name": "support"}, "description": "another"}}


@pytest.mark.parametrize(
    ("content_type", "query", "body"),
    [
        pytest.param(MERGE, "", {"spec": {"versioning": {"activeVersion": 1}}}, id="a pin is an edit too"),
        pytest.param(APPLY, "?fieldManager=a&force=true", ANOTHER, id="an apply by force"),
        pytest.param(JSON_PATCH, "", [{"op": "add", "path": "/spec/suspend", "value": True}], id="a JSON patch"),
        pytest.param(MERGE, "", {**ANOTHER, "metadata": {"labels": {OPT_IN: None}}}, id="its label goes with it"),
        pytest.param(MERGE, "", {**ANOTHER, "metadata": {"labels": {OPT_IN: "off"}}}, id="its label says off"),
        pytest.param(MERGE, "", {**ANOTHER, "status": {"observedGeneration": 99}}, id="a status sent along"),
        pytest.param(MERGE, "?dryRun=All", ANOTHER, id="a dry run"),
    ],
)
def test_there_is_no_way_around(strict: Workspace, content_type: str, query: str, body: Any) -> None:
    name = f"sly-{secrets.token_hex(4)}"
    strict.assistant(name)
    strict.patch("assistants", name, {"metadata": {"labels": {OPT_IN: "strict"}}})
    kind = {"apiVersion": API_VERSION, "kind": "Assistant"} if content_type == APPLY else {}
    told = {**kind, **body} if isinstance(body, dict) else body
    answer = strict.client.ask("PATCH", f"{strict.path('assistants', name)}{query}", told, content_type)
    assert_refused(answer, name, 1)


def test_what_is_no_edit_passes(strict: Workspace) -> None:
    strict.assistant("calm", context={"prompt": "one"})
    meta = {"labels": {"a": "b"}, "annotations": {"c": "d"}, "finalizers": ["example.com/wait"]}
    strict.patch("assistants", "calm", {"metadata": meta})
    strict.patch("assistants", "calm/status", {"status": {"latestVersion": 1}})
    assert edit(strict, "calm", "one")[0] == 200
    assert held(strict, "calm")["metadata"]["generation"] == 1
    strict.patch("assistants", "calm", {"metadata": {"finalizers": None}})
    assert_refused(edit(strict, "calm", "two"), "calm", 1)


def test_deletion_passes_with_and_without_finalizers(strict: Workspace) -> None:
    strict.assistant("quick")
    strict.delete("assistants", "quick")
    assert strict.get("assistants", "quick") is None
    strict.assistant("slow")
    strict.patch("assistants", "slow", {"metadata": {"finalizers": ["example.com/wait"]}})
    strict.delete("assistants", "slow")
    assert held(strict, "slow")["metadata"]["generation"] == 2  # a deletion counts as one, and nobody recorded it
    strict.patch("assistants", "slow", {"metadata": {"finalizers": None}})
    assert strict.get("assistants", "slow") is None


def test_graphs_and_new_assistants_are_not_held_up(strict: Workspace) -> None:
    strict.graph("other")
    for number in range(3):
        strict.edit("other", "graphs", description=str(number))
        strict.assistant(f"one-of-{number}", graph="other")


def test_a_namespace_that_did_not_ask_is_left_alone(strict: Workspace, workspace: Workspace) -> None:
    workspace.assistant("free")
    strict.assistant("bound")
    for number in range(5):
        assert edit(workspace, "free", number)[0] == 200
    assert_refused(edit(strict, "bound", 0), "bound", 1)


def test_ten_edits_that_insist_are_ten_versions(strict: Workspace, operator: OperatorProcess) -> None:
    strict.assistant("busy", context={"prompt": 0})
    refusals = [refused for number in range(1, 11) for refused in insist(strict, "busy", number)]
    assert_history(strict.until_versions(11, "busy"), range(11), "busy")
    assert strict.until_ready("busy").get("missedGenerations", 0) == 0
    assert refusals, "nothing was held up, so nothing was shown"
    for number, answer in refusals:
        assert_refused(answer, "busy", number)


@pytest.fixture
def earlier(strict: Workspace) -> str:
    """An assistant that was made before the operator ran."""
    strict.assistant("earlier", context={"prompt": "one"})
    assert_refused(edit(strict, "earlier", "two"), "earlier", 1)
    return "earlier"


def test_what_waited_for_the_operator_may_go_on(earlier: str, strict: Workspace, operator: OperatorProcess) -> None:
    assert_history(strict.until_versions(1, earlier), ["one"], earlier)
    assert edit(strict, earlier, "two")[0] == 200
    assert_history(strict.until_versions(2, earlier), ["one", "two"], earlier)


def test_a_default_assistant_follows_its_graph_all_the_same(strict: Workspace, operator: OperatorProcess) -> None:
    strict.graph("led", defaults={"context": {"prompt": 0}})
    strict.until_ready("led")
    for number in range(1, 6):
        strict.edit("led", "graphs", defaults={"context": {"prompt": number}})
    eventually(lambda: held(strict, "led")["spec"]["context"] == {"prompt": 5})
    status = strict.until_ready("led")
    versions = strict.versions("led")
    # Each state it was given is a version; the operator need not give it each state of the graph.
    prompts = [each["spec"]["snapshot"]["context"]["prompt"] for each in versions]
    assert prompts == sorted(set(prompts))
    assert (prompts[0], prompts[-1]) == (0, 5)
    assert_history(versions, prompts, "led")
    assert (status["activeVersion"], status.get("missedGenerations", 0)) == (len(prompts), 0)
