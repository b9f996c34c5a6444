"""Pauses between tries that fail: each twice as long as the one before, up to a limit, none exactly so."""

import random

FIRST, LONGEST = 0.2, 5.0


class Backoff:
    """The pauses of one thing that is tried again and again."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        """Both in seconds."""
        self._first = first
        self._longest = longest
        self._next = first

    def failed(self, at_least: float | None = None) -> float:
        """Seconds to wait now; `at_least`: what the other side asked for."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        return max(pause * random.uniform(0.8, 1.2), at_least or 0.0)  # noqa: S311 (jitter)

    @property
    def is_long(self) -> bool:
        """Whether several tries have failed since the last that did not."""
        return self._next > self._first * 4

    def succeeded(self) -> None:
        self._next = self._first
