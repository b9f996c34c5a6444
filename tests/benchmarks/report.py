"""Figures as rows of a table, and as the JSON that docs/benchmarks.md is generated from."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median


@dataclass(frozen=True)
class Row:
    """One thing measured, once a round, and its goal."""

    what: str
    rounds: list[float]
    unit: str
    goal: float | None = None
    """None for what is only good to know."""
    more_is_better: bool = False
    short: str = ""
    """Its name in the chart."""

    @property
    def is_missed(self) -> bool:
        if self.goal is None:
            return False
        reached = median(self.rounds)
        return reached < self.goal if self.more_is_better else reached > self.goal

    def cells(self) -> tuple[str, str, str, str]:
        figures = (
            f"{_plain(median(self.rounds))} ({_plain(min(self.rounds))} to {_plain(max(self.rounds))}) {self.unit}"
        )
        if self.goal is None:
            return self.what, figures.strip(), "", ""
        sign = "≥" if self.more_is_better else "≤"
        return (
            self.what,
            figures.strip(),
            f"{sign} {_plain(self.goal)} {self.unit}".strip(),
            "no" if self.is_missed else "yes",
        )


def contest_rows(found: dict[str, list[dict[str, float]]], objects: int, row: int) -> list[Row]:
    """What this operator needs beside the others, in the same round."""

    def beside(other: str, name: str) -> list[float]:
        ours, theirs = ([figures[name] for figures in found[of]] for of in ("operator", other))
        return [one / max(another, 0.001) for one, another in zip(ours, theirs, strict=True)]

    edit, burst = "one edit → version visible", f"{objects} objects edited at once"
    rows = [
        Row(f"{edit}, p50", beside("peer", "p50"), "× peer", 0.8, short="edit, p50"),
        Row(f"{edit}, p99", beside("peer", "p99"), "× peer", 0.9, short="edit, p99"),
        Row(f"{burst}: captured a second", beside("peer", "burst_rate"), "× peer", 1.6, more_is_better=True),
        Row(f"{burst}: last edit → last version", beside("peer", "burst_lag"), "× peer", 0.35, short="burst, lag"),
        Row("one edit: processor time of the controller", beside("peer", "cpu_edit"), "× peer", 1.3, short="CPU, edit"),
        Row(
            f"{burst}: processor time of the controller", beside("peer", "cpu_burst"), "× peer", 1.3, short="CPU, burst"
        ),
        Row("memory of the controller", beside("peer", "memory"), "× peer", 2, short="memory"),
    ]
    for name, by_round in found.items():
        kept = [figures["kept"] for figures in by_round if "kept" in figures]
        if kept:
            goal = row if name == "operator" else None
            rows.append(
                Row(f"{row} edits of one object in a row: versions ({name})", kept, "", goal, more_is_better=True)
            )
    return [
        *rows,
        Row(f"{edit}, p50", beside("statefulsets", "p50"), "× StatefulSet", 1.0),
        Row(f"{edit}, p99", beside("statefulsets", "p99"), "× StatefulSet", 1.0),
        Row(
            f"{burst}: captured a second",
            beside("statefulsets", "burst_rate"),
            "× StatefulSet",
            1.0,
            more_is_better=True,
        ),
        Row(f"{edit}, p50", beside("bare", "p50"), "× bare PATCH + POST", 1.1),
    ]


def table(rows: Sequence[Row]) -> str:
    """Markdown."""
    lines = [("what", "measured", "goal", "met"), ("---", "---", "---", "---"), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def write(path: Path, part: str, rows: Sequence[Row], rounds: int) -> None:
    """Replace the rows of that part in a file of results, which is created if it does not exist."""
    results = json.loads(path.read_text()) if path.exists() else {}
    results[part] = {
        "date": datetime.now(UTC).date().isoformat(),
        "rounds": rounds,
        "rows": [{**asdict(row), "rounds": [float(f"{each:.4g}") for each in row.rounds]} for row in rows],
    }
    path.write_text(json.dumps(results, indent=1) + "\n")


def read(path: Path) -> dict[str, list[Row]]:
    """The rows of a file of results, by part."""
    return {part: [Row(**row) for row in found["rows"]] for part, found in json.loads(path.read_text()).items()}


def _plain(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 20 or figure == int(figure) else f"{figure:.2f}"
