"""Parsing the text of /metrics, and running promtool."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families

from harness.tools import promtool

MONITORING = Path(__file__).parents[2] / "deploy" / "monitoring"
PREFIX = "assistant_operator_"
OF_PROCESSES = "process_"

# What PromQL itself gives a meaning; every other word in an expression is a metric or a label.
KEYWORDS = {"and", "or", "unless", "on", "by", "offset", "group_left", "ignoring", "without", "bool"}
FUNCTIONS = {"absent", "changes", "count", "histogram_quantile", "increase", "max", "rate", "sum", "vector"}


def families(text: str) -> list[Metric]:
    return list(text_string_to_metric_families(text))


def full_name(family: Metric) -> str:
    """Return the name as in the text: the parser removes the suffix of a counter."""
    return family.name + "_total" * (family.type == "counter")


def value(text: str, metric: str, /, **labels: str) -> float | None:
    """Return the sum of the series of a metric that have those labels; None if there are none."""
    found = [
        sample.value
        for family in families(text)
        for sample in family.samples
        if sample.name == PREFIX + metric and labels.items() <= sample.labels.items()
    ]
    return sum(found) if found else None


def series(text: str) -> dict[str, set[str]]:
    """Return the labels of each series, by its name."""
    found: dict[str, set[str]] = {}
    for sample in (sample for family in families(text) for sample in family.samples):
        found.setdefault(sample.name, set()).update(sample.labels)
    return found


def metrics_in(expression: str) -> set[str]:
    """Return the metrics in an expression; an unknown word counts as a metric."""
    bare = re.sub(r'"[^"]*"', "", expression)
    bare = re.sub(r"\{[^}]*\}|\[[^\]]*\]", " ", bare)
    bare = re.sub(r"\b(by|on)\s*\([^)]*\)", " ", bare)
    words = set(re.findall(r"(?<![\w.])[a-zA-Z_:][\w:]*", re.sub(r"\b\d+[smhd]\b", " ", bare)))
    return words - KEYWORDS - FUNCTIONS


def labels_in(expression: str) -> Iterator[str]:
    """Yield the labels that an expression selects or groups by."""
    bare = re.sub(r'"[^"]*"', '""', expression)
    for selected in re.findall(r"\{([^}]*)\}", bare):
        yield from re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", selected)
    for grouped in re.findall(r"\b(?:by|on)\s*\(([^)]*)\)", bare):
        yield from re.findall(r"\w+", grouped)


def checked(*arguments: str | Path, text: str | None = None) -> str:
    """Return the output of promtool; fail unless it succeeds. `text`: its standard input."""
    command = [str(promtool()), *map(str, arguments)]
    done = subprocess.run(command, input=text, capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 0, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done.stdout + done.stderr
