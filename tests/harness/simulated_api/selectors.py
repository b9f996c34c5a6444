"""Label and field selectors as predicates over an object."""

import re
from collections.abc import Callable
from typing import Any

from .resources import Resource
from .statuses import NotSimulated, bad_request

Json = dict[str, Any]
Matches = Callable[[Json], bool]

_IN = re.compile(r"(?P<key>\S+)\s+(?P<how>in|notin)\s+\((?P<values>[^)]*)\)")
_EQUALS = re.compile(r"(?P<key>[^!=\s]+)\s*(?P<how>==|=|!=)\s*(?P<value>[^=\s]*)")


def selector(resource: Resource, labels: str, fields: str) -> Matches | None:
    """None if everything matches. Raises ApiError 400 for a field that cannot be selected by."""
    parts = [_label(each) for each in _split(labels)] + [_field(resource, each) for each in _split(fields)]
    if not parts:
        return None
    return lambda content: all(part(content) for part in parts)


def _split(text: str) -> list[str]:
    """At commas that are not in parentheses."""
    return [part.strip() for part in re.split(r",(?![^(]*\))", text) if part.strip()]


def _label(text: str) -> Matches:
    if found := _IN.fullmatch(text):
        values = {each.strip() for each in found["values"].split(",")}
        key, is_in = found["key"], found["how"] == "in"
        return lambda content: (_labels(content).get(key) in values) == is_in
    if found := _EQUALS.fullmatch(text):
        key, value, is_equal = found["key"], found["value"], found["how"] != "!="
        return lambda content: (_labels(content).get(key) == value) == is_equal
    if text.startswith("!"):
        return lambda content: text[1:] not in _labels(content)
    if re.search(r"[\s=()]", text):
        raise NotSimulated(f"the label selector {text!r}")
    return lambda content: text in _labels(content)


def _labels(content: Json) -> Json:
    return content["metadata"].get("labels") or {}


def _field(resource: Resource, text: str) -> Matches:
    found = _EQUALS.fullmatch(text)
    if not found:
        raise NotSimulated(f"the field selector {text!r}")
    way, value, is_equal = found["key"], found["value"], found["how"] != "!="
    if way not in ("metadata.name", "metadata.namespace") and f".{way}" not in resource.selectable:
        raise bad_request(f"field label not supported: {way}")
    steps = way.split(".")
    return lambda content: (_at(content, steps) == value) == is_equal


def _at(content: Any, steps: list[str]) -> str:
    """The value as text; empty where there is none."""
    for step in steps:
        content = content.get(step) if isinstance(content, dict) else None
    return "" if content is None else str(content)
