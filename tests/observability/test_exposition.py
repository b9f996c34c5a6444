"""The text of /metrics of a real operator: format, documentation, values, and deleted objects."""

import re
from pathlib import Path

import pytest

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess

from .conftest import Busy
from .figures import MONITORING, OF_PROCESSES, PREFIX, checked, families, full_name, value

PER_OBJECT = {"objects", "versions", "ready", "stalled", "graph_served", "alias_last_move_timestamp_seconds"}


def documented() -> dict[str, tuple[str, set[str]]]:
    """Return the type and the labels of each metric in the table of docs/operations.md."""
    page = (MONITORING.parents[1] / "docs/operations.md").read_text()
    rows = re.findall(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", page, re.MULTILINE)
    return {PREFIX + name: (kind, set(re.findall(r"`(\w+)`", labels))) for name, kind, labels in rows}


def test_promtool_accepts_it(exposition: str) -> None:
    assert checked("check", "metrics", text=exposition) == ""


def test_every_metric_and_its_labels_are_documented(exposition: str) -> None:
    shown = {
        full_name(family): (family.type, {name for each in family.samples for name in each.labels} - {"le"})
        for family in families(exposition)
        if not family.name.startswith(OF_PROCESSES)
    }
    assert shown == documented()


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("versions_made_total", {"kind": "Created"}, 3),
        ("versions_made_total", {"kind": "Edited"}, 1),
        ("versions_made_total", {"kind": "Reverted"}, 1),
        ("edit_recording_seconds_count", {}, 5),
        ("longest_edit_recording_seconds", {}, 0),
        ("generations_missed_total", {}, 0),
        ("versions_pruned_total", {}, 1),
        ("versions_restored_total", {}, 1),
        ("leader_election_master_status", {"name": "assistant-operator"}, 1),
        ("objects", {"kind": "Assistant"}, 3),
        ("objects", {"kind": "Graph", "ready": "True"}, 2),
        ("objects", {"kind": "AssistantAlias", "ready": "True"}, 1),
        ("objects", {"kind": "AssistantAlias", "ready": "False"}, 1),
        ("versions", {}, 4),
        ("ready", {"kind": "Assistant", "name": "bot"}, 1),
        ("ready", {"kind": "Assistant", "name": "broken"}, 0),
        ("ready", {"kind": "Graph", "name": "remote"}, 0),
        ("stalled", {"kind": "Assistant", "name": "broken", "reason": "SchemaRefused"}, 1),
        ("ready", {"kind": "AssistantAlias", "name": "production"}, 1),
        ("ready", {"kind": "AssistantAlias", "name": "lost"}, 0),
        ("stalled", {"kind": "AssistantAlias", "name": "lost", "reason": "VersionNotFound"}, 1),
        ("alias_moves_total", {}, 2),
        ("graph_served", {"name": "remote"}, 0),
        ("publications_total", {"result": "Published"}, 0),
        ("reconcile_panics_total", {}, 0),
        ("max_concurrent_reconciles", {"name": "assistant"}, 16),
        ("max_concurrent_reconciles", {"name": "version"}, 4),
        ("max_concurrent_reconciles", {"name": "publication"}, 48),
    ],
)
def test_values_after_known_changes(exposition: str, name: str, labels: dict[str, str], expected: float) -> None:
    assert value(exposition, name, **labels) == expected


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("activations_total", {}),
        ("alias_last_move_timestamp_seconds", {"name": "production", "assistant": "bot"}),
        ("reconcile_total", {"controller": "assistant", "result": "success"}),
        ("reconcile_total", {"controller": "alias", "result": "success"}),
        ("reconcile_total", {"controller": "probe", "result": "requeue_after"}),
        ("reconcile_time_seconds_sum", {"controller": "graph"}),
        ("workqueue_adds_total", {"name": "assistant"}),
        ("workqueue_queue_duration_seconds_sum", {"name": "graph"}),
        ("workqueue_work_duration_seconds_sum", {"name": "publication"}),
        ("workqueue_work_duration_seconds_sum", {"name": "probe"}),
        ("steps_total", {"controller": "assistant", "step": "UpdateStatus"}),
        ("steps_total", {"controller": "version", "step": "UpdateVersionStatus"}),
        ("steps_total", {"controller": "publication", "step": "Publish"}),
        ("steps_total", {"controller": "alias", "step": "UpdateAliasStatus"}),
        ("rest_client_requests_total", {"method": "POST", "code": "201"}),
        ("rest_client_request_duration_seconds_sum", {"method": "PATCH"}),
        ("server_request_duration_seconds_sum", {"method": "GET"}),
        ("events_total", {"type": "Warning", "reason": "SchemaRefused"}),
    ],
)
def test_each_is_above_zero_on_a_real_operator(exposition: str, name: str, labels: dict[str, str]) -> None:
    assert (value(exposition, name, **labels) or 0) > 0


def test_only_the_metrics_of_objects_and_watches_have_names_in_labels(exposition: str) -> None:
    named = {
        family.name.removeprefix(PREFIX)
        for family in families(exposition)
        for sample in family.samples
        if {"namespace", "url", "path", "host", "uid"} & sample.labels.keys()
        or "127.0.0.1" in "".join(sample.labels.values())
    }
    assert named == {"ready", "stalled", "graph_served", "alias_last_move_timestamp_seconds", "watch_failing"}


def test_a_deleted_object_has_no_series(busy: Busy, exposition: str) -> None:
    workspace = busy.workspace
    workspace.assistant("brief", graph="nowhere", context={"prompt": "short"})
    eventually(lambda: busy.figure("ready", name="brief") == 0)
    workspace.graph("gone", server={"url": "http://127.0.0.1:9"}, defaultAssistant={"policy": "None"})
    eventually(lambda: busy.figure("graph_served", name="gone") == 0)
    workspace.alias("passing", version=1)
    eventually(lambda: busy.figure("alias_last_move_timestamp_seconds", name="passing") is not None)
    workspace.delete("assistantaliases", "passing")
    eventually(lambda: busy.figure("alias_last_move_timestamp_seconds", name="passing") is None)
    workspace.delete("assistants", "brief")
    workspace.delete("graphs", "gone")
    eventually(lambda: busy.figure("ready", name="brief") is None)
    eventually(lambda: busy.figure("ready", name="gone") is None)
    shown = busy.operator.get("/metrics") or ""
    assert not re.search(r'name="(brief|gone|passing)"', shown)
    assert value(shown, "ready", name="bot") == 1


def test_a_standby_is_ready_and_shows_no_objects(
    busy: Busy, exposition: str, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    flags = ("--leader-elect", "--lease-namespace=assistant-operator")
    with OperatorProcess(operator_kubeconfig, tmp_path / "standby.log", *flags) as standby:
        shown = standby.get("/metrics") or ""
        assert standby.get("/healthz") == "ok\n"
        assert value(shown, "leader_election_master_status") == 0
        assert value(shown, "build_info") == 1
        assert {name for name in PER_OBJECT if value(shown, name) is not None} == set()
        assert standby.terminate() == 0
    assert busy.figure("leader_election_master_status") == 1
