"""Every interesting state that a settled cluster can be in, made with a running operator."""

from typing import Any

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, marks

SCHEMA = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}, "temperature": {"type": "number"}},
    "required": ["prompt"],
}
CAUSE = "assistant-operator.dev/change-cause"
ODD: dict[str, Any] = {
    "nothing": None,
    "beyond a double": 2**53 + 1,
    "dots.in/a~key": {"deep": [1, 1.5, True, None, []]},
    "templates": "{{ user }} and\n---\nyaml: [text]",
    "empty": {},
}
NOBODY_LISTENS = "http://127.0.0.1:9"


def make_graphs(workspace: Workspace) -> None:
    workspace.graph(
        contextSchema=SCHEMA, defaults={"displayName": "Support", "context": {"prompt": "hello", "temperature": 0.5}}
    )
    workspace.graph("free", graphId="anything", defaultAssistant={"policy": "None"})
    workspace.graph("strict", contextSchema=SCHEMA, defaultAssistant={"policy": "None"})
    workspace.graph("unusable", contextSchema={"type": "no such type"})
    workspace.graph("refusing", contextSchema=SCHEMA, defaults={"context": {"temperature": 1}})
    workspace.graph("away", server={"url": NOBODY_LISTENS})
    for name in ("support", "free", "strict"):
        workspace.until_ready(name, "graphs")


def make_assistants(workspace: Workspace) -> None:
    make_healthy(workspace)
    make_troubled(workspace)
    make_pinned(workspace)
    make_pruned(workspace)


def make_healthy(workspace: Workspace) -> None:
    """Three versions with a cause; A, B, A; free-form content at its oddest."""
    edited(workspace, "settled", 3, graph="support")
    workspace.patch(
        "assistants", "settled", {"metadata": {"annotations": {CAUSE: "shorter"}}, "spec": {"context": {"prompt": "4"}}}
    )
    for prompt in ("A", "B", "A"):
        edit_or_make(workspace, "reverted", prompt)
    config = {"tags": ["b", "a"], "recursionLimit": 7, "configurable": ODD}
    workspace.assistant("odd", "free", displayName="Odd", config=config, metadata=ODD)
    for name, count in (("settled", 4), ("reverted", 3), ("odd", 1)):
        workspace.until_active(count, name)


def make_troubled(workspace: Workspace) -> None:
    """Refused edits, a graph that is not there, one that became stricter, one whose default's name is taken."""
    workspace.graph("clash", defaultAssistant={"name": "settled"})  # which is an assistant of another graph
    edited(workspace, "refused", 1, graph="support")
    workspace.until_ready("refused")
    workspace.edit("refused", context={"prompt": 7})
    workspace.assistant("never-valid", context={})
    workspace.assistant("graphless", "missing", context={"prompt": "1"})
    edited(workspace, "outgrown", 1, graph="strict")
    workspace.until_ready("outgrown")
    stricter = {**SCHEMA, "required": ["prompt", "temperature"]}
    workspace.edit("strict", "graphs", contextSchema=stricter)
    for name in ("refused", "never-valid", "outgrown"):
        workspace.until_not_ready("SchemaRefused", name)
    workspace.until_not_ready("GraphNotFound", "graphless")


def make_pinned(workspace: Workspace) -> None:
    """Pins that hold and that do not, Manual activation, a suspension with an edit under it."""
    edited(workspace, "pinned", 3)
    workspace.edit("pinned", versioning={"activeVersion": 1})
    workspace.until_active(1, "pinned")
    edited(workspace, "pinned-beyond", 2)
    workspace.until_active(2, "pinned-beyond")
    workspace.edit("pinned-beyond", versioning={"activeVersion": 9})
    workspace.until_not_ready("PinnedVersionNotFound", "pinned-beyond")
    workspace.assistant("awaiting", "free", context={"prompt": "1"}, versioning={"activation": "Manual"})
    workspace.until_not_ready("AwaitingActivation", "awaiting")
    workspace.assistant("manual", "free", context={"prompt": "1"}, versioning={"activation": "Manual"})
    workspace.until_versions(1, "manual")
    workspace.edit("manual", versioning={"activeVersion": 1})
    workspace.until_active(1, "manual")
    workspace.edit("manual", context={"prompt": "2"})
    edited(workspace, "suspended", 1)
    comes_to(lambda: marks(workspace, "suspended"), {1: "VA"})
    workspace.edit("suspended", suspend=True)
    workspace.edit("suspended", context={"prompt": "2"})
    workspace.until_versions(2, "suspended")
    workspace.assistant("born-suspended", "free", suspend=True)
    workspace.until_not_ready("Suspended", "born-suspended")


def make_pruned(workspace: Workspace) -> None:
    """A limit, a version kept by its label, one deleted by hand."""
    edited(workspace, "pruned", 2)
    workspace.until_active(2, "pruned")
    workspace.patch("assistantversions", "pruned-v1", {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}})
    workspace.edit("pruned", versioning={"historyLimit": 2})
    for prompt in ("3", "4", "5"):
        workspace.edit("pruned", context={"prompt": prompt})
    comes_to(lambda: [each["spec"]["number"] for each in workspace.versions("pruned")], [1, 4, 5])
    edited(workspace, "thinned", 3)
    workspace.until_active(3, "thinned")
    workspace.delete("assistantversions", "thinned-v2")
    comes_to(lambda: workspace.status("thinned").get("versions"), 2)


def take_over_the_default(workspace: Workspace) -> None:
    """A person edits one field of the default assistant: it is theirs, the others follow the graph."""
    workspace.edit("support", context={"prompt": "a person's"})
    workspace.until_active(2, "support")
    workspace.edit("support", "graphs", defaults={"context": {"temperature": 0.7}})
    workspace.until_active(3, "support")


def make_missed(workspace: Workspace, operator: OperatorProcess) -> None:
    """Edits while no operator ran: one that the API server still knew of, and one that it had forgotten."""
    for name in ("overslept", "missed"):
        edited(workspace, name, 1)
        workspace.until_ready(name)
    operator.kill()
    for prompt in ("2", "3"):
        workspace.edit("missed", context={"prompt": prompt})
    workspace.plane.compact()
    workspace.plane.restart_apiserver()
    for prompt in ("2", "3"):
        workspace.edit("overslept", context={"prompt": prompt})
    operator.start()
    workspace.until_active(3, "overslept")
    status = workspace.until_active(2, "missed")
    assert status["missedGenerations"] == 1


def edited(workspace: Workspace, name: str, count: int, graph: str = "free") -> None:
    """An assistant with as many versions."""
    workspace.assistant(name, graph, context={"prompt": "1"})
    for number in range(2, count + 1):
        workspace.edit(name, context={"prompt": str(number)})


def edit_or_make(workspace: Workspace, name: str, prompt: str) -> None:
    if workspace.get("assistants", name):
        workspace.edit(name, context={"prompt": prompt})
    else:
        workspace.assistant(name, "free", context={"prompt": prompt})


def until_settled(workspace: Workspace) -> None:
    """Until all is observed and every version marked, but those that wait for a suspension to end."""
    eventually(lambda: all(observed(each) for each in workspace.all("assistants") + workspace.all("graphs")))
    comes_to(lambda: unmarked(workspace), {"suspended-v2", "born-suspended-v1"})


def observed(found: dict[str, object]) -> bool:
    status, metadata = found["status"], found["metadata"]
    assert isinstance(status, dict)
    assert isinstance(metadata, dict)
    return bool(status["observedGeneration"] == metadata["generation"])


def unmarked(workspace: Workspace) -> set[str]:
    names = {each["metadata"]["name"] for each in workspace.all("assistants")}
    return {f"{name}-v{number}" for name in names for number, mark in marks(workspace, name).items() if "-" in mark}


def make_everything(workspace: Workspace, operator: OperatorProcess) -> None:
    """All of it, settled; the operator still runs."""
    make_graphs(workspace)
    make_assistants(workspace)
    take_over_the_default(workspace)
    make_missed(workspace, operator)
    until_settled(workspace)
