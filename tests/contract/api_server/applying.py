"""Configurations for server-side apply, and who owns what after it."""

from typing import Any

from .client import API_VERSION, Reply

Json = dict[str, Any]
REF = {"name": "support"}


def told(name: str = "bot", *, meta: Json | None = None, **spec: Any) -> Json:
    """A configuration to be applied; without a spec it says nothing of it."""
    metadata = {"name": name, **(meta or {})}
    body: Json = {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": metadata}
    return {**body, "spec": spec} if spec else body


def owned(reply: Reply, manager: str, operation: str = "Apply", subresource: str = "") -> Json:
    """What that manager owns; nothing, if it has no entry."""
    for entry in reply.meta["managedFields"]:
        said = (entry["manager"], entry["operation"], entry.get("subresource", ""))
        if said == (manager, operation, subresource):
            return dict(entry["fieldsV1"])
    return {}
