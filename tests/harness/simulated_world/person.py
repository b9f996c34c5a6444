"""A person, whose requests always succeed: straight into the store."""

from collections.abc import Callable
from typing import Any

from ..simulated_api import SimulatedCluster, patches
from ..simulated_api.deletion import delete
from ..simulated_api.intents import Intent
from ..simulated_api.resources import Resource
from .history import snapshot_of

Json = dict[str, Any]
GROUP = "assistant-operator.dev/v1alpha1"
MANAGER = "person"


class Person:
    """Edits objects of one namespace."""

    def __init__(self, cluster: SimulatedCluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._editors: dict[tuple[str, int], str] = {}

    def graph(self, name: str, **spec: Any) -> Json:
        return self.create("Graph", name, spec)

    def assistant(self, name: str, graph: str = "writer", **spec: Any) -> Json:
        return self.create("Assistant", name, {"graphRef": {"name": graph}, **spec})

    def create(self, kind: str, name: str, spec: Json, **metadata: Any) -> Json:
        resource = self._resource(kind)
        body = {"apiVersion": resource.api_version, "kind": kind, "metadata": {"name": name, **metadata}, "spec": spec}
        return self._cluster.objects.create(self._intent(resource, ""), body).content

    def edit(self, kind: str, name: str, **spec: Any) -> Json:
        """A merge patch of the spec."""
        return self.patch(kind, name, {"spec": spec})

    def replace(self, kind: str, name: str, **spec: Any) -> Json:
        """Replace these fields of the spec whole: a merge patch would keep the keys in them that are not given."""
        return self._changed(kind, name, MANAGER, lambda old: {**old, "spec": {**old["spec"], **spec}})

    def patch(self, kind: str, name: str, body: Json, manager: str = MANAGER) -> Json:
        """A merge patch. `manager`: the field manager."""
        return self._changed(kind, name, manager, lambda old: dict(patches.merged(old, body)))

    def _changed(self, kind: str, name: str, manager: str, change: Callable[[Json], Json]) -> Json:
        before = self.get(kind, name)
        made = self._cluster.objects.patch(self._intent(self._resource(kind), name, manager), change).content
        if before and snapshot_of(before) != snapshot_of(made):
            self._editors[made["metadata"]["uid"], made["metadata"]["generation"]] = manager
        return made

    def forget(self) -> None:
        """Who edited what so far."""
        self._editors.clear()

    def editor_of(self, uid: str, generation: int) -> str | None:
        """The field manager that changed the content last up to that generation; None if no edit changed it."""
        found = [each for each in self._editors if each[0] == uid and each[1] <= generation]
        return self._editors[max(found)] if found else None

    def delete(self, kind: str, name: str, policy: str = "Background") -> None:
        """Raises ApiError if there is none."""
        delete(self._cluster.objects, self._intent(self._resource(kind), name), {"propagationPolicy": policy})

    def get(self, kind: str, name: str) -> Json | None:
        resource = self._resource(kind)
        record = self._cluster.store.get(resource.key(self._namespace, name))
        return record.content if record else None

    def all(self, kind: str) -> list[Json]:
        storage = self._resource(kind).storage
        return [self._cluster.store.current[key].content for key in self._cluster.store.keys(storage)]

    def _resource(self, kind: str) -> Resource:
        return self._cluster.objects.catalogue.by_kind[GROUP, kind]

    def _intent(self, resource: Resource, name: str, manager: str = MANAGER) -> Intent:
        return Intent(resource, self._namespace, name, manager)
