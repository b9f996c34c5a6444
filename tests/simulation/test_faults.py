"""Every call of every scenario fails in every way: a part of the product here, all of it with `make simulate`."""

import zlib

import pytest

from simulation.faults import KINDS
from simulation.runs import Run, run
from simulation.scenarios import SCENARIOS, Scenario

ONE_IN = {1: 24, 2: 120}
"""By number of replicas: of so many combinations one is tried."""


def _is_chosen(what: Run) -> bool:
    return zlib.crc32(str(what).encode()) % ONE_IN[what.replicas] == 0


@pytest.mark.parametrize("replicas", ONE_IN)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_holds_the_laws_whatever_call_fails(scenario: Scenario, replicas: int) -> None:
    calls = len(run(Run(scenario.name, replicas)).faults.seen)
    runs = [Run(scenario.name, replicas, call, kind) for call in range(1, calls + 1) for kind in KINDS]
    for each in runs:
        if _is_chosen(each):
            run(each)
