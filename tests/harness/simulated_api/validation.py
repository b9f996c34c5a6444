"""What a structural schema refuses, as the API server words it: one Cause a fault."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from .schema import Node
from .statuses import Cause

_TYPES: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "string": str,
    "integer": int,
    "number": (int, float),
    "boolean": bool,
}


def faults(node: Node, value: Any, path: str = "", *, old: Any = None) -> Iterator[Cause]:
    """Faults of form: types, required fields, limits. What is as it was in `old` was checked before."""
    if (value is None and node.is_nullable) or value is old is not None:
        return
    kind = node.said.get("type")
    if kind and not _is_of(kind, value):
        yield _of_type(path, kind, value)
        return
    match value:
        case dict():
            yield from _of_object(node, value, path, old if isinstance(old, dict) else {})
        case list():
            yield from _of_array(node, value, path)
        case str():
            yield from _of_string(node, value, path)
        case int() | float() if not isinstance(value, bool):
            yield from _of_number(node, value, path)
    if "enum" in node.said and value not in node.said["enum"]:
        listed = ", ".join(_quoted(each) for each in node.said["enum"])
        yield Cause("FieldValueNotSupported", f"Unsupported value: {_shown(value)}: supported values: {listed}", path)


def broken_rules(node: Node, value: Any, old: Any, path: str = "") -> Iterator[Cause]:
    """Faults by x-kubernetes-validations; `old`: the value before an update, None for none."""
    for rule in node.rules:
        if rule.needs_old and old is None:
            continue
        if not rule.holds(value, old):
            shown = "Invalid value"
            yield Cause("FieldValueInvalid", f"{shown}: {rule.message}", (path + rule.field_path).removeprefix("."))
    if isinstance(value, dict):
        for name, child in node.properties.items():
            if value.get(name) is not None:
                before = old.get(name) if isinstance(old, dict) else None
                yield from broken_rules(child, value[name], before, f"{path}.{name}" if path else name)


def _is_of(kind: str, value: Any) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, _TYPES[kind])


def _of_type(path: str, kind: str, value: Any) -> Cause:
    named = next((name for name, types in _TYPES.items() if value is not None and _is_of(name, value)), "null")
    detail = f'{path} in body must be of type {kind}: "{named}"'
    return Cause("FieldValueTypeInvalid", f'Invalid value: "{named}": {detail}', path)


def _of_object(node: Node, value: dict[str, Any], path: str, old: dict[str, Any]) -> Iterator[Cause]:
    for name in node.said.get("required", ()):
        if name not in value:
            yield Cause("FieldValueRequired", "Required value", f"{path}.{name}" if path else name)
    for name, each in value.items():
        if child := node.child(name):
            yield from faults(child, each, f"{path}.{name}" if path else name, old=old.get(name))


def _of_array(node: Node, value: list[Any], path: str) -> Iterator[Cause]:
    most = node.said.get("maxItems")
    if most is not None and len(value) > most:
        yield Cause("FieldValueTooMany", f"Too many: {len(value)}: must have at most {most} items", path)
    seen = set()
    for number, each in enumerate(value):
        if node.items:
            yield from faults(node.items, each, f"{path}[{number}]")
        if node.list_keys and isinstance(each, dict):
            key = {name: each.get(name) for name in node.list_keys}
            if (known := json.dumps(key)) in seen:
                shown = json.dumps(key, separators=(",", ":"))
                yield Cause("FieldValueDuplicate", f"Duplicate value: {shown}", f"{path}[{number}]")
            seen.add(known)


def _of_string(node: Node, value: str, path: str) -> Iterator[Cause]:
    said = node.said
    if "maxLength" in said and len(value) > said["maxLength"]:
        yield Cause("FieldValueTooLong", f"Too long: may not be more than {said['maxLength']} bytes", path)
    if "minLength" in said and len(value) < said["minLength"]:
        detail = f"{path} in body should be at least {said['minLength']} chars long"
        yield Cause("FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}", path)
        return
    if "pattern" in said and not _pattern(said["pattern"]).search(value):
        detail = f"{path} in body should match '{said['pattern']}'"
        yield Cause("FieldValueInvalid", f"Invalid value: {_shown(value)}: {detail}", path)


def _of_number(node: Node, value: float, path: str) -> Iterator[Cause]:
    said = node.said
    if "minimum" in said and value < said["minimum"]:
        detail = f"{path} in body should be greater than or equal to {said['minimum']}"
        yield Cause("FieldValueInvalid", f"Invalid value: {value}: {detail}", path)
    if "maximum" in said and value > said["maximum"]:
        detail = f"{path} in body should be less than or equal to {said['maximum']}"
        yield Cause("FieldValueInvalid", f"Invalid value: {value}: {detail}", path)


def _shown(value: Any) -> str:
    return _quoted(value) if isinstance(value, str) else json.dumps(value, separators=(",", ":"))


def _quoted(value: Any) -> str:
    return json.dumps(str(value), ensure_ascii=False)


@lru_cache(maxsize=256)
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.removesuffix("$") + r"\Z" if text.endswith("$") else text)
