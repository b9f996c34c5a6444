"""Metrics as Prometheus parses them: names, labels, values."""

import asyncio
import platform
from collections.abc import Callable
from importlib.metadata import version

import pytest
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.workqueue import WorkQueue
from harness.support.timeless import timeless

Sample = tuple[str, dict[str, str], float]
QUEUE = {"name": "assistant"}
KINDS = ("Created", "Edited", "Reverted")
WATCHED = ("Assistant", "AssistantAlias", "Graph")


def samples(metrics: Metrics) -> list[Sample]:
    families = text_string_to_metric_families(generate_latest(metrics.registry).decode())
    return [(sample.name, sample.labels, sample.value) for family in families for sample in family.samples]


def values(metrics: Metrics) -> dict[str, float]:
    """The metrics of one queue, without the buckets of histograms."""
    of = [(name, value) for name, labels, value in samples(metrics) if labels == QUEUE]
    return {name.removeprefix("assistant_operator_"): value for name, value in of}


@pytest.mark.parametrize(
    ("count", "expected"),
    [
        pytest.param(
            lambda metrics: metrics.made("Reverted"), ("versions_made_total", {"kind": "Reverted"}, 1), id="a version"
        ),
        pytest.param(lambda metrics: metrics.recorded(0.5), ("edit_recording_seconds_sum", {}, 0.5), id="an edit"),
        pytest.param(lambda metrics: metrics.missed(3), ("generations_missed_total", {}, 3), id="missed generations"),
        pytest.param(lambda metrics: metrics.pruned(), ("versions_pruned_total", {}, 1), id="a pruned version"),
        pytest.param(lambda metrics: metrics.restored(), ("versions_restored_total", {}, 1), id="a restored version"),
        pytest.param(lambda metrics: metrics.activated(), ("activations_total", {}, 1), id="an activation"),
        pytest.param(lambda metrics: metrics.moved(), ("alias_moves_total", {}, 1), id="a move of an alias"),
        pytest.param(
            lambda metrics: metrics.published("ServerUnreachable"),
            ("publications_total", {"result": "ServerUnreachable"}, 1),
            id="an attempt to publish",
        ),
        pytest.param(
            lambda metrics: metrics.event_queued("Warning", "CopyDrifted"),
            ("events_total", {"type": "Warning", "reason": "CopyDrifted"}, 1),
            id="an event",
        ),
        pytest.param(lambda metrics: metrics.event_lost(), ("events_lost_total", {}, 1), id="an event that was lost"),
        pytest.param(
            lambda metrics: metrics.refused("assistant", "Prune"),
            ("refused_writes_total", {"controller": "assistant", "step": "Prune"}, 1),
            id="a refused write",
        ),
        pytest.param(
            lambda metrics: metrics.unstored("Graph", ["status.graphId"]),
            ("unstored_fields_total", {"kind": "Graph", "field": "status.graphId"}, 1),
            id="a field that was not stored",
        ),
        pytest.param(
            lambda metrics: metrics.step("graph", "Disown"),
            ("steps_total", {"controller": "graph", "step": "Disown"}, 1),
            id="a step",
        ),
        pytest.param(
            lambda metrics: metrics.reconciled("assistant", "success", 0.5),
            ("reconcile_total", {"controller": "assistant", "result": "success"}, 1),
            id="a reconcile",
        ),
        pytest.param(
            lambda metrics: metrics.reconciled("assistant", "success", 0.5),
            ("reconcile_time_seconds_sum", {"controller": "assistant"}, 0.5),
            id="how long it took",
        ),
        pytest.param(
            lambda metrics: metrics.reconciled("assistant", "error", 0.5),
            ("reconcile_errors_total", {"controller": "assistant"}, 1),
            id="one that failed",
        ),
        pytest.param(
            lambda metrics: metrics.reconciled("assistant", "panic", 0.5),
            ("reconcile_panics_total", {"controller": "assistant"}, 1),
            id="one that raised an unexpected exception",
        ),
        pytest.param(
            lambda metrics: metrics.reconciled("assistant", "panic", 0.5),
            ("reconcile_total", {"controller": "assistant", "result": "error"}, 1),
            id="an unexpected exception is an error",
        ),
        pytest.param(
            lambda metrics: metrics.called("POST", 409, 0.25),
            ("rest_client_requests_total", {"method": "POST", "code": "409"}, 1),
            id="a request to the API server",
        ),
        pytest.param(
            lambda metrics: metrics.called("POST", 0, 0.25),
            ("rest_client_requests_total", {"method": "POST", "code": "<error>"}, 1),
            id="one without an answer",
        ),
        pytest.param(
            lambda metrics: metrics.called("POST", 0, 0.25),
            ("rest_client_request_duration_seconds_sum", {"method": "POST"}, 0.25),
            id="how long that took",
        ),
        pytest.param(
            lambda metrics: metrics.asked("GET", 200, 0.25),
            ("server_requests_total", {"method": "GET", "code": "200"}, 1),
            id="a request to a LangGraph Server",
        ),
        pytest.param(
            lambda metrics: metrics.asked("GET", 200, 0.25),
            ("server_request_duration_seconds_sum", {"method": "GET"}, 0.25),
            id="how long it took to answer",
        ),
        pytest.param(
            lambda metrics: metrics.leader_status("assistant-operator", lambda: True),
            ("leader_election_master_status", {"name": "assistant-operator"}, 1),
            id="leadership",
        ),
        pytest.param(
            lambda metrics: metrics.recording(lambda: 61.5),
            ("longest_edit_recording_seconds", {}, 61.5),
            id="an edit that cannot be recorded",
        ),
    ],
)
def test_what_is_counted(count: Callable[[Metrics], None], expected: Sample) -> None:
    metrics = Metrics()
    name, labels, value = expected
    sample = (f"assistant_operator_{name}", labels, float(value))
    assert sample not in samples(metrics)
    count(metrics)
    assert sample in samples(metrics)


def test_series_with_known_labels_exist_from_the_start_with_the_value_zero() -> None:
    metrics = Metrics()
    metrics.controllers("graph")
    zero = [(name, labels) for name, labels, value in samples(metrics) if value == 0 and "kind" in labels]
    of_fields = [{"kind": kind, "field": "status"} for kind in WATCHED]
    assert zero == [
        *(("assistant_operator_versions_made_total", {"kind": kind}) for kind in KINDS),
        *(("assistant_operator_unstored_fields_total", labels) for labels in of_fields),
        *(("assistant_operator_resyncs_total", {"kind": kind}) for kind in WATCHED),
    ]
    of_graph = {"result": "error", "controller": "graph"}
    assert ("assistant_operator_reconcile_total", of_graph, 0.0) in samples(metrics)
    assert ("assistant_operator_reconcile_panics_total", {"controller": "graph"}, 0.0) in samples(metrics)


async def _a_queue_at_work() -> list[dict[str, float]]:
    """Its metrics while two keys are due, while one is reconciled, and after that failed and is due again."""
    metrics = Metrics()
    queue = WorkQueue(interval=0, meter=metrics.queue("assistant"))
    metrics.workers("assistant", 16, queue)
    snapshots = []
    queue.add("one")
    queue.add("two")
    queue.add("one")
    queue.add("later", 3600)
    await asyncio.sleep(2)
    snapshots.append(values(metrics))
    assert await queue.take() == "one"
    await asyncio.sleep(4)
    snapshots.append(values(metrics))
    queue.failed("one")
    await asyncio.sleep(1)
    snapshots.append(values(metrics))
    return snapshots


def test_a_queue_shows_due_keys_reconciles_in_progress_and_their_durations() -> None:
    before, during, after = timeless(_a_queue_at_work())
    assert {name: round(value, 3) for name, value in before.items()} == {
        "max_concurrent_reconciles": 16,
        "workqueue_depth": 2,
        "workqueue_adds_total": 2,
        "workqueue_retries_total": 0,
        "workqueue_queue_duration_seconds_count": 0,
        "workqueue_queue_duration_seconds_sum": 0,
        "workqueue_work_duration_seconds_count": 0,
        "workqueue_work_duration_seconds_sum": 0,
        "active_workers": 0,
        "workqueue_unfinished_work_seconds": 0,
        "workqueue_longest_running_processor_seconds": 0,
    }
    assert {name: round(value, 3) for name, value in during.items() if value != before[name]} == {
        "workqueue_depth": 1,
        "workqueue_queue_duration_seconds_count": 1,
        "workqueue_queue_duration_seconds_sum": 2,
        "active_workers": 1,
        "workqueue_unfinished_work_seconds": 4,
        "workqueue_longest_running_processor_seconds": 4,
    }
    assert {name: round(value, 3) for name, value in after.items() if value != during[name]} == {
        "workqueue_depth": 2,
        "workqueue_adds_total": 3,
        "workqueue_retries_total": 1,
        "workqueue_work_duration_seconds_count": 1,
        "workqueue_work_duration_seconds_sum": 4,
        "active_workers": 0,
        "workqueue_unfinished_work_seconds": 0,
        "workqueue_longest_running_processor_seconds": 0,
    }


def test_two_operators_in_one_process_have_metrics_of_their_own() -> None:
    one, other = Metrics(), Metrics()
    one.missed(1)
    assert ("assistant_operator_generations_missed_total", {}, 0.0) in samples(other)


def test_build_info_has_the_installed_versions() -> None:
    (release,) = [labels for name, labels, _ in samples(Metrics()) if name == "assistant_operator_build_info"]
    installed = {"version": version("assistant-operator"), "kopf": version("kopf")}
    assert release == installed | {"python": platform.python_version()}


def test_each_metric_has_a_known_prefix_and_a_help_text() -> None:
    families = list(text_string_to_metric_families(generate_latest(Metrics().registry).decode()))
    assert "process_resident_memory_bytes" in {family.name for family in families}
    assert all(family.name.startswith(("assistant_operator_", "process_")) for family in families)
    assert all(family.documentation.endswith(".") for family in families)
