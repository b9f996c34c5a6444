"""The dashboard: its format, and every expression has a result with the metrics of a real operator."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from .figures import MONITORING, checked, families, labels_in, metrics_in, series

BOARD: dict[str, Any] = json.loads((MONITORING / "dashboard.json").read_text())
PANELS: list[dict[str, Any]] = [each for each in BOARD["panels"] if each["type"] != "row"]
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
GRAFANA = {"$__rate_interval": "5m", "$__range": "30m", "$namespace": ".*"}
SCRAPED = 'instance="a",job="assistant-operator"'


def filled(expression: str) -> str:
    """Return the expression with Grafana's variables replaced."""
    for variable, text in GRAFANA.items():
        expression = expression.replace(variable, text)
    assert "$" not in expression
    return expression


EXPRESSIONS = {
    f"{panel['title']} {target['refId']}": filled(target["expr"]) for panel in PANELS for target in panel["targets"]
}
EACH = pytest.mark.parametrize("expression", [pytest.param(each, id=name) for name, each in EXPRESSIONS.items()])


def test_it_is_a_dashboard_of_grafana_11_with_a_choice_of_the_data_source() -> None:
    assert BOARD["schemaVersion"] >= 39
    assert [(each["name"], each["type"]) for each in BOARD["templating"]["list"]] == [
        ("datasource", "datasource"),
        ("namespace", "query"),
    ]
    assert "id" not in BOARD, "Grafana gives it one"
    assert {each["type"] for each in PANELS} == {"stat", "table", "timeseries"}


def test_every_panel_has_its_own_id_position_title_and_description() -> None:
    numbers = [each["id"] for each in BOARD["panels"]]
    assert len(set(numbers)) == len(numbers)
    places = [(each["gridPos"]["x"], each["gridPos"]["y"]) for each in BOARD["panels"]]
    assert len(set(places)) == len(places)
    assert all(each["gridPos"]["x"] + each["gridPos"]["w"] <= 24 for each in BOARD["panels"])
    assert all(each["title"] and each["description"].endswith(".") for each in PANELS)


def test_every_query_uses_the_chosen_data_source() -> None:
    sources = [each["datasource"] for panel in PANELS for each in (panel, *panel["targets"])]
    assert sources == [SOURCE] * len(sources)


@EACH
def test_every_expression_uses_metrics_and_labels_that_an_operator_shows(expression: str, exposition: str) -> None:
    shown = series(exposition)
    named = metrics_in(expression)
    assert named
    assert named <= shown.keys()
    has = set().union(*(shown[name] for name in named)) | {"instance", "namespace"}
    assert set(labels_in(expression)) <= has


def test_the_variable_of_namespaces_uses_a_label_that_exists(exposition: str) -> None:
    query = re.fullmatch(r"label_values\((\w+), (\w+)\)", BOARD["templating"]["list"][1]["definition"])
    assert query
    assert query[2] in series(exposition)[query[1]]


def _series(exposition: str) -> Iterator[dict[str, str]]:
    """Return every series of the operator over one hour: counters rise, gauges stay."""
    for family in families(exposition):
        rises = family.type in {"counter", "histogram"}
        for sample in family.samples:
            labels = ",".join([SCRAPED, *(f'{name}="{value}"' for name, value in sample.labels.items())])
            yield {"series": f"{sample.name}{{{labels}}}", "values": f"{sample.value}+{int(rises)}x60"}


def test_every_expression_has_a_result(exposition: str, tmp_path: Path) -> None:
    rules = [{"alert": name, "expr": f"absent({expression})"} for name, expression in EXPRESSIONS.items()]
    rules.append({"alert": "control", "expr": "absent(assistant_operator_nothing)"})
    (tmp_path / "rules.yaml").write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    silent = [{"eval_time": "40m", "alertname": name} for name in EXPRESSIONS]
    control = {"eval_time": "40m", "alertname": "control", "exp_alerts": [{}]}
    tests = {"interval": "1m", "input_series": list(_series(exposition)), "alert_rule_test": [*silent, control]}
    (tmp_path / "tests.yaml").write_text(yaml.safe_dump({"rule_files": ["rules.yaml"], "tests": [tests]}))
    assert "SUCCESS" in checked("test", "rules", tmp_path / "tests.yaml")
