"""Exponential backoff with a limit and with jitter."""

import random

FIRST, LONGEST = 0.2, 5.0


class Backoff:
    """The state of one operation that is retried."""

    def __init__(self, first: float = FIRST, longest: float = LONGEST) -> None:
        """`first`, `longest`: delays in seconds, before jitter."""
        self._first = first
        self._longest = longest
        self._next = first

    def failed(self, at_least: float | None = None) -> float:
        """Record a failure. Returns the delay until the next try, in seconds, of at least `at_least`."""
        pause, self._next = self._next, min(self._next * 2, self._longest)
        return max(pause * random.uniform(0.8, 1.2), at_least or 0.0)  # noqa: S311 (jitter)

    @property
    def is_long(self) -> bool:
        """Whether three or more tries in a row have failed."""
        return self._next > self._first * 4

    def succeeded(self) -> None:
        self._next = self._first
