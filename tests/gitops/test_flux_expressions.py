"""The example's health expressions for Flux: by Google's own CEL they say what kstatus says, of every status there is.

Those that live objects have, from birth to deletion, are compared in test_flux.py.
"""

from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

from .cel import OUTCOMES, EvaluationFailed, cel_health_of, checks, is_true
from .health import CUSTOMIZATIONS, KINDS
from .kstatus import kstatus_of

Json = dict[str, Any]
RECORDED = sorted(CUSTOMIZATIONS.glob("*/testdata/*.yaml"))
TERMINATING = {"Terminating": "InProgress"}


def of(kind: str, status: Json | None, **metadata: Any) -> Json:
    found = {"kind": kind, "metadata": {"name": "x", "generation": 2, **metadata}, "spec": {}}
    return found if status is None else {**found, "status": status}


def stated(**conditions: str) -> Json:
    rest = {"reason": "Said", "message": "said", "observedGeneration": 2, "lastTransitionTime": "2026-01-01T00:00:00Z"}
    told = [{"type": name, "status": status, **rest} for name, status in conditions.items()]
    return {"observedGeneration": 2, "conditions": told}


@pytest.mark.parametrize(
    "path", [pytest.param(each, id=each.relative_to(CUSTOMIZATIONS).as_posix()) for each in RECORDED]
)
def test_a_recorded_object_is_to_the_expressions_what_it_is_to_kstatus(path: Path) -> None:
    found = yaml.safe_load(path.read_text())
    said = kstatus_of(found)
    assert cel_health_of(found) == TERMINATING.get(said, said)


@pytest.mark.parametrize("kind", ["Graph", "Assistant", "AssistantAlias"])
@pytest.mark.parametrize("observed", [-1, 1, 2], ids=["never looked at", "edited since", "looked at"])
@pytest.mark.parametrize("ready", ["True", "False", "Unknown"])
@pytest.mark.parametrize("progress", [{}, {"Reconciling": "True"}, {"Stalled": "True"}, {"Stalled": "False"}], ids=str)
def test_so_is_every_mix_of_conditions(kind: str, observed: int, ready: str, progress: Json) -> None:
    for deletion, other in product(({}, {"deletionTimestamp": "2026-01-01T00:00:00Z"}), ({}, {"Valid": "False"})):
        status = {**stated(Ready=ready, **other, **progress), "observedGeneration": observed}
        found = of(kind, status, **deletion)
        said = kstatus_of(found)
        assert cel_health_of(found) == TERMINATING.get(said, said)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        pytest.param(of("Graph", {"observedGeneration": -1}), "InProgress", id="a graph as the API server makes it"),
        pytest.param(of("Assistant", {"observedGeneration": -1}), "InProgress", id="an assistant, likewise"),
        pytest.param(of("AssistantAlias", {"observedGeneration": -1}), "InProgress", id="an alias, likewise"),
        pytest.param(of("Assistant", stated(Ready="True")), "Current", id="an assistant that is ready"),
        pytest.param(of("AssistantAlias", stated(Ready="True")), "Current", id="an alias that is ready"),
        pytest.param(of("Assistant", stated(Ready="False", Stalled="True")), "Failed", id="one that is stalled"),
        pytest.param(of("Assistant", stated(Ready="False")), "InProgress", id="one of which nothing is true"),
        pytest.param(of("Graph", {"observedGeneration": 2}), "InProgress", id="one whose conditions are missing"),
        pytest.param(of("AssistantVersion", None), "Current", id="a version that nobody looked at yet"),
    ],
)
def test_the_first_that_is_true_decides(found: Json, expected: str) -> None:
    assert cel_health_of(found) == expected


def test_the_block_has_the_four_kinds_and_what_flux_reads_in_its_order() -> None:
    assert tuple(checks()) == KINDS
    fields = ["apiVersion", "kind", *(name for name, _ in OUTCOMES)]
    for each in checks().values():
        assert [name for name in fields if name in each] == list(each)
        assert each["apiVersion"] == "assistant-operator.dev/v1alpha1"
    assert "failed" not in checks()["AssistantVersion"]


@pytest.mark.parametrize("kind", ["Graph", "Assistant", "AssistantAlias"])
def test_every_expression_has_an_answer_of_whatever_has_conditions(kind: str) -> None:
    found = of(kind, stated(Ready="True"))
    told = {name: is_true(checks()[kind][name], found) for name, _ in OUTCOMES}
    assert told == {"inProgress": False, "failed": False, "current": True}


def test_without_any_status_there_would_be_no_answer_and_has_cannot_ask_for_it() -> None:
    """Hence the status that the CRDs give every Graph and Assistant at birth, and the comment in the example."""
    with pytest.raises(EvaluationFailed, match="status"):
        cel_health_of(of("Assistant", None))
    with pytest.raises(RuntimeError, match="argument must be a field selection"):
        is_true("has(status)", of("Assistant", {}))


@pytest.mark.parametrize("expression", ["status.missing", "status.missing == 1", "1"])
def test_the_oracle_takes_no_error_and_no_number_for_an_answer(expression: str) -> None:
    with pytest.raises(EvaluationFailed):
        is_true(expression, of("Graph", {}))
