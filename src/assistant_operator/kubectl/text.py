"""How things are spelled for people and their tools: tables, ages, YAML and JSON. Pure."""

import json
import math
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import yaml

from ..resources.meta import FreeForm

GAP = "   "
NONE = "<none>"
_MINUTE, _HOUR, _DAY, _YEAR = 60, 3_600, 86_400, 365 * 86_400
# Below how many seconds which unit is told, and with it which finer one: as kubectl has it.
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
    """Columns as kubectl lines them up. What would move the cursor or change a colour is shown as `?`."""
    lines = [list(headers), *([_tame(cell) for cell in row] for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(headers))]
    return "".join(_line(line, widths) for line in lines)


def age(since: datetime | None, now: datetime) -> str:
    """As kubectl tells it: 5s, 9m59s, 3d4h, 2y."""
    if since is None:
        return "<unknown>"
    seconds = min(max(0, int((now - since).total_seconds())), _AGES[-1][0] - 1)
    unit, size, finer, step = next(each[1:] for each in _AGES if seconds < each[0])
    whole, rest = divmod(seconds, size)
    below = f"{rest // step}{finer}" if finer and rest // step else ""
    return f"{whole}{unit}{below}"


def as_yaml(content: Any) -> str:
    """JSON content as YAML that every reader takes for the same content, keys included.

    Sorted like kubectl's; text of several lines as a block, so that a prompt can be read and compared.
    """
    text: str = yaml.dump(content, Dumper=_Dumper, allow_unicode=True, width=math.inf)
    return text.removesuffix("...\n")  # a mark for what may follow where the last text ends in empty lines


def as_json(content: Any) -> str:
    return json.dumps(content, indent=4, ensure_ascii=False) + "\n"


def objects(documents: Sequence[FreeForm], output: str, *, is_one: bool) -> str:
    """The objects as `-o json|yaml` shows them: one by itself, several as a List; without the managed fields."""
    shown = [_shown(document) for document in documents]
    content = shown[0] if is_one else {"apiVersion": "v1", "items": shown, "kind": "List", "metadata": {}}
    return as_json(content) if output == "json" else as_yaml(content)


def _shown(document: FreeForm) -> FreeForm:
    metadata = {name: value for name, value in document["metadata"].items() if name != "managedFields"}
    return {**document, "metadata": metadata}


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return GAP.join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip() + "\n"


def _tame(cell: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in " ".join(cell.split(sep="\n")))


class _Dumper(yaml.SafeDumper):
    """Without anchors: what stands twice is written twice."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (as PyYAML calls it)
        return True


_JOINERS = "\u200c\u200d"
# What YAML 1.1, YAML 1.2 or one of their readers takes for a boolean, null, a number that is none, or a merge.
_WORDS = {"y", "yes", "true", "on", "n", "no", "false", "off", "null", "nil", "none", "inf", "infinity", "nan"}


def _is_word(text: str) -> bool:
    """Whether no reader takes `text`, without quotes, for anything but a string.

    Readers disagree about what else is a number, a time or a boolean, but each of those begins with a digit, a sign, a
    dot or another indicator, or is one of a few words.
    """
    begins_well = text[:1].isalpha() or text[:1] == "/"
    return begins_well and text.isprintable() and text.casefold() not in _WORDS


def _is_block(text: str) -> bool:
    """Whether a literal block gives back `text` exactly: lines, no other breaks, nothing that must be escaped."""
    return "\n" in text and all(map(_stands_as_it_is, text.replace("\n", "")))


def _stands_as_it_is(character: str) -> bool:
    # Spaces of every width, and what joins emoji, are no printable characters for Python.
    return character.isprintable() or character in _JOINERS or unicodedata.category(character) == "Zs"


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    # PyYAML still quotes what is no plain scalar, and what it would read as something else itself.
    style = "|" if _is_block(text) else None if _is_word(text) else "'" if text.isprintable() else '"'
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)
