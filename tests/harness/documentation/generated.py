"""The parts of README.md and docs/ that are generated; in a page each stands between two comments."""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from . import ROOT, benchmarks, conditions, reference

Part = Callable[[], str]
PARTS: Mapping[str, Mapping[str, Part]] = {
    "README.md": {"benchmarks": benchmarks.summary},
    "docs/api.md": {"reference": reference.text},
    "docs/conditions.md": {"conditions": conditions.types, "reasons": conditions.reasons, "events": conditions.events},
    "docs/benchmarks.md": {"results": benchmarks.results, "chart": benchmarks.chart},
}
"""By page and by the name in the comments."""


def written() -> Iterator[tuple[Path, str]]:
    """Each page with generated parts, and the text that it should have."""
    for name in PARTS:
        yield ROOT / name, filled((ROOT / name).read_text(), name)


def filled(page: str, name: str) -> str:
    """The text of a page with all its generated parts as the code is now. Raises ValueError where one is missing."""
    for part, text in PARTS[name].items():
        begin, end = f"<!-- generated: {part} -->\n", f"<!-- end of {part} -->\n"
        pieces = re.split(f"{re.escape(begin)}.*?{re.escape(end)}", page, flags=re.DOTALL)
        if len(pieces) != 2:
            raise ValueError(f"{name} has {len(pieces) - 1} parts '{part}', and should have one")
        page = f"{begin}\n{text()}\n\n{end}".join(pieces)
    return page
