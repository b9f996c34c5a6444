"""Small valid objects of each kind, to be changed in one place by a test."""

from typing import Any

from .client import API_VERSION

Json = dict[str, Any]
NO_DIGEST = "sha256:" + "0" * 64


def assistant(name: str = "bot", *, meta: Json | None = None, **spec: Any) -> Json:
    told = {"graphRef": {"name": "support"}, **spec}
    return {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": {"name": name, **(meta or {})}, "spec": told}


def graph(name: str = "support", *, meta: Json | None = None, **spec: Any) -> Json:
    return {"apiVersion": API_VERSION, "kind": "Graph", "metadata": {"name": name, **(meta or {})}, "spec": spec}


def version(number: int = 1, of: str = "bot", *, meta: Json | None = None, **spec: Any) -> Json:
    told = {
        "assistantRef": {"name": of, "uid": "none"},
        "number": number,
        "generation": number,
        "digest": NO_DIGEST,
        "chain": NO_DIGEST,
        "snapshot": {"graphRef": {"name": "support"}},
        "change": {"kind": "Created"},
        **spec,
    }
    metadata = {"name": f"{of}-v{number}", **(meta or {})}
    return {"apiVersion": API_VERSION, "kind": "AssistantVersion", "metadata": metadata, "spec": told}


def condition(kind: str = "Ready", status: str = "True", reason: str = "Active", message: str = "") -> Json:
    return {
        "type": kind,
        "status": status,
        "reason": reason,
        "message": message,
        "lastTransitionTime": "2026-03-01T12:00:00Z",
    }
