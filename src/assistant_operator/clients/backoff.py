"""Exponential backoff. Pure except for the jitter."""

import random
from dataclasses import dataclass

_LARGEST_EXPONENT = 64
"""Longer delays than `first * factor ** 64` are never reached; a larger exponent could overflow."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """The delays between the tries of an operation that fails. The caller counts its failures in a row."""

    first: float
    """Seconds after the first failure."""
    longest: float
    """Upper bound of the delay in seconds, before jitter."""
    factor: float = 2.0
    jitter: float = 0.0
    """The delay is multiplied by a random number between `1 - jitter` and `1 + jitter`."""

    def delay(self, failures: int, retry_after: float | None = None) -> float:
        """Return the seconds until the next try, after that many failures in a row (1 or more).

        `retry_after`: the least delay that the server asks for, in seconds. It may exceed `longest`.
        """
        delay = min(self.first * self.factor ** min(failures - 1, _LARGEST_EXPONENT), self.longest)
        if self.jitter:
            delay *= random.uniform(1 - self.jitter, 1 + self.jitter)  # noqa: S311 (not for cryptography)
        return max(delay, retry_after or 0.0)
