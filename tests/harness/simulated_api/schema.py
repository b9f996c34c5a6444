"""A structural schema at work: what it drops, what it fills in. What it refuses is in validation.py."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from operator import is_
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


@dataclass(frozen=True, eq=False)
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

    @cached_property
    def defaulted(self) -> list[tuple[str, "Node"]]:
        """The fields that have a default."""
        return [(name, child) for name, child in self.properties.items() if child.default is not _ABSENT]

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


def shaped(node: Node, value: Any, *, keeps_nulls: bool = False) -> Any:
    """Without unknown fields and nulls that the schema does not allow, with defaults; the value itself if it is so."""
    if isinstance(value, dict) and (node.properties or node.values or not node.is_open):
        result = _filled(node, dict(_shaped_fields(node, value, keeps_nulls=keeps_nulls)))
        return value if _is_as_it_was(value, result) else result
    if isinstance(value, list) and node.items:
        items = [shaped(node.items, each, keeps_nulls=keeps_nulls) for each in value]
        return value if all(map(is_, items, value)) else items
    return value


def _shaped_fields(node: Node, value: Json, *, keeps_nulls: bool) -> Iterator[tuple[str, Any]]:
    for name, each in value.items():
        child = node.child(name)
        if child is None:
            if node.is_open:
                yield name, each
        elif each is not None or child.is_nullable or (keeps_nulls and child.default is _ABSENT):
            yield name, shaped(child, each, keeps_nulls=keeps_nulls)


def _filled(node: Node, value: Json) -> Json:
    for name, child in node.defaulted:
        if name not in value:
            value[name] = shaped(child, copied(child.default))
    return value


def _is_as_it_was(value: Json, result: Json) -> bool:
    return len(value) == len(result) and all(value.get(name, _ABSENT) is each for name, each in result.items())
