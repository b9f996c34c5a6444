"""What a walk through the operator's behaviour looks at: marks, events, requests; and waiting for an exact value."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import PATIENCE, eventually

from .operator_process import OperatorProcess
from .workspace import Workspace

OPERATOR = "system:serviceaccount:assistant-operator:assistant-operator"


def comes_to(look: Callable[[], object], wanted: object, within: float = PATIENCE) -> None:
    """Wait until what is seen is what is wanted; a failure shows both."""
    with suppress(AssertionError):
        eventually(lambda: look() == wanted, within)
    seen = look()
    assert seen == wanted, f"within {within:.0f} s there came\n  {seen!r}\ninstead of\n  {wanted!r}"


def ready(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> tuple[str, str]:
    """Status and reason of Ready, as of the present generation."""
    said = workspace.condition(name, plural=plural)
    return said.get("status", ""), said.get("reason", "")


def progress(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> set[str]:
    """Which of Reconciling and Stalled stand there."""
    stated = {each["type"] for each in workspace.status(name, plural).get("conditions", ())}
    return stated & {"Reconciling", "Stalled"}


def marks(workspace: Workspace, name: str = "bot") -> dict[int, str]:
    """What stands on each kept version: V valid, v not, ? unknown; A active, a not."""
    return {each["spec"]["number"]: _mark(each.get("status", {})) for each in workspace.versions(name)}


def _mark(status: dict[str, Any]) -> str:
    said = {each["type"]: each["status"] for each in status.get("conditions", ())}
    return {"True": "V", "False": "v", "Unknown": "?"}.get(said.get("Valid", ""), "-") + {
        "True": "A",
        "False": "a",
    }.get(said.get("Active", ""), "-")


def events(workspace: Workspace, name: str = "bot") -> list[tuple[str, str, str]]:
    """Type, reason and note of each event about an object of that name, in order."""
    path = f"/apis/events.k8s.io/v1/namespaces/{workspace.namespace}/events"
    told = workspace.client.demand("GET", path)["items"]
    about = [each for each in told if each["regarding"]["name"] == name]
    in_order = sorted(about, key=lambda each: str(each["eventTime"]))
    return [(each["type"], each["reason"], each["note"]) for each in in_order]


def writes(workspace: Workspace, since: int) -> list[str]:
    """What the operator wrote in this namespace since that byte of the audit log: verb and resource."""
    entries, _ = workspace.plane.audit_since(since)
    ours = [each for each in entries if each["user"].get("username") == OPERATOR]
    asked = [(each["verb"], each.get("objectRef", {})) for each in ours]
    return [
        f"{verb} {'/'.join(filter(None, (where.get('resource'), where.get('subresource'))))}"
        for verb, where in asked
        if where.get("namespace") == workspace.namespace and verb not in {"get", "list", "watch"}
    ]


def complaints(operator: OperatorProcess, since: int = 0) -> list[str]:
    """Lines of the log after that byte that tell of a bug."""
    lines = operator.log.read_bytes()[since:].decode(errors="replace").splitlines()
    return [line for line in lines if " ERROR " in line or "Traceback" in line]


def until_collected(plane: ControlPlane) -> None:
    """Wait until garbage collection knows our kinds: it hears of new ones every half minute, and errs before."""
    workspace = Workspace(plane, "default")
    workspace.graph("collected")
    workspace.until_ready("collected", "graphs")
    workspace.delete("graphs", "collected")
    eventually(lambda: not workspace.get("assistants", "collected") and not workspace.versions("collected"))
