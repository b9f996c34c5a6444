"""Puts a recorded cluster state into a real control plane, as near to what it was as the API server allows."""

import json
from pathlib import Path
from typing import Any

import yaml

from harness.support import Workspace

from .record import PLURALS

ASSIGNED = ("uid", "resourceVersion", "creationTimestamp", "generation", "namespace", "managedFields")
Json = dict[str, Any]


def recorded(folder: Path) -> dict[str, list[Json]]:
    """What the release left, by kind."""
    return {plural: list(yaml.safe_load_all((folder / f"{plural}.yaml").read_text())) for plural in PLURALS}


class Restoration:
    """Restores into one namespace, owners before what they own, so that owner references name the new UIDs."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._uids: dict[str, str] = {}

    def restore(self, state: dict[str, list[Json]]) -> None:
        for plural in PLURALS:
            for each in sorted(state[plural], key=lambda found: str(found["metadata"]["name"])):
                self._restore(plural, each)

    def expected(self, found: Json) -> Json:
        """A recorded object as it should be here: only what the API server assigns is another."""
        told = self._rewired(found)
        for name in ("uid", "resourceVersion", "creationTimestamp", "namespace"):
            told["metadata"].pop(name, None)
        return told

    def _restore(self, plural: str, found: Json) -> None:
        body = self._rewired(found)
        metadata, name = body["metadata"], body["metadata"]["name"]
        fields, generation = metadata["managedFields"], metadata["generation"]
        body["metadata"] = {key: each for key, each in metadata.items() if key not in ASSIGNED}
        status = body.pop("status", None)
        self._create(plural, body, generation)
        if status is not None:
            self._replace(plural, name, {"status": status}, "/status")
        # Last: every write before it left its own mark there. The default assistant follows its Graph by these.
        self._replace(plural, name, {"metadata": {"managedFields": fields}})
        live = self._workspace.get(plural, name)
        assert live
        self._uids[found["metadata"]["uid"]] = live["metadata"]["uid"]

    def _create(self, plural: str, body: Json, generation: int) -> None:
        """Made by as many writes as it had, so that it has its generation; each but the last with another spec."""
        name, path = body["metadata"]["name"], self._workspace.path(plural)
        for number in range(1, generation + 1):
            spec = body["spec"] if number == generation else {**body["spec"], "description": f"write {number}"}
            if number == 1:
                self._workspace.client.demand("POST", path, {**body, "spec": spec})
            else:
                self._replace(plural, name, {"spec": spec})

    def _replace(self, plural: str, name: str, parts: Json, subresource: str = "") -> None:
        live = self._workspace.get(plural, name)
        assert live
        metadata = {**live["metadata"], **parts.get("metadata", {})}
        body = {**live, **parts, "metadata": metadata}
        self._workspace.client.demand("PUT", self._workspace.path(plural, name) + subresource, body)

    def _rewired(self, found: Json) -> Json:
        """With the new UIDs wherever old ones stood: owner references, who owns those, a version's assistantRef."""
        text = json.dumps(found)
        for old, new in self._uids.items():
            text = text.replace(old, new)
        told: Json = json.loads(text)
        return told
