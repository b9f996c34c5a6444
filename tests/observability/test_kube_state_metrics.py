"""The configuration of kube-state-metrics: documented options, existing fields, metrics of real objects."""

from datetime import UTC, datetime
from typing import Any

import pytest
import yaml

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph
from harness.controlplane.waiting import eventually
from harness.documentation.definitions import manifests

from .conftest import Busy
from .figures import MONITORING, checked
from .kube_state import RESERVED, Configuration, Metric, Resource, Sample, at, samples

RESOURCES = Configuration.model_validate(
    yaml.safe_load((MONITORING / "kube-state-metrics.yaml").read_text())
).spec.resources
METADATA = {"name", "namespace", "creationTimestamp", "generation", "ownerReferences"}


def schema_of(resource: Resource) -> dict[str, Any]:
    """Return the schema of the CustomResourceDefinition of this resource."""
    crd = yaml.safe_load(manifests()[f"{resource.resource_plural}.yaml"])
    (version,) = crd["spec"]["versions"]
    asked, there = resource.group_version_kind, crd["spec"]
    assert (asked.group, asked.version, asked.kind) == (there["group"], version["name"], there["names"]["kind"])
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return found


def exists(schema: dict[str, Any], path: tuple[str, ...]) -> bool:
    """Return whether the schema has that field."""
    if path[:1] == ("metadata",):
        return path[1] in METADATA
    for part in path:
        schema = (
            schema["items"] if part.startswith("[") or part.isdigit() else schema.get("properties", {}).get(part, {})
        )
    return bool(schema)


def paths_of(resource: Resource, metric: Metric) -> list[tuple[str, ...]]:
    what = metric.each.what
    below = [*what.labels_from_path.values(), *filter(None, [getattr(what, "value_from", ())])]
    from_list = ("[type=Ready]",) if metric.each.state_set else ()
    inner = [(*what.path, *from_list, *path) for path in below]
    return [*filter(None, [what.path]), *inner, *resource.labels_from_path.values(), *metric.labels_from_path.values()]


def test_all_four_kinds_are_shown() -> None:
    kinds = {kind.kind_name: kind.plural for kind in (Graph, Assistant, AssistantVersion, AssistantAlias)}
    assert {each.group_version_kind.kind: each.resource_plural for each in RESOURCES} == kinds


@pytest.mark.parametrize(
    ("resource", "metric"),
    [
        pytest.param(resource, metric, id=f"{resource.group_version_kind.kind} {metric.name}")
        for resource in RESOURCES
        for metric in resource.metrics
    ],
)
def test_each_metric_is_read_from_existing_fields(resource: Resource, metric: Metric) -> None:
    schema = schema_of(resource)
    assert [path for path in paths_of(resource, metric) if not exists(schema, path)] == []
    labels = [*resource.labels_from_path, *metric.labels_from_path, *metric.each.what.labels_from_path]
    assert len(labels) == len(set(labels) - RESERVED)
    assert metric.name.endswith("_info") or metric.name == "info" or metric.each.info is None


def test_a_missing_field_is_detected() -> None:
    schema = schema_of(RESOURCES[1])
    assert exists(schema, ("status", "activeVersion"))
    assert not exists(schema, ("status", "activeVersions"))
    assert not exists(schema, ("metadata", "generations"))


@pytest.fixture(scope="module")
def shown(busy: Busy, exposition: str) -> list[Sample]:
    """The metrics of the objects of a real cluster."""
    busy.workspace.graph("owner")
    busy.workspace.until_ready("owner", plural="graphs")
    eventually(lambda: _is_marked(busy.workspace.get("assistantversions", "broken-v1")))
    return [
        sample
        for resource in RESOURCES
        for found in busy.workspace.all(resource.resource_plural)
        for sample in samples(resource, found)
    ]


def _is_marked(version: dict[str, Any] | None) -> bool:
    return at(version, ("status", "conditions", "[type=Active]")) is not None


@pytest.mark.parametrize(
    ("name", "labels", "expected"),
    [
        ("graph_info", {"graph": "strict", "graph_id": "strict", "schemas": "Spec"}, 1),
        ("graph_assistants", {"graph": "support"}, 1),
        ("graph_status_condition", {"graph": "remote", "condition": "Deployed", "status": "False"}, 1),
        ("graph_status_condition", {"graph": "remote", "condition": "Deployed", "status": "True"}, 0),
        ("assistant_info", {"assistant": "bot", "graph": "support"}, 1),
        ("assistant_info", {"assistant": "owner", "owner_kind": "Graph", "owner_name": "owner"}, 1),
        ("assistant_latest_version", {"assistant": "bot"}, 3),
        ("assistant_active_version", {"assistant": "bot"}, 1),
        ("assistant_pinned_version", {"assistant": "bot"}, 1),
        ("assistant_versions", {"assistant": "bot"}, 2),
        ("assistant_missed_generations", {"assistant": "bot"}, 0),
        ("assistant_generation", {"assistant": "bot"}, 4),
        ("assistant_observed_generation", {"assistant": "bot"}, 4),
        ("assistant_latest_version", {"assistant": "broken"}, 1),
        ("assistant_status_condition", {"assistant": "broken", "condition": "Stalled", "status": "True"}, 1),
        ("assistantversion_info", {"assistant": "bot", "number": "3", "version": "bot-v3", "change": "Reverted"}, 1),
        ("assistantversion_info", {"number": "1", "owner_kind": "Assistant", "owner_name": "bot"}, 1),
        ("assistantversion_active", {"assistant": "bot", "number": "1"}, 1),
        ("assistantversion_active", {"assistant": "bot", "number": "3"}, 0),
        ("assistantversion_valid", {"assistant": "broken", "number": "1"}, 0),
        ("assistantalias_info", {"alias": "production", "assistant": "bot"}, 1),
        ("assistantalias_version", {"alias": "production"}, 3),
        ("assistantalias_requested_version", {"alias": "production"}, 3),
        ("assistantalias_requested_version", {"alias": "lost"}, 9),
        ("assistantalias_generation", {"alias": "production"}, 2),
        ("assistantalias_observed_generation", {"alias": "production"}, 2),
        ("assistantalias_status_condition", {"alias": "production", "condition": "Ready", "status": "True"}, 1),
        ("assistantalias_status_condition", {"alias": "lost", "condition": "VersionFound", "status": "False"}, 1),
    ],
)  # fmt: skip
def test_values_of_real_objects(shown: list[Sample], name: str, labels: dict[str, str], expected: float) -> None:
    found = [each for each in shown if each[0] == f"kube_langgraph_{name}" and labels.items() <= each[1].items()]
    assert [number for _, _, number in found] == [expected]


def test_a_missing_value_has_no_sample(shown: list[Sample]) -> None:
    named = [name for name, labels, _ in shown if labels.get("assistant") == "broken"]
    assert "kube_langgraph_assistant_latest_version" in named
    assert not {"kube_langgraph_assistant_active_version", "kube_langgraph_assistant_pinned_version"} & set(named)


def test_an_alias_that_was_never_moved_has_no_version_and_no_time_of_a_move(shown: list[Sample], busy: Busy) -> None:
    values = {(name, labels["alias"]): number for name, labels, number in shown if "alias" in labels}
    moved = at(busy.workspace.get("assistantaliases", "production"), ("status", "moves", "0", "since"))
    assert values["kube_langgraph_assistantalias_moved", "production"] == datetime.fromisoformat(moved).timestamp()
    never = {"kube_langgraph_assistantalias_moved", "kube_langgraph_assistantalias_version"}
    assert never & {name for name, alias in values if alias == "lost"} == set()


def test_the_creation_time_is_a_timestamp(shown: list[Sample], busy: Busy) -> None:
    bot = busy.workspace.get("assistants", "bot")
    (made,) = [
        number for name, labels, number in shown if name.endswith("t_created") and labels.get("assistant") == "bot"
    ]
    assert datetime.fromtimestamp(made, UTC).isoformat() == at(bot, ("metadata", "creationTimestamp"))[:-1] + "+00:00"


def test_promtool_accepts_it(shown: list[Sample]) -> None:
    helps = {f"{each.metric_name_prefix}_{metric.name}": metric.help for each in RESOURCES for metric in each.metrics}
    lines = []
    for name, text in helps.items():
        lines += [f"# HELP {name} {text}", f"# TYPE {name} gauge"]
        lines += [_line(sample) for sample in shown if sample[0] == name]
    assert checked("check", "metrics", text="\n".join([*lines, ""])) == ""


def _line(sample: Sample) -> str:
    name, labels, number = sample
    written = ",".join(f'{label}="{text}"' for label, text in labels.items())
    return f"{name}{{{written}}} {number}"
