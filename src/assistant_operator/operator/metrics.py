"""What is counted, and how it is shown to Prometheus. The only room that knows the client library."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_PREFIX = "assistant_operator"


class Metrics:
    """The operator's own figures, in a registry of their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._made = self._counter("versions_made", "Versions made, by kind of change.", "kind")
        self._missed = self._counter("generations_missed", "Edits that are in no version, since nobody saw them.")
        self._steps = self._counter("steps", "Steps taken.", "kind", "step")
        self._reconciles = self._counter("reconciles", "Looks at an object, by how they ended.", "kind", "result")
        self._calls = self._counter("api_calls", "Calls of the Kubernetes API; code 0 is no answer.", "method", "code")
        self._seconds = Histogram(
            f"{_PREFIX}_reconcile_seconds", "Seconds one look took.", ["kind"], registry=self._registry
        )
        self._call_seconds = Histogram(
            f"{_PREFIX}_api_call_seconds", "Seconds until the API answered.", ["method"], registry=self._registry
        )
        self._queue = Gauge(f"{_PREFIX}_queue_length", "Objects waiting to be looked at.", registry=self._registry)
        self._leading = Gauge(f"{_PREFIX}_leading", "1 while this replica leads.", registry=self._registry)

    def made(self, kind: str) -> None:
        self._made.labels(kind).inc()

    def missed(self, count: int) -> None:
        self._missed.inc(count)

    def step(self, kind: str, step: str) -> None:
        self._steps.labels(kind, step).inc()

    def reconciled(self, kind: str, result: str, seconds: float) -> None:
        self._reconciles.labels(kind, result).inc()
        self._seconds.labels(kind).observe(seconds)

    def called(self, method: str, code: int, seconds: float) -> None:
        self._calls.labels(method, str(code)).inc()
        self._call_seconds.labels(method).observe(seconds)

    def queued(self, length: int) -> None:
        self._queue.set(length)

    def leads(self, leading: bool) -> None:  # noqa: FBT001 (a gauge's value)
        self._leading.set(leading)

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", help_, labels, registry=self._registry)
