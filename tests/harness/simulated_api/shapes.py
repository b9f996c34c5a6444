"""The types of structured merge: which maps and lists are owned member by member, and which as a whole."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .schema import Node


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """How one value is taken apart. What kind it is of, the value itself says."""

    fields: Mapping[str, "Shape"] = field(default_factory=dict)
    """Of a struct: its named fields."""
    others: "Shape | None" = None
    """Of the values of a map beside the named fields; None for UNTYPED."""
    items: "Shape | None" = None
    """Of the items of a list; None for an atomic list."""
    keys: tuple[str, ...] = ()
    """Of a list of type map; without them a list with `items` is a set."""
    is_atomic: bool = False
    """Of a map that is owned as a whole."""

    def child(self, name: str) -> "Shape":
        return self.fields.get(name) or self.others or UNTYPED

    def step(self, item: Any) -> str:
        """The path element of a list item."""
        if not self.keys:
            return f"v:{json.dumps(item, separators=(',', ':'))}"
        return "k:" + json.dumps({name: item.get(name) for name in sorted(self.keys)}, separators=(",", ":"))


UNTYPED = Shape()
"""Free-form JSON: maps member by member, lists as a whole."""

_OWNERS = Shape(items=Shape(is_atomic=True), keys=("uid",))
_PLAIN = (
    *("name", "generateName", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink"),
    *("deletionTimestamp", "deletionGracePeriodSeconds", "managedFields", "labels", "annotations"),
)
METADATA = Shape({**dict.fromkeys(_PLAIN, UNTYPED), "ownerReferences": _OWNERS, "finalizers": Shape(items=UNTYPED)})


def shape_of(node: Node) -> Shape:
    """The shape of a whole object with that schema."""
    root = _shape(node)
    plain = {"apiVersion": UNTYPED, "kind": UNTYPED, "metadata": METADATA}
    return Shape({**root.fields, **plain})


def _shape(node: Node) -> Shape:
    fields = {name: _shape(each) for name, each in node.properties.items()}
    is_granular = node.said.get("x-kubernetes-list-type") in {"map", "set"}
    return Shape(
        fields,
        _shape(node.values) if node.values else None,
        _shape(node.items) if node.items and is_granular else None,
        node.list_keys,
    )
