"""What docs/benchmarks.md shows of the last results of `make bench`."""

from statistics import median

from benchmarks.report import read, table

from . import DOCS

RESULTS = DOCS / "benchmarks.json"
_PEER = "× peer"
_LARGEST = 4.0
"""Of the chart's axis. Longer bars end there, and the table has their figures."""


def results() -> str:
    """One table with the rows of all parts."""
    return table([row for rows in read(RESULTS).values() for row in rows])


def summary() -> str:
    """A short table: the medians beside the Go controller, and the edits of one object that are kept."""
    rows = [row for row in read(RESULTS)["contest"] if row.unit == _PEER and row.short]
    lines = [
        "| this operator beside a minimal controller in Go | measured | goal |",
        "|---|---|---|",
        *(f"| {row.short} | {median(row.rounds):.2f} × | {row.goal:g} × |" for row in rows),
    ]
    return "\n".join(lines)


def chart() -> str:
    """Bars of what the operator needs beside the Go controller, and a line with the goals. One is the same."""
    rows = [row for row in read(RESULTS)["contest"] if row.unit == _PEER and not row.more_is_better]
    names = ", ".join(f'"{row.short or row.what}"' for row in rows)
    bars = ", ".join(f"{min(median(row.rounds), _LARGEST):.2f}" for row in rows)
    goals = ", ".join(f"{row.goal or 1:.2f}" for row in rows)
    lines = (
        "```mermaid",
        "xychart-beta",
        '    title "This operator beside the Go controller: less is better"',
        f"    x-axis [{names}]",
        f'    y-axis "× the Go controller" 0 --> {_LARGEST}',
        f"    bar [{bars}]",
        f"    line [{goals}]",
        "```",
    )
    return "\n".join(lines)
