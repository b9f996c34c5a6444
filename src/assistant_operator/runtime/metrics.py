"""What is counted, and how it is shown to Prometheus. The only room that knows the client library."""

import platform
from collections.abc import Callable, Iterable
from functools import partial
from importlib.metadata import version
from typing import Generic, TypeVar

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.metrics import MetricWrapperBase

from .workqueue import Meter, WorkQueue

_PREFIX = "assistant_operator"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_NO_ANSWER = "<error>"
"""The code of a request that nobody answered, as client-go has it."""

M = TypeVar("M", bound=MetricWrapperBase)


class _Series(dict[tuple[str, ...], M], Generic[M]):
    """One metric's series by the values of its labels: to find one costs the client library more than to count."""

    def __init__(self, metric: M, *known: tuple[str, ...]) -> None:
        """`known`: series that are there from the beginning, at 0."""
        super().__init__()
        self._metric = metric
        for values in known:
            self[values]

    def __missing__(self, values: tuple[str, ...]) -> M:
        series = self[values] = self._metric.labels(*values)
        return series


class QueueMeter(Meter):
    """Counts what one work queue tells of itself."""

    def __init__(self, adds: Counter, retries: Counter, waited: Histogram, worked: Histogram) -> None:
        self._adds = adds
        self._retries = retries
        self._waited = waited
        self._worked = worked

    def added(self) -> None:
        self._adds.inc()

    def retried(self) -> None:
        self._retries.inc()

    def taken(self, waited: float) -> None:
        self._waited.observe(waited)

    def done(self, seconds: float) -> None:
        self._worked.observe(seconds)


class Metrics:
    """The operator's own figures, in a registry of their own; names and meanings as in controller-runtime."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self._registry = CollectorRegistry()
        self._object_metrics: Callable[[], str] = str
        self._of_history()
        self._of_publication()
        self._of_reconciling()
        self._of_queues()
        self._of_requests()
        self._of_watches()
        self._of_process()

    def _of_history(self) -> None:
        kinds = (("Created",), ("Edited",), ("Reverted",))
        self._made = _Series(self._counter("versions_made", "Versions made, by kind of change.", "kind"), *kinds)
        self._missed = self._counter("generations_missed", "Edits that are in no version, since nobody saw them.")
        self._pruned = self._counter("versions_pruned", "Versions deleted because the history is full.")
        self._restored = self._counter("versions_restored", "Versions that were deleted by hand and brought back.")
        self._activations = self._counter("activations", "Times that another version came into force.")
        self._edits = self._histogram(
            "edit_recording_seconds", "Seconds from seeing an edit to having made its version."
        )
        self._recording = self._gauge(
            "longest_edit_recording_seconds", "Seconds since the oldest edit was seen that is not recorded yet."
        )

    def _of_publication(self) -> None:
        told = "Tries to publish a version to a LangGraph Server, by reason: Published, or why not."
        self._publications = _Series(self._counter("publications", told, "result"), ("Published",))
        self._events = _Series(self._counter("events", "Events told, by type and reason.", "type", "reason"))
        self._events_lost = self._counter("events_lost", "Events that the API server did not take.")

    def _of_reconciling(self) -> None:
        self._steps = _Series(self._counter("steps", "Steps begun.", "controller", "step"))
        self._reconciles = _Series(self._counter("reconcile", "Looks at an object, by result.", "controller", "result"))
        self._errors = _Series(self._counter("reconcile_errors", "Looks that ended in an error.", "controller"))
        told = "Writes that the API server refused, by step; each is tried again."
        steps = (("assistant", "UpdateStatus"), ("graph", "UpdateGraphStatus"))
        self._refused = _Series(self._counter("refused_writes", told, "controller", "step"), *steps)
        told = "Fields that the API server did not store, by kind: its CustomResourceDefinition lacks them."
        kinds = (("Assistant", "status"), ("Graph", "status"))
        self._unstored = _Series(self._counter("unstored_fields", told, "kind", "field"), *kinds)
        self._panics = _Series(self._counter("reconcile_panics", "Looks that brought out a bug.", "controller"))
        self._times = _Series(self._histogram("reconcile_time_seconds", "Seconds one look took.", "controller"))

    def _of_queues(self) -> None:
        name = "name"
        self._adds = self._counter("workqueue_adds", "Objects that became due.", name)
        self._retries = self._counter("workqueue_retries", "Objects to be looked at again after an error.", name)
        self._waited = self._histogram("workqueue_queue_duration_seconds", "Seconds from due to looked at.", name)
        self._worked = self._histogram("workqueue_work_duration_seconds", "Seconds one look took.", name)
        self._depth = self._gauge("workqueue_depth", "Objects that are due and wait for a worker.", name)
        self._active = self._gauge("active_workers", "Looks under way.", name)
        self._workers = self._gauge("max_concurrent_reconciles", "Looks that may be under way at once.", name)
        self._unfinished = self._gauge(
            "workqueue_unfinished_work_seconds", "Seconds that the looks under way have taken, all together.", name
        )
        self._longest = self._gauge(
            "workqueue_longest_running_processor_seconds", "Seconds that the longest look under way has taken.", name
        )

    def _of_requests(self) -> None:
        self._calls, self._call_seconds = self._requests("rest_client", "Requests to the Kubernetes API")
        self._asked, self._asked_seconds = self._requests("server", "Requests to LangGraph Servers")

    def _requests(self, who: str, what: str) -> tuple[_Series[Counter], _Series[Histogram]]:
        counted = self._counter(f"{who}_requests", f"{what}, by method and code.", "method", "code")
        timed = self._histogram(f"{who}_request_duration_seconds", f"{what}: seconds until an answer began.", "method")
        return _Series(counted), _Series(timed)

    def _of_watches(self) -> None:
        self._watch_failing = self._gauge(
            "watch_failing", "Whether objects of a kind cannot be listed or watched.", "kind", "namespace"
        )
        self._missing = self._gauge(
            "crd_missing_columns", "Columns that the installed CustomResourceDefinitions lack: older than the operator."
        )
        told = "Objects that differed from what was watched and were read again."
        self._resyncs = _Series(self._counter("resyncs", told, "kind"), ("Assistant",), ("Graph",))

    def _of_process(self) -> None:
        release = self._gauge("build_info", "What runs here.", "version", "python", "kopf")
        release.labels(version("assistant-operator"), platform.python_version(), version("kopf")).set(1)
        self._leader = self._gauge("leader_election_master_status", "1 while this replica holds the Lease.", "name")
        self._lease_failures = self._counter("leader_election_errors", "Reads and writes of the Lease that failed.")
        ProcessCollector(registry=self._registry)

    # What happens

    def made(self, kind: str) -> None:
        self._made[kind,].inc()

    def recorded(self, seconds: float) -> None:
        self._edits.observe(seconds)

    def missed(self, count: int) -> None:
        self._missed.inc(count)

    def pruned(self) -> None:
        self._pruned.inc()

    def restored(self) -> None:
        self._restored.inc()

    def activated(self) -> None:
        self._activations.inc()

    def published(self, result: str) -> None:
        self._publications[result,].inc()

    def told(self, kind: str, reason: str) -> None:
        self._events[kind, reason].inc()

    def event_lost(self) -> None:
        self._events_lost.inc()

    def step(self, controller: str, step: str) -> None:
        self._steps[controller, step].inc()

    def refused(self, controller: str, step: str) -> None:
        self._refused[controller, step].inc()

    def unstored(self, kind: str, fields: Iterable[str]) -> None:
        for field in fields:
            self._unstored[kind, field].inc()

    def reconciled(self, controller: str, result: str, seconds: float) -> None:
        """`result`: success, requeue_after, error, or panic for an error that nobody foresaw."""
        if result in {"error", "panic"}:
            self._errors[controller,].inc()
        if result == "panic":
            self._panics[controller,].inc()
        self._reconciles[controller, "error" if result == "panic" else result].inc()
        self._times[controller,].observe(seconds)

    def called(self, method: str, code: int, seconds: float) -> None:
        """A request to the API server; code 0 is no answer."""
        self._calls[method, str(code or _NO_ANSWER)].inc()
        self._call_seconds[method,].observe(seconds)

    def asked(self, method: str, code: int, seconds: float) -> None:
        """A request to a LangGraph Server; code 0 is no answer."""
        self._asked[method, str(code or _NO_ANSWER)].inc()
        self._asked_seconds[method,].observe(seconds)

    # What is read when somebody asks

    def controllers(self, *names: str) -> None:
        """Who reconciles: their series are there before anything happened."""
        for name in names:
            for result in ("success", "requeue_after", "error"):
                self._reconciles[name, result]
            self._errors[name,], self._panics[name,]

    def queue(self, name: str) -> QueueMeter:
        counted = (self._adds.labels(name), self._retries.labels(name))
        return QueueMeter(*counted, self._waited.labels(name), self._worked.labels(name))

    def workers(self, name: str, most: int, queue: WorkQueue) -> None:
        self._workers.labels(name).set(most)
        self._depth.labels(name).set_function(lambda: queue.due)
        self._active.labels(name).set_function(lambda: len(queue.running()))
        self._unfinished.labels(name).set_function(lambda: sum(queue.running()))
        self._longest.labels(name).set_function(lambda: max(queue.running(), default=0.0))

    def lease_failed(self) -> None:
        """A call for the Lease failed."""
        self._lease_failures.inc()

    def leads(self, lease: str, is_held: Callable[[], bool]) -> None:
        self._leader.labels(lease).set_function(is_held)

    def watches(
        self, places: Iterable[tuple[str, str]], failing: Callable[[tuple[str, str]], bool], missing: Callable[[], int]
    ) -> None:
        """`places`: kind and namespace of what is watched, empty for all; `missing`: columns."""
        for place in places:
            self._watch_failing.labels(*place).set_function(partial(failing, place))
        self._missing.set_function(missing)

    def resynced(self, kind: str) -> None:
        self._resyncs[kind,].inc()

    def recording(self, longest: Callable[[], float]) -> None:
        self._recording.set_function(longest)

    def object_metrics(self, text: Callable[[], str]) -> None:
        """`text`: the figures of single objects, as Prometheus reads them."""
        self._object_metrics = text

    def text(self) -> bytes:
        """All of it, as Prometheus reads it."""
        return generate_latest(self._registry) + self._object_metrics().encode()

    def _counter(self, name: str, told: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", told, labels, registry=self._registry)

    def _gauge(self, name: str, told: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", told, labels, registry=self._registry)

    def _histogram(self, name: str, told: str, *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", told, labels, buckets=_SECONDS, registry=self._registry)
