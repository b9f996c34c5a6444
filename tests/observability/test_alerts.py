"""The alerts: syntax, when they fire, the metrics they use, and the sections of the runbook."""

import re
from typing import Any

import pytest
import yaml

from .figures import MONITORING, OF_PROCESSES, PREFIX, checked, labels_in, metrics_in, series

(GROUP,) = yaml.safe_load((MONITORING / "alerts.yaml").read_text())["groups"]
ALERTS: list[dict[str, Any]] = GROUP["rules"]
EACH = pytest.mark.parametrize("alert", [pytest.param(each, id=each["alert"]) for each in ALERTS])
FROM_SCRAPING = {"instance", "namespace"}


def sections() -> dict[str, str]:
    """Return the text of each section of docs/runbook.md, by its heading."""
    _, *parts = re.split(r"^## ", (MONITORING.parents[1] / "docs/runbook.md").read_text(), flags=re.MULTILINE)
    return {part.split("\n", 1)[0]: part.split("\n", 1)[1] for part in parts}


def test_promtool_accepts_them() -> None:
    assert f"SUCCESS: {len(ALERTS)} rules found" in checked("check", "rules", "--lint=all", MONITORING / "alerts.yaml")


def test_the_rule_tests_pass() -> None:
    assert "SUCCESS" in checked("test", "rules", MONITORING / "alerts.test.yaml")


def test_each_is_tested_both_firing_and_silent() -> None:
    tests = yaml.safe_load((MONITORING / "alerts.test.yaml").read_text())["tests"]
    cases = [each for test in tests for each in test["alert_rule_test"]]
    names = {each["alert"] for each in ALERTS}
    assert {each["alertname"] for each in cases if each.get("exp_alerts")} == names
    assert {each["alertname"] for each in cases if not each.get("exp_alerts")} == names


@EACH
def test_each_has_a_summary_a_description_and_a_link_to_the_runbook(alert: dict[str, Any]) -> None:
    assert alert["alert"].startswith("AssistantOperator")
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    annotations = alert["annotations"]
    assert annotations.keys() == {"summary", "description", "runbook_url"}
    assert annotations["summary"].endswith(".")
    assert annotations["runbook_url"] == f"docs/runbook.md#{alert['alert'].lower()}"


def test_each_has_a_section_with_what_to_check_and_what_to_do() -> None:
    pages = sections()
    assert list(pages) == [each["alert"] for each in ALERTS]
    assert all("\n- Check:" in page and "\n- Do:" in page for page in pages.values())


@EACH
def test_each_uses_metrics_and_labels_that_an_operator_shows(alert: dict[str, Any], exposition: str) -> None:
    shown = series(exposition)
    named = metrics_in(alert["expr"])
    assert named
    assert named <= shown.keys()
    assert all(name.startswith((PREFIX, OF_PROCESSES)) for name in named)
    has = set().union(*(shown[name] for name in named)) | FROM_SCRAPING
    assert set(labels_in(alert["expr"])) <= has
    labels = re.findall(r"\$labels\.(\w+)", str(alert["annotations"]))
    assert set(labels) <= set(labels_in(alert["expr"])) | FROM_SCRAPING


@pytest.mark.parametrize(
    ("expression", "metrics", "labels"),
    [
        ("max by (namespace) (up) == 0", {"up"}, {"namespace"}),
        ('sum(rate(a_total{code=~"5..|429", x!="y"}[10m])) / sum(rate(b_total[5m])) > 0.05', {"a_total", "b_total"},
         {"code", "x"}),
        ("a > 0 unless on (kind, name) b offset 15m", {"a", "b"}, {"kind", "name"}),
        ("histogram_quantle(0.9, sum by (le) (rate(c_bucket[5m])))", {"histogram_quantle", "c_bucket"}, {"le"}),
    ],
)  # fmt: skip
def test_names_are_found_in_an_expression(expression: str, metrics: set[str], labels: set[str]) -> None:
    assert metrics_in(expression) == metrics
    assert set(labels_in(expression)) == labels
