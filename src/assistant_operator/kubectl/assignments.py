"""The arguments of `set`: `context.prompt=text`, `context.prompt=@file`, `config.tags:=["a"]`. Pure, but for files."""

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from assistant_operator.api.assistant import AssistantSpec
from assistant_operator.policy.versioning import Path

from .errors import MISUSED, CliError
from .fields import dotted, parse_path

Read = Callable[[str], str]
"""Returns the text of a file, of standard input for `-`. Raises CliError."""

_ASSIGNMENT = re.compile(r"((?:\\.|[^=\\])+?)(:?)=(.*)", re.DOTALL)
_MOST_LEVELS = 10_000
"""Levels of JSON that the API server accepts."""
_TOO_DEEP = f"it has more than {_MOST_LEVELS} levels"
SPEC_FIELDS = tuple(field.alias or name for name, field in AssistantSpec.model_fields.items())


@dataclass(frozen=True, slots=True)
class Assignment:
    """A field of the spec and its new value."""

    path: Path
    value: Any
    note: str = ""
    """What the user may not have meant; empty for nothing."""


def parse_assignments(texts: Sequence[str], read: Read) -> list[Assignment]:
    """The assignments in order. Raises CliError, without values: they may be secret."""
    if sum(text.endswith("=@-") for text in texts) > 1:
        raise CliError("error: only one field can have the text of standard input (@-)", MISUSED)
    return [_parse(text, read) for text in texts]


def _parse(text: str, read: Read) -> Assignment:
    match = _ASSIGNMENT.fullmatch(text)
    if match is None:
        raise CliError(f"error: {text!r} is no assignment: write context.prompt=TEXT or context.prompt=@FILE", MISUSED)
    name, colon, value = match.groups()
    try:
        path = parse_path(name)
    except ValueError as error:
        raise CliError(f"error: {error}", MISUSED) from None
    if path[0] not in SPEC_FIELDS:
        raise CliError(f"error: spec has no field {path[0]!r}: it has {', '.join(SPEC_FIELDS)}", MISUSED)
    if value.startswith("@"):
        content = read(value[1:])
        return Assignment(path, _json(path, content) if colon else content)
    if colon:
        return Assignment(path, _json(path, value))
    return _inferred(path, value)


def _json(path: Path, text: str) -> Any:
    try:
        return parse_json(text)
    except json.JSONDecodeError as error:
        what = f"{error.msg} at line {error.lineno}, column {error.colno}"
    except ValueError as error:
        what = str(error)
    raise CliError(f"error: the value of {dotted(path)} is not JSON: {what}", MISUSED)


def _inferred(path: Path, text: str) -> Assignment:
    """As `helm --set`: what is JSON is that value, all else is a text."""
    try:
        return Assignment(path, parse_json(text))
    except ValueError:
        is_like_json = text[:1] in ("{", "[", '"') and not text.startswith("{{")
    note = f"the value of {dotted(path)} begins like JSON and is not JSON: it is set as text" if is_like_json else ""
    return Assignment(path, text, note)


def parse_json(text: str) -> Any:
    """The value of a JSON text. Raises ValueError, also for what the API server does not accept."""
    try:
        value = json.loads(text, parse_constant=_no_number, parse_float=_finite)
    except RecursionError:
        raise ValueError(_TOO_DEEP) from None
    _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(_MOST_LEVELS):
        if not level:
            return
        level = [
            each
            for above in level
            if isinstance(above, dict | list)
            for each in (above.values() if isinstance(above, dict) else above)
        ]
    raise ValueError(_TOO_DEEP)


def _no_number(text: str) -> Any:
    raise ValueError(f"JSON has no {text}")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError("a number is too large")
    return number
