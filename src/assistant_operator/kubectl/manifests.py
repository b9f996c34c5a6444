"""Reads manifests, YAML or JSON, as JSON content: nothing is guessed, and nothing is dropped. Pure."""

import json
import math
import re
from collections.abc import Hashable, Iterator
from typing import Any

import yaml
from yaml.composer import Composer
from yaml.constructor import SafeConstructor
from yaml.resolver import BaseResolver

_PARSER: Any = getattr(yaml.cyaml, "CParser", yaml.SafeLoader) if yaml.__with_libyaml__ else yaml.SafeLoader
_TOO_LARGE = "a number is too large"


class Unreadable(ValueError):
    """The text is not YAML or JSON. The message names the place, and no content."""


def manifests(content: bytes) -> Iterator[Any]:
    """The objects in the text: those of each document, and of a List each item.

    Raises Unreadable, and RecursionError for content that is nested too deeply.
    """
    documents = [document for document in _documents(_text(content)) if document is not None]
    if not documents:
        raise Unreadable("it has no objects")
    for document in documents:
        yield from _items(document)


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable(f"it is not text in UTF-8 (byte {error.start})") from None
    if "\0" in text:
        raise Unreadable("it is not text")
    return text


def _items(document: Any) -> Iterator[Any]:
    if not isinstance(document, dict):
        raise Unreadable("it has a document that is not an object")
    if "items" not in document:
        yield document
        return
    # The keys of an export are sorted: `kind` follows the items, and is missing if the file breaks off.
    if not str(document.get("kind", "")).endswith("List") or not isinstance(document["items"], list):
        raise Unreadable("it breaks off: a list has no kind")
    yield from document["items"]


def _documents(text: str) -> list[Any]:
    try:
        if text.lstrip()[:1] == "{":
            return [json.loads(text, object_pairs_hook=_unique, parse_float=_finite, parse_constant=_not_json)]
        return list(_Reader(text).documents())
    except json.JSONDecodeError as error:
        raise Unreadable(f"line {error.lineno}: {error.msg}") from None
    except yaml.MarkedYAMLError as error:
        where = f"line {error.problem_mark.line + 1}: " if error.problem_mark else ""
        raise Unreadable(f"{where}{error.problem}") from None
    except yaml.YAMLError:
        raise Unreadable("it has characters that YAML does not allow") from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise Unreadable("an object has a key twice")
    return content


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise Unreadable(_TOO_LARGE)
    return number


def _not_json(word: str) -> float:
    raise Unreadable(f"{word} is not JSON")


class _Reader(Composer, SafeConstructor, BaseResolver):
    """Of YAML the part that JSON has, as kubectl reads it; no aliases, and no key twice."""

    def __init__(self, text: str) -> None:
        self._parser = _PARSER(text)
        Composer.__init__(self)
        SafeConstructor.__init__(self)
        BaseResolver.__init__(self)

    def documents(self) -> Iterator[Any]:
        while self.check_data():  # type: ignore[no-untyped-call]
            yield self.get_data()

    def check_event(self, *choices: Any) -> bool:
        return bool(self._parser.check_event(*choices))

    def peek_event(self) -> Any:
        return self._parser.peek_event()

    def get_event(self) -> Any:
        return self._parser.get_event()

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.MarkedYAMLError(problem="aliases are not read", problem_mark=self.peek_event().start_mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:  # noqa: FBT001, FBT002 (PyYAML's)
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if not all(isinstance(key, str) for key in keys):
            raise yaml.MarkedYAMLError(problem="a key is not text", problem_mark=node.start_mark)
        if len(set(keys)) < len(keys):
            raise yaml.MarkedYAMLError(problem="a key exists twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: Any) -> None:
        """No merge keys: `<<` is a key."""

    def number(self, node: Any) -> float:
        try:
            return _finite(self.construct_scalar(node))
        except Unreadable as error:
            raise yaml.MarkedYAMLError(problem=str(error), problem_mark=node.start_mark) from None

    def refused(self, node: Any) -> None:
        raise yaml.MarkedYAMLError(problem="the tag is not read", problem_mark=node.start_mark)


_TAG = "tag:yaml.org,2002:"
_TAGS = ("null", "bool", "int", "str", "seq", "map")
_BOOLEAN = "yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF"
_FLOAT = r"[-+]?((0|[1-9][0-9]*)(\.[0-9]*)?|\.[0-9]+)([eE][-+]?[0-9]+)?"
# In this order: an integer is also a float.
for _name, _pattern, _first in (
    ("null", "~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", _BOOLEAN, list("yYnNtTfFoO")),
    ("int", "[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", _FLOAT, list("-+.0123456789")),
):
    _Reader.add_implicit_resolver(_TAG + _name, re.compile(rf"^(?:{_pattern})$"), _first)
_Reader.yaml_constructors = {
    **{f"{_TAG}{name}": SafeConstructor.yaml_constructors[f"{_TAG}{name}"] for name in _TAGS},
    f"{_TAG}float": _Reader.number,
    None: _Reader.refused,
}
