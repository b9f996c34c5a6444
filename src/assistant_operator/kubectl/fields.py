"""Names of fields as users type them: `context.prompt` or the JSON Pointer `/context/prompt`. Pure."""

import re
from collections.abc import Iterator
from enum import Enum
from typing import Any, Literal

from assistant_operator.policy.versioning import Path

_STEP = re.compile(r"(?:\\.|[^.\\])+", re.DOTALL)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_TILDE = re.compile(r"~(?![01])")


class _Missing(Enum):
    MISSING = "missing"


MISSING = _Missing.MISSING
"""The value of a field that does not exist: null is a value."""
Value = Any | Literal[_Missing.MISSING]


def parse_path(text: str) -> Path:
    r"""The steps of a path below `spec`, such as ("context", "prompt"). Raises ValueError with a message for the user.

    `\.` in a dotted path is a dot within a name. The first step may be `spec`.
    """
    steps = _of_pointer(text) if text.startswith("/") else _of_dots(text)
    steps = steps[1:] if steps[0] == "spec" else steps
    if not steps:
        raise ValueError(f"{text!r} is not a field: name one below spec, such as context.prompt")
    return steps


def _of_pointer(text: str) -> Path:
    if _TILDE.search(text):
        raise ValueError(f"{text!r} is not a JSON Pointer: '~' is written as ~0, and '/' within a name as ~1")
    return tuple(step.replace("~1", "/").replace("~0", "~") for step in text[1:].split("/"))


def _of_dots(text: str) -> Path:
    steps = _STEP.findall(text)
    if not steps or ".".join(steps) != text:
        raise ValueError(f"{text!r} is not a field: write context.prompt, or the JSON Pointer /context/prompt")
    return tuple(_ESCAPED.sub(r"\1", step) for step in steps)


def dotted(path: Path) -> str:
    """The path as `parse_path` reads it, in dots."""
    return ".".join(re.sub(r"([.\\=])", r"\\\1", step) for step in path)


def value_at(content: Any, path: Path) -> Value:
    """The value in JSON content; MISSING if there is none. A step into a list is an index."""
    for step in path:
        if isinstance(content, dict) and step in content:
            content = content[step]
        elif isinstance(content, list) and step.isdecimal() and int(step) < len(content):
            content = content[int(step)]
        else:
            return MISSING
    return content


def leaves(content: Any, at: Path = ()) -> Iterator[Path]:
    """The paths of the values in JSON content that are no objects with content."""
    if isinstance(content, dict) and content:
        for name, value in content.items():
            yield from leaves(value, (*at, name))
    elif at:
        yield at
