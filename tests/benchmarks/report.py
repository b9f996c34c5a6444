"""Figures as a table for docs/benchmarks.md."""

from dataclasses import dataclass
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


def table(rows: list[Row]) -> str:
    """Markdown."""
    lines = [("what", "measured", "goal", "met"), ("---", "---", "---", "---"), *(row.cells() for row in rows)]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def _plain(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 20 or figure == int(figure) else f"{figure:.2f}"
