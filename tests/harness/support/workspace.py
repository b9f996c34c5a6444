"""A namespace with Graphs and Assistants in it, as a person with a client would see and change it."""

from typing import Any

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import PATIENCE, eventually

from .client import MERGE, Client

GROUP = "/apis/assistant-operator.dev/v1alpha1"
API_VERSION = "assistant-operator.dev/v1alpha1"
Json = dict[str, Any]


class Workspace:
    """Reads and writes our kinds in one namespace, as admin."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.plane = plane
        self.namespace = namespace
        self.client = Client(plane.admin_kubeconfig)

    def path(self, plural: str, name: str = "") -> str:
        return f"{GROUP}/namespaces/{self.namespace}/{plural}" + (f"/{name}" if name else "")

    def graph(self, name: str = "support", **spec: Any) -> Json:
        """Make a Graph."""
        return self._make("graphs", "Graph", name, spec)

    def assistant(self, name: str = "bot", graph: str = "support", **spec: Any) -> Json:
        """Make an Assistant."""
        return self._make("assistants", "Assistant", name, {"graphRef": {"name": graph}, **spec})

    def alias(self, name: str = "production", assistant: str = "bot", **spec: Any) -> Json:
        """Make an AssistantAlias."""
        return self._make("assistantaliases", "AssistantAlias", name, {"assistantRef": {"name": assistant}, **spec})

    def edit(self, name: str = "bot", plural: str = "assistants", **spec: Any) -> Json:
        """Change fields of the spec by a JSON merge patch; None removes one."""
        return self.patch(plural, name, {"spec": spec})

    def patch(self, plural: str, name: str, body: Any, content_type: str = MERGE) -> Json:
        changed: Json = self.client.demand("PATCH", self.path(plural, name), body, content_type)
        return changed

    def delete(self, plural: str, name: str, **options: Any) -> None:
        """Delete an object; `options` as in DeleteOptions, such as propagationPolicy="Orphan"."""
        self.client.demand("DELETE", self.path(plural, name), options or None)

    def get(self, plural: str, name: str) -> Json | None:
        """The object; None if it does not exist."""
        status, found = self.client.ask("GET", self.path(plural, name))
        return found if status == 200 else None

    def all(self, plural: str) -> list[Json]:
        items: list[Json] = self.client.demand("GET", self.path(plural))["items"]
        return items

    def versions(self, assistant: str = "bot") -> list[Json]:
        """Its versions, oldest first."""
        of = [each for each in self.all("assistantversions") if each["spec"]["assistantRef"]["name"] == assistant]
        return sorted(of, key=lambda each: int(each["spec"]["number"]))

    def status(self, name: str = "bot", plural: str = "assistants") -> Json:
        found = self.get(plural, name)
        return found.get("status", {}) if found else {}

    def condition(self, name: str = "bot", kind: str = "Ready", plural: str = "assistants") -> Json:
        """One condition, as of the object's present generation; empty while it is not stated of that."""
        found = self.get(plural, name) or {"metadata": {}}
        stated = found.get("status", {}).get("conditions", [])
        return next(
            (
                each
                for each in stated
                if each["type"] == kind and each["observedGeneration"] == found["metadata"]["generation"]
            ),
            {},
        )

    def until_ready(self, name: str = "bot", plural: str = "assistants", within: float = PATIENCE) -> Json:
        """The status, once Ready is True of the present generation."""
        eventually(lambda: self.condition(name, plural=plural).get("status") == "True", within)
        return self.status(name, plural)

    def until_not_ready(
        self, reason: str, name: str = "bot", plural: str = "assistants", within: float = PATIENCE
    ) -> Json:
        """The status, once Ready is False of the present generation, for that reason."""

        def told() -> bool:
            ready = self.condition(name, plural=plural)
            return ready.get("status") == "False" and ready["reason"] == reason

        eventually(told, within)
        return self.status(name, plural)

    def until_active(self, number: int, name: str = "bot", within: float = PATIENCE) -> Json:
        """The status, once that version is in force and Ready is True of the present generation."""

        def done() -> bool:
            ready = self.condition(name).get("status") == "True"
            return ready and self.status(name).get("activeVersion") == number

        eventually(done, within)
        return self.status(name)

    def until_versions(self, count: int, name: str = "bot", within: float = PATIENCE) -> list[Json]:
        """Its versions, once there are that many and the status says the newest edit is recorded."""

        def done() -> bool:
            found = self.get("assistants", name) or {"metadata": {}}
            observed = found.get("status", {}).get("observedGeneration")
            return observed == found["metadata"].get("generation") and len(self.versions(name)) == count

        eventually(done, within)
        return self.versions(name)

    def _make(self, plural: str, kind: str, name: str, spec: Json) -> Json:
        body = {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}
        made: Json = self.client.demand("POST", self.path(plural), body)
        return made
