"""Circuit breakers: after a failure, no request is sent to a server for some time."""

import asyncio
from dataclasses import dataclass, replace

from assistant_operator.clients.backoff import Backoff
from assistant_operator.clients.expiring import Expiring
from assistant_operator.clients.http.responses import LONGEST_RETRY_AFTER

BACKOFF = Backoff(first=0.5, longest=30.0)
_MOST_CIRCUITS = 10_000


@dataclass(frozen=True, slots=True)
class _Circuit:
    failures: int = 0
    """Failures in a row."""
    open_until: float = 0.0
    """In seconds of the event loop."""
    error: str = ""


class CircuitBreaker:
    """One circuit for each key. A circuit is dropped LONGEST_RETRY_AFTER seconds after its last change."""

    def __init__(self) -> None:
        self.circuits: Expiring[bytes, _Circuit] = Expiring(LONGEST_RETRY_AFTER, _MOST_CIRCUITS)

    def is_open(self, key: bytes) -> tuple[str, float] | None:
        """Return the error that opened the circuit, and for how many seconds it stays open; None if it is closed."""
        circuit = self.circuits.get(key)
        left = circuit.open_until - _now() if circuit else 0.0
        return (circuit.error, left) if circuit and left > 0 else None

    def failed(self, key: bytes, error: str, retry_after: float | None = None) -> float:
        """Open the circuit for `retry_after` seconds, by default with exponential backoff. Returns the seconds."""
        circuit, now = self.circuits.get(key) or _Circuit(), _now()
        # Concurrent requests fail for the same cause: they count as one failure.
        failures = max(circuit.failures + (now >= circuit.open_until), 1)
        delay = retry_after or BACKOFF.delay(failures)
        self.circuits[key] = _Circuit(failures, max(circuit.open_until, now + delay), error)
        return delay

    def succeeded(self, key: bytes) -> None:
        """Reset the failures. The circuit stays open until a Retry-After has passed."""
        circuit = self.circuits.get(key)
        if circuit and circuit.open_until <= _now():
            self.circuits.pop(key, None)
        elif circuit:
            self.circuits[key] = replace(circuit, failures=0)


def _now() -> float:
    return asyncio.get_running_loop().time()
