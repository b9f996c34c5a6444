"""What happened in a simulation, in words, with the virtual time."""

from collections.abc import Callable
from typing import NamedTuple


class Entry(NamedTuple):
    """One thing that happened; `time` in virtual seconds since the start."""

    time: float
    node: str
    text: str

    def __str__(self) -> str:
        return f"{self.time:12.6f}  {self.node:<14} {self.text}"


class Trace:
    """Entries in the order in which they happened."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.entries: list[Entry] = []

    def add(self, node: str, text: str) -> None:
        self.entries.append(Entry(self._clock(), node, text))

    def text(self, last: int | None = None) -> str:
        """One line an entry; only the `last` ones if there are more."""
        chosen = self.entries if last is None else self.entries[-last:]
        return "\n".join(map(str, chosen))
