"""The Prometheus metrics of the operator. Names and meanings follow controller-runtime where it has them."""

import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
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
)
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector
from prometheus_client.samples import Sample

from .workqueue import Meter, WorkQueue

_PREFIX = "assistant_operator"
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_NO_ANSWER = "<error>"
"""The code of a request without an answer, as client-go has it."""

M = TypeVar("M", bound=MetricWrapperBase)

GaugeFamily = tuple[str, str, Iterable[tuple[Mapping[str, str], float]]]
"""Name, help text, and the labels and value of each sample."""


class _Series(dict[tuple[str, ...], M], Generic[M]):
    """Caches the series of one metric by label values: `Metric.labels` takes longer than incrementing a counter."""

    def __init__(self, metric: M, *known: tuple[str, ...]) -> None:
        """`known`: label values of the series that exist from the start, with the value 0."""
        super().__init__()
        self._metric = metric
        for values in known:
            self[values]

    def __missing__(self, values: tuple[str, ...]) -> M:
        series = self[values] = self._metric.labels(*values)
        return series


class _Counters(_Series[Counter]):
    """The series of one counter."""

    def inc(self, *values: str) -> None:
        self[values].inc()


class _GaugeCollector(Collector):
    """Shows gauges that are computed at each scrape."""

    def __init__(self, families: Callable[[], Iterable[GaugeFamily]]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        for name, text, samples in self._families():
            metric = Metric(f"{_PREFIX}_{name}", text, "gauge")
            metric.samples = [Sample(metric.name, dict(labels), value) for labels, value in samples]
            yield metric


class QueueMeter(Meter):
    """Records the metrics of one work queue."""

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
    """The metrics of one operator, in a registry of its own.

    What has no method below is an attribute that records one metric: the `inc`, `observe` or `set_function` of it, with
    the label values as arguments.
    """

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._add_history()
        self._add_publication()
        self._add_reconciles()
        self._add_queues()
        self._add_requests()
        self._add_watches()
        self._add_process()

    def _add_history(self) -> None:
        kinds = (("Created",), ("Edited",), ("Reverted",))
        self.made = self._counters("versions_made", "Versions created, by kind of change.", "kind", known=kinds).inc
        self.missed = self._counter("generations_missed", "Edits whose content the operator never received.").inc
        self.pruned = self._counter("versions_pruned", "Versions deleted because of historyLimit.").inc
        text = "Versions created again after they were deleted by hand."
        self.restored = self._counter("versions_restored", text).inc
        self.activated = self._counter("activations", "Changes of the active version of an Assistant.").inc
        self.moved = self._counter("alias_moves", "Moves of an alias from one version to another.").inc
        text = "Seconds from the watch event of an edit to the creation of its version."
        self.recorded = self._histogram("edit_recording_seconds", text).observe
        text = "Seconds since the watch event of the oldest edit without a version."
        self.recording = self._gauge("longest_edit_recording_seconds", text).set_function

    def _add_publication(self) -> None:
        text = "Attempts to publish a version to a LangGraph Server, by result: Published or the reason of the failure."
        self.published = self._counters("publications", text, "result", known=[("Published",)]).inc
        self.event_queued = self._counters("events", "Events queued for posting.", "type", "reason").inc
        self.event_lost = self._counter("events_lost", "Events whose post failed.").inc

    def _add_reconciles(self) -> None:
        self.step = self._counters("steps", "Steps started by reconciles.", "controller", "step").inc
        text = "Writes that the API server refused, by step; each is retried."
        steps = (("alias", "UpdateAliasStatus"), ("assistant", "UpdateStatus"), ("graph", "UpdateGraphStatus"))
        self.refused = self._counters("refused_writes", text, "controller", "step", known=steps).inc
        text = "Fields that the API server did not store because its CustomResourceDefinition lacks them."
        fields = (("Assistant", "status"), ("AssistantAlias", "status"), ("Graph", "status"))
        self._unstored = self._counters("unstored_fields", text, "kind", "field", known=fields)
        self._reconciles = self._counters("reconcile", "Reconciles, by result.", "controller", "result")
        self._errors = self._counters("reconcile_errors", "Reconciles that ended in an error.", "controller")
        text = "Reconciles that raised an unexpected exception."
        self._panics = self._counters("reconcile_panics", text, "controller")
        self._times = _Series(self._histogram("reconcile_time_seconds", "Seconds of one reconcile.", "controller"))

    def _add_queues(self) -> None:
        name = "name"
        self._adds = self._counter("workqueue_adds", "Keys that became due.", name)
        self._retries = self._counter("workqueue_retries", "Keys that were enqueued again after an error.", name)
        self._waited = self._histogram(
            "workqueue_queue_duration_seconds", "Seconds from due to the start of the reconcile.", name
        )
        self._worked = self._histogram("workqueue_work_duration_seconds", "Seconds of one reconcile.", name)
        self._depth = self._gauge("workqueue_depth", "Keys that are due and wait for a worker.", name)
        self._active = self._gauge("active_workers", "Reconciles in progress.", name)
        self._workers = self._gauge("max_concurrent_reconciles", "Number of workers.", name)
        self._unfinished = self._gauge(
            "workqueue_unfinished_work_seconds", "Sum of the seconds of all reconciles in progress.", name
        )
        self._longest = self._gauge(
            "workqueue_longest_running_processor_seconds", "Seconds of the longest reconcile in progress.", name
        )

    def _add_requests(self) -> None:
        self.called = self._requests("rest_client", "Requests to the Kubernetes API")
        """Called with the method, the status code (0 without an answer) and the seconds of a request."""
        self.asked = self._requests("server", "Requests to LangGraph Servers")

    def _requests(self, prefix: str, what: str) -> Callable[[str, int, float], None]:
        text = f"{what}: seconds until an answer began."
        counters = self._counters(f"{prefix}_requests", f"{what}, by method and code.", "method", "code")
        seconds = _Series(self._histogram(f"{prefix}_request_duration_seconds", text, "method"))

        def answered(method: str, code: int, duration: float) -> None:
            counters.inc(method, str(code or _NO_ANSWER))
            seconds[method,].observe(duration)

        return answered

    def _add_watches(self) -> None:
        text = "1 while the objects of a kind cannot be listed or watched in a namespace."
        self._watch_failing = self._gauge("watch_failing", text, "kind", "namespace")
        self._missing_columns = self._gauge(
            "crd_missing_columns", "Columns that the CustomResourceDefinitions lack: they are older than the operator."
        )
        text = "Objects that differed from the state known by watching and were read again."
        self.resynced = self._counters(
            "resyncs", text, "kind", known=[("Assistant",), ("AssistantAlias",), ("Graph",)]
        ).inc

    def _add_process(self) -> None:
        release = self._gauge("build_info", "The versions that run; always 1.", "version", "python", "kopf")
        release.labels(version("assistant-operator"), platform.python_version(), version("kopf")).set(1)
        self._leader = self._gauge("leader_election_master_status", "1 while this replica holds the Lease.", "name")
        self.lease_failed = self._counter("leader_election_errors", "Reads and writes of the Lease that failed.").inc
        ProcessCollector(registry=self.registry)

    def unstored(self, kind: str, fields: Iterable[str]) -> None:
        for field in fields:
            self._unstored.inc(kind, field)

    def reconciled(self, controller: str, result: str, seconds: float) -> None:
        """`result`: success, requeue_after, error, or panic for an unexpected exception."""
        if result in {"error", "panic"}:
            self._errors.inc(controller)
        if result == "panic":
            self._panics.inc(controller)
        self._reconciles.inc(controller, "error" if result == "panic" else result)
        self._times[controller,].observe(seconds)

    def controllers(self, *names: str) -> None:
        """Create the series of these controllers, with the value 0."""
        for name in names:
            for result in ("success", "requeue_after", "error"):
                self._reconciles[name, result]
            self._errors[name,], self._panics[name,]

    def queue(self, name: str) -> QueueMeter:
        counters = (self._adds.labels(name), self._retries.labels(name))
        return QueueMeter(*counters, self._waited.labels(name), self._worked.labels(name))

    def workers(self, name: str, most: int, queue: WorkQueue) -> None:
        """Show the state of a controller's queue. `most`: its number of workers."""
        self._workers.labels(name).set(most)
        self._depth.labels(name).set_function(lambda: queue.due)
        self._active.labels(name).set_function(lambda: len(queue.running()))
        self._unfinished.labels(name).set_function(lambda: sum(queue.running()))
        self._longest.labels(name).set_function(lambda: max(queue.running(), default=0.0))

    def leader_status(self, lease: str, is_held: Callable[[], bool]) -> None:
        self._leader.labels(lease).set_function(is_held)

    def watches(
        self,
        places: Iterable[tuple[str, str]],
        is_failing: Callable[[tuple[str, str]], bool],
        missing_columns: Callable[[], int],
    ) -> None:
        """`places`: kind and namespace of each watch; an empty namespace for all."""
        for place in places:
            self._watch_failing.labels(*place).set_function(partial(is_failing, place))
        self._missing_columns.set_function(missing_columns)

    def object_metrics(self, families: Callable[[], Iterable[GaugeFamily]]) -> None:
        """`families`: returns the metrics of single objects."""
        self.registry.register(_GaugeCollector(families))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _counters(self, name: str, text: str, *labels: str, known: Iterable[tuple[str, ...]] = ()) -> _Counters:
        return _Counters(self._counter(name, text, *labels), *known)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"{_PREFIX}_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Histogram:
        return Histogram(f"{_PREFIX}_{name}", text, labels, buckets=_SECONDS, registry=self.registry)
