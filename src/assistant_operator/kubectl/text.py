"""Output formats: tables, ages, YAML and JSON. Pure."""

import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import yaml

from assistant_operator.api.meta import FreeForm

GAP = "   "
NONE = "<none>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3_600, 86_400, 365 * 86_400
# As in kubectl: upper bound in seconds, unit, its seconds, the finer unit, its seconds.
_AGES = (
    (2 * _MINUTE, "s", 1, "", 1),
    (10 * _MINUTE, "m", _MINUTE, "s", 1),
    (3 * _HOUR, "m", _MINUTE, "", 1),
    (8 * _HOUR, "h", _HOUR, "m", _MINUTE),
    (2 * _DAY, "h", _HOUR, "", 1),
    (8 * _DAY, "d", _DAY, "h", _HOUR),
    (2 * _YEAR, "d", _DAY, "", 1),
    (8 * _YEAR, "y", _YEAR, "d", _DAY),
    (10_000 * _YEAR, "y", _YEAR, "", 1),
)


def table(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Columns as kubectl aligns them. A control character is shown as `?`: it could move the cursor or set a colour."""
    lines = [list(headers), *([_printable(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "".join(_line(line, widths) for line in lines)


def age(since: datetime | None, now: datetime) -> str:
    """The age as kubectl prints it: 5s, 9m59s, 3d4h, 2y."""
    if since is None:
        return "<unknown>"
    seconds = min(max(0, int((now - since).total_seconds())), _AGES[-1][0] - 1)
    unit, size, finer, step = next(row[1:] for row in _AGES if seconds < row[0])
    whole, rest = divmod(seconds, size)
    below = f"{rest // step}{finer}" if finer and rest // step else ""
    return f"{whole}{unit}{below}"


def as_yaml(content: Any) -> str:
    """JSON content as YAML that every YAML reader parses to the same content, keys included.

    Keys are sorted, as by kubectl. A text of several lines is a block, so that a prompt can be read and compared.
    """
    text: str = yaml.dump(content, Dumper=_Dumper, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n")  # the end marker, which PyYAML adds after a block that ends in empty lines


def as_json(content: Any) -> str:
    return json.dumps(content, indent=4, ensure_ascii=False) + "\n"


def objects(documents: Sequence[FreeForm], output: str, *, is_one: bool) -> str:
    """The objects for `-o json|yaml`: one object, or a List; without managedFields."""
    shown = [_shown(document) for document in documents]
    content = shown[0] if is_one else {"apiVersion": "v1", "items": shown, "kind": "List", "metadata": {}}
    return as_json(content) if output == "json" else as_yaml(content)


def _shown(document: FreeForm) -> FreeForm:
    metadata = {name: value for name, value in document["metadata"].items() if name != "managedFields"}
    return {**document, "metadata": metadata}


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _printable(cell: str) -> str:
    return "".join(character if character.isprintable() else "?" for character in " ".join(cell.split(sep="\n")))


class _Dumper(yaml.SafeDumper):
    """Without anchors and aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (as PyYAML calls it)
        return True


JOINERS = "\u200c\u200d"
"""Invisible characters that emoji and some scripts need."""
# What YAML 1.1, YAML 1.2 or one of their readers parses as a boolean, null, infinity or not-a-number.
_WORDS = {"y", "yes", "true", "on", "n", "no", "false", "off", "null", "nil", "none", "inf", "infinity", "nan"}


def _is_word(text: str) -> bool:
    """Whether every YAML reader parses `text` without quotes as a string.

    Readers disagree about what is a number, a time or a boolean. But each of those begins with a digit, a sign, a dot
    or another indicator, or is one of a few words.
    """
    begins_as_string = text[:1].isalpha() or text[:1] == "/"
    return begins_as_string and text.isprintable() and text.casefold() not in _WORDS


def _is_block(text: str) -> bool:
    """Whether a literal block preserves `text`: it has several lines, and no character must be escaped."""
    return "\n" in text and all(map(_needs_no_escape, text.replace("\n", "")))


def _needs_no_escape(character: str) -> bool:
    # For Python, neither other spaces than U+0020 nor the joiners in emoji are printable.
    return character.isprintable() or character in JOINERS or unicodedata.category(character) == "Zs"


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML itself quotes a text that is not a plain scalar, or that it would not parse as a string.
    style = "|" if _is_block(text) else None if _is_word(text) else "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
