"""What a history must be, recomputed from the contract and not by the operator's own code; and what it cost."""

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import rfc8785

from harness.controlplane import ControlPlane

from .walk import OPERATOR
from .workspace import Workspace

__all__ = ["OPERATOR", "WRITES", "a_workspace", "assert_history", "writes_since"]

WRITES = {"create", "update", "patch", "delete", "deletecollection"}


@contextmanager
def a_workspace(plane: ControlPlane) -> Iterator[Workspace]:
    """A namespace that several tests share, with a Graph that makes no assistant of its own."""
    name = f"shared-{secrets.token_hex(4)}"
    plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    workspace = Workspace(plane, name)
    workspace.graph(defaultAssistant={"policy": "None"})
    yield workspace
    plane.admin.request("DELETE", f"/api/v1/namespaces/{name}")


def assert_history(versions: Sequence[dict[str, Any]], prompts: Sequence[object], name: str = "bot") -> None:
    """Exactly these contents in this order, numbered from 1, each chained to the one before, all of one Assistant."""
    specs = [each["spec"] for each in versions]
    assert [spec["snapshot"]["context"]["prompt"] for spec in specs] == list(prompts)
    assert [spec["number"] for spec in specs] == list(range(1, len(prompts) + 1))
    assert [each["metadata"]["name"] for each in versions] == [f"{name}-v{spec['number']}" for spec in specs]
    generations = [spec["generation"] for spec in specs]
    assert generations == sorted(set(generations)), "each edit once, in the order of the API server"
    (uid,) = {spec["assistantRef"]["uid"] for spec in specs}
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in versions} == {uid}
    chain = ""
    for spec in specs:
        digest = _sha256(rfc8785.dumps(spec["snapshot"]))
        chain = _sha256(f"{chain}\n{spec['number']}\n{digest}".encode())
        assert (spec["digest"], spec["chain"]) == (digest, chain)


def writes_since(plane: ControlPlane, position: int, namespace: str | None = None) -> list[str]:
    """What the operator wrote after that byte of the audit log, such as `patch assistants/status bot`; no Leases."""
    entries, _ = plane.audit_since(position)
    ours = [each for each in entries if each["user"].get("username") == OPERATOR and each["verb"] in WRITES]
    about = [(each["verb"], each["objectRef"]) for each in ours]
    return [
        " ".join((verb, "/".join(filter(None, (ref["resource"], ref.get("subresource")))), ref.get("name", "")))
        for verb, ref in about
        if ref["resource"] != "leases" and namespace in (None, ref.get("namespace"))
    ]


def _sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()
