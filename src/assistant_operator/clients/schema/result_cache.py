"""Cache of validation results: bounded in number and size. A result that is not final expires."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from assistant_operator.api.schema_result import Fit, Invalid, SchemaError
from assistant_operator.clients.backoff import Backoff

FIRST_RETRY = 60.0
"""Seconds until a validation that failed for a temporary reason is repeated; doubled after each further failure."""


@dataclass(slots=True)
class _Entry:
    fit: Fit
    tries: int = 1
    """Validations since the last final result, that one included."""
    until: float | None = None
    """When the entry expires, by the clock; None for never."""


class ResultCache:
    """Results by digest. Evicts the oldest. The results contain no content and no schema."""

    def __init__(self, *, most: int, most_characters: int, clock: Callable[[], float] = time.monotonic) -> None:
        """`most`: number of results; `most_characters`: total length of their messages."""
        self._most = most
        self._most_characters = most_characters
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._characters = 0

    def get(self, key: str) -> Fit | None:
        """Return the result, its `retry_after` being the remaining seconds; None if there is none or it has expired."""
        entry = self._entries.get(key)
        if entry is None:
            return None
        if entry.until is None or not isinstance(entry.fit, SchemaError):
            return entry.fit
        left = entry.until - self._clock()
        return replace(entry.fit, retry_after=left) if left > 0 else None

    def put(self, key: str, fit: Fit) -> Fit:
        """Store and return `fit`. If it is not final, its `retry_after` is the upper bound of the backoff."""
        before = self._entries.pop(key, None)
        self._characters -= _length(before.fit) if before else 0
        entry = _Entry(fit)
        if isinstance(fit, SchemaError) and fit.retry_after is not None:
            entry.tries = before.tries + 1 if before else 1
            delay = Backoff(FIRST_RETRY, fit.retry_after).delay(entry.tries)
            entry.fit, entry.until = replace(fit, retry_after=delay), self._clock() + delay
        self._entries[key] = entry
        self._characters += _length(entry.fit)
        while len(self._entries) > self._most or (self._characters > self._most_characters and len(self._entries) > 1):
            self._characters -= _length(self._entries.pop(next(iter(self._entries))).fit)
        return entry.fit


def _length(fit: Fit) -> int:
    match fit:
        case Invalid(problems):
            return len(problems)
        case SchemaError(why):
            return len(why)
    return 0
