"""How things are spelled for people and their tools: tables, ages, YAML and JSON. Pure."""

import json
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
    """Sorted like kubectl's; text of several lines as a block, so that a prompt can be read and compared."""
    return yaml.dump(content, Dumper=_Dumper, allow_unicode=True, width=10_000)


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


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
