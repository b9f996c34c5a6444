"""What a test of publishing looks at: the copy on the server, our marks on it, and what it cost."""

import uuid
from typing import Any

from harness.controlplane import FaultProxy
from harness.controlplane.waiting import eventually
from harness.langgraph_server import LangGraphServer
from harness.support import Workspace

Json = dict[str, Any]
OURS = uuid.uuid5(uuid.NAMESPACE_DNS, "assistant-operator.dev")
OWNER, NUMBER, DIGEST, POLICY = (
    f"assistant-operator.dev/{name}" for name in ("owner", "version", "digest", "deletion-policy")
)
FINALIZER = "assistant-operator.dev/withdraw"
WITHOUT_DEFAULT: Json = {"policy": "None"}


def a_graph(workspace: Workspace, url: str, name: str = "writer", *, resync: int = 300, **different: Any) -> None:
    """A Graph on that server without a default assistant, unless told otherwise."""
    server = {"url": url, "resyncPeriodSeconds": resync, **different.pop("server", {})}
    workspace.graph(name, **{"server": server, "defaultAssistant": WITHOUT_DEFAULT, **different})


def owner(workspace: Workspace, name: str = "bot", cluster: str = "default") -> str:
    return f"{cluster}/{workspace.namespace}/{name}"


def own_id(workspace: Workspace, name: str = "bot", cluster: str = "default") -> str:
    """The UUID that the contract gives to its copy."""
    return str(uuid.uuid5(OURS, owner(workspace, name, cluster)))


def place(workspace: Workspace, url: str, assistant_id: str, name: str = "bot", cluster: str = "default") -> Json:
    """What the status records of a copy."""
    return {"server": url, "assistantId": assistant_id, "owner": owner(workspace, name, cluster)}


def marks(workspace: Workspace, number: int, name: str = "bot", cluster: str = "default") -> Json:
    """Our metadata on the copy of that version."""
    digest = next(each["spec"]["digest"] for each in workspace.versions(name) if each["spec"]["number"] == number)
    return {OWNER: owner(workspace, name, cluster), NUMBER: number, DIGEST: digest}


def content(server: LangGraphServer, assistant_id: str) -> Json:
    """What a server holds, without its own numbers and times, and without keys that are null; empty if nothing."""
    found = server.assistant(assistant_id)
    if found is None:
        return {}
    kept = {key: found[key] for key in ("graph_id", "name", "context", "config")}
    metadata = {key: value for key, value in found["metadata"].items() if value is not None}
    return {**kept, "description": found["description"] or "", "metadata": metadata}


def put_secret(workspace: Workspace, name: str, kind: str = "Secret", **values: str) -> None:
    """Make a Secret or ConfigMap, or change its values."""
    path = f"/api/v1/namespaces/{workspace.namespace}/{kind.lower()}s"
    filled = {"stringData" if kind == "Secret" else "data": values}
    status, _ = workspace.client.ask("POST", path, {"metadata": {"name": name}, **filled})
    if status != 201:
        workspace.client.demand("PATCH", f"{path}/{name}", filled, "application/merge-patch+json")


def metadata(server: LangGraphServer, assistant_id: str) -> Json:
    told: Json = content(server, assistant_id).get("metadata", {})
    return told


def is_published(workspace: Workspace, name: str = "bot") -> bool:
    """Whether it is said to be published, as of its present generation."""
    return workspace.condition(name, "Published").get("status") == "True"


def said(workspace: Workspace, name: str = "bot") -> str:
    """Why it is ready or not."""
    return str(workspace.condition(name).get("message", ""))


def server_versions(workspace: Workspace, name: str = "bot") -> list[int | None]:
    return [each.get("status", {}).get("serverVersion") for each in workspace.versions(name)]


def is_held(workspace: Workspace, name: str = "bot") -> bool:
    found = workspace.get("assistants", name)
    return found is not None and FINALIZER in found["metadata"].get("finalizers", ())


def is_gone(workspace: Workspace, name: str = "bot", plural: str = "assistants") -> bool:
    return workspace.get(plural, name) is None


def until_gone(workspace: Workspace, name: str = "bot", plural: str = "assistants", within: float = 40) -> None:
    eventually(lambda: is_gone(workspace, name, plural), within)


def asked(proxy: FaultProxy, since: int = 0) -> list[str]:
    """Method and path of the requests after that many, with {id} for any UUID."""
    return [f"{each.method} {_general(each.path)}" for each in proxy.requests[since:]]


def until_resynced(proxy: FaultProxy, times: int = 2, within: float = 60) -> None:
    """Until so many more listings of a whole graph came to their end: the last page is an empty one."""
    since = len(proxy.requests)
    # A look at the server asks for its release first.
    eventually(lambda: asked(proxy, since).count("GET /info") > times, within)


def _general(path: str) -> str:
    return "/".join("{id}" if len(step) == 36 and step.count("-") == 4 else step for step in path.split("/"))
