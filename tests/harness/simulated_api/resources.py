"""The resources that the simulated API server serves: our kinds from crds/, and the few built-in ones that are used."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from .schema import Node, compiled
from .shapes import UNTYPED, Shape, shape_of
from .statuses import Named

Json = dict[str, Any]
CRDS = Path(__file__).parents[3] / "crds"
_ALL_VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True, eq=False)
class Resource:
    """One resource, as discovery shows it and as requests address it."""

    group: str
    version: str
    plural: str
    kind: str
    is_namespaced: bool = True
    is_custom: bool = False
    is_created_by_put: bool = False
    """Whether PUT makes what does not exist."""
    verbs: tuple[str, ...] = _ALL_VERBS
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    schema: Node | None = None
    shape: Shape = UNTYPED
    columns: tuple[Json, ...] = ()
    selectable: tuple[str, ...] = ()
    """Field selectors beside metadata.name and metadata.namespace."""

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def storage(self) -> str:
        """What its keys begin with in the store."""
        return f"{self.group}/{self.plural}"

    def named(self, name: str = "") -> Named:
        return Named(self.group, self.plural, name)

    def key(self, namespace: str, name: str) -> tuple[str, str]:
        return self.storage, f"{namespace}/{name}" if self.is_namespaced else name


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All resources, by the path they are served at and by kind."""

    resources: tuple[Resource, ...]
    by_path: Mapping[tuple[str, str, str], Resource] = field(default_factory=dict)
    by_kind: Mapping[tuple[str, str], Resource] = field(default_factory=dict)

    @property
    def groups(self) -> list[tuple[str, str]]:
        """Named groups with their version, each once."""
        return list(dict.fromkeys((each.group, each.version) for each in self.resources if each.group))

    def storing(self, storage: str) -> Resource:
        return next(each for each in self.resources if each.storage == storage)


@cache
def catalogue() -> Catalogue:
    """Raises NotSimulated if crds/ says what nothing here understands."""
    ours = [_custom(yaml.safe_load(path.read_text())) for path in sorted(CRDS.glob("*s.yaml"))]
    resources = (*_BUILT_IN, *ours)
    return Catalogue(
        resources,
        {(each.group, each.version, each.plural): each for each in resources},
        {(each.api_version, each.kind): each for each in resources},
    )


_BUILT_IN = (
    Resource(
        "", "v1", "namespaces", "Namespace", is_namespaced=False, verbs=("create", "delete", "get"), short_names=("ns",)
    ),
    Resource(
        "", "v1", "configmaps", "ConfigMap", verbs=("create", "delete", "get", "patch", "update"), short_names=("cm",)
    ),
    Resource("", "v1", "secrets", "Secret", verbs=("create", "delete", "get", "patch", "update")),
    Resource(
        "coordination.k8s.io",
        "v1",
        "leases",
        "Lease",
        is_created_by_put=True,
        verbs=("create", "delete", "get", "update"),
    ),
    Resource("events.k8s.io", "v1", "events", "Event", verbs=("create", "list"), short_names=("ev",)),
)


def _custom(definition: Json) -> Resource:
    spec = definition["spec"]
    (version,) = spec["versions"]
    names = spec["names"]
    schema = compiled(version["schema"]["openAPIV3Schema"])
    return Resource(
        spec["group"],
        version["name"],
        names["plural"],
        names["kind"],
        is_custom=True,
        short_names=tuple(names.get("shortNames", ())),
        categories=tuple(names.get("categories", ())),
        schema=schema,
        shape=shape_of(schema),
        columns=tuple(version.get("additionalPrinterColumns", ())),
        selectable=tuple(each["jsonPath"] for each in version.get("selectableFields", ())),
    )
