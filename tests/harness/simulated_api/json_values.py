"""JSON as the API server keeps it: numbers, equality, copies."""

import json
from collections.abc import Callable
from typing import Any

_LARGEST, _LONGEST_DIGITS = 2**63, 1e21


class Whole(int):
    """A number that was sent as a float64 without a fraction."""


def parse(text: bytes) -> Any:
    """Raises ValueError."""
    return json.loads(text, parse_float=_float, parse_int=_int)


def copied(value: Any) -> Any:
    """A deep copy of JSON, faster than copy.deepcopy."""
    if isinstance(value, dict):
        return {key: copied(each) for key, each in value.items()}
    return [copied(each) for each in value] if isinstance(value, list) else value


def same(one: Any, other: Any) -> bool:
    """JSON equality: a boolean is no number, and 1.0 is 1."""
    return _is_same(one, other, lambda _one, _other: True)


def is_unchanged(old: Any, new: Any) -> bool:
    """The same, but a number that was written anew as 1.0 is not the 1 that is stored."""
    return _is_same(old, new, lambda _old, new: not isinstance(new, Whole))


def _is_same(one: Any, other: Any, also: Callable[[Any, Any], bool]) -> bool:
    if one is other:
        return True
    if isinstance(one, dict):
        if not isinstance(other, dict) or one.keys() != other.keys():
            return False
        return all(_is_same(each, other[key], also) for key, each in one.items())
    if isinstance(one, list):
        if not isinstance(other, list) or len(one) != len(other):
            return False
        return all(_is_same(each, there, also) for each, there in zip(one, other, strict=True))
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other) and also(one, other)


def _float(text: str) -> float | int:
    """Go writes a float64 without a fraction as an integer."""
    value = float(text)
    return Whole(value) if value.is_integer() and abs(value) < _LONGEST_DIGITS else value


def _int(text: str) -> float | int:
    value = int(text)
    return value if -_LARGEST <= value < _LARGEST else _float(text)
