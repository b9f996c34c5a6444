"""A shop with an assistant whose history has all that a history can have."""

from collections.abc import Callable
from typing import Any

from harness.controlplane.waiting import eventually
from harness.support import Workspace
from harness.support.client import MERGE
from harness.support.walk import comes_to, marks
from harness.support.workspace import API_VERSION

PROMPT = """\
You are the support assistant of a bicycle shop.
Answer in at most {count} sentences.
Never promise a delivery date.
If the customer is angry, apologise once.
Prices are in euros, with tax.
When you are not sure, ask a colleague.
"""
TEMPERATURE = {"type": "object", "properties": {"temperature": {"type": "number", "maximum": 2}}}


def a_history(workspace: Workspace, pause: Callable[[], None] = lambda: None) -> None:
    """Five versions of `bot`: created, edited twice, reverted, refused; the fourth is in force.

    `pause`: called between two edits.
    """
    workspace.graph(contextSchema=TEMPERATURE, defaultAssistant={"policy": "None"})
    context = {"prompt": PROMPT.format(count=3), "model": "large", "temperature": 0.9}
    workspace.assistant(displayName="Friendly support", context=context)
    workspace.until_active(1)
    pause()
    edit(workspace, "legal asked for it", context={"prompt": PROMPT.format(count=2)})
    workspace.until_active(2)
    pause()
    edit(workspace, "cheaper", context={"model": "small"})
    workspace.until_active(3)
    pause()
    edit(workspace, "too many complaints", context={"model": "large"})
    workspace.until_active(4)
    pause()
    edit(workspace, "livelier", context={"temperature": 9})
    workspace.until_not_ready("SchemaRefused")
    comes_to(lambda: marks(workspace), {1: "Va", 2: "Va", 3: "Va", 4: "VA", 5: "va"})
    # The event is recorded after the status.
    path = f"/api/v1/namespaces/{workspace.namespace}/events"
    eventually(lambda: "SchemaRefused" in str(workspace.client.demand("GET", path)))


def alias(workspace: Workspace, name: str = "production", assistant: str = "bot", **spec: Any) -> None:
    """An alias of that Assistant: `version` or `digest`."""
    body = {
        "apiVersion": API_VERSION,
        "kind": "AssistantAlias",
        "metadata": {"name": name},
        "spec": {"assistantRef": {"name": assistant}, **spec},
    }
    workspace.client.demand("POST", workspace.path("assistantaliases"), body)


def edit_alias(workspace: Workspace, number: int, cause: str, name: str = "production") -> None:
    """Move the alias, and wait until it stands for that version."""
    _edit(workspace, workspace.path("assistantaliases", name), cause, version=number)
    eventually(lambda: workspace.status(name, "assistantaliases").get("version") == number)


def edit(workspace: Workspace, cause: str, **spec: Any) -> None:
    _edit(workspace, workspace.path("assistants", "bot"), cause, **spec)


def _edit(workspace: Workspace, path: str, cause: str, **spec: Any) -> None:
    """As `kubectl edit` does it."""
    annotations = {"kubernetes.io/change-cause": cause}
    body = {"metadata": {"annotations": annotations}, "spec": spec}
    workspace.client.demand("PATCH", f"{path}?fieldManager=kubectl-edit", body, MERGE)
