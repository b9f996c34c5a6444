"""A structural schema at work: what it drops, what it fills in. What it refuses is in validation.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .json_values import copied
from .rules import Rule, rule_of
from .statuses import NotSimulated

Json = dict[str, Any]

_KNOWN = {
    *("type", "description", "properties", "required", "items", "additionalProperties", "default", "enum", "format"),
    *("minimum", "maximum", "minLength", "maxLength", "maxItems", "pattern", "nullable"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"),
    "x-kubernetes-validations",
}
_ABSENT = object()


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One level of a structural schema."""

    said: Mapping[str, Any]
    properties: Mapping[str, "Node"]
    values: "Node | None"
    """Of the values of a map (additionalProperties)."""
    items: "Node | None"
    rules: tuple[Rule, ...]
    is_open: bool
    """Whether unknown fields are kept."""
    default: Any = _ABSENT
    is_nullable: bool = False
    list_keys: tuple[str, ...] = field(default=())
    """Of a list of type map: the fields that identify an item."""

    @property
    def has_default(self) -> bool:
        return self.default is not _ABSENT

    def child(self, name: str) -> "Node | None":
        return self.properties.get(name) or self.values


def compiled(said: Json) -> Node:
    """Raises NotSimulated for a keyword or a rule that nothing here understands."""
    if unknown := said.keys() - _KNOWN:
        raise NotSimulated(f"schema keywords {sorted(unknown)}")
    values = said.get("additionalProperties")
    return Node(
        said,
        {name: compiled(each) for name, each in said.get("properties", {}).items()},
        compiled(values) if values else None,
        compiled(said["items"]) if "items" in said else None,
        tuple(rule_of(each) for each in said.get("x-kubernetes-validations", ())),
        bool(said.get("x-kubernetes-preserve-unknown-fields")),
        said.get("default", _ABSENT),
        bool(said.get("nullable")),
        tuple(said.get("x-kubernetes-list-map-keys", ())),
    )


def unknown_fields(node: Node, value: Any, path: str = "") -> list[str]:
    """The paths of the fields that `pruned` drops, as strict field validation names them."""
    if isinstance(value, list) and node.items:
        return [each for n, item in enumerate(value) for each in unknown_fields(node.items, item, f"{path}[{n}]")]
    if not isinstance(value, dict):
        return []
    found: list[str] = []
    for name, each in value.items():
        where = f"{path}.{name}" if path else name
        child = node.child(name)
        if child:
            found += unknown_fields(child, each, where)
        elif not node.is_open:
            found.append(where)
    return found


def prune(node: Node, value: Any) -> None:
    """Drop unknown fields, and nulls where the schema allows none, in place."""
    if isinstance(value, list):
        for each in value if node.items else ():
            prune(node.items, each)  # type: ignore[arg-type] # checked in the line before
        return
    if not isinstance(value, dict):
        return
    for name in list(value):
        child = node.child(name)
        if child is None:
            if not node.is_open:
                del value[name]
        elif value[name] is None and not child.is_nullable and not child.has_default:
            del value[name]
        else:
            prune(child, value[name])


def fill(node: Node, value: Any) -> None:
    """Put defaults where there is nothing, in place."""
    if isinstance(value, list):
        for each in value if node.items else ():
            fill(node.items, each)  # type: ignore[arg-type] # checked in the line before
        return
    if not isinstance(value, dict):
        return
    for name, child in node.properties.items():
        is_absent = name not in value or (value[name] is None and not child.is_nullable)
        if is_absent and child.has_default:
            value[name] = copied(child.default)
        if name in value:
            fill(child, value[name])
    if node.values:
        for name in value.keys() - node.properties.keys():
            fill(node.values, value[name])
