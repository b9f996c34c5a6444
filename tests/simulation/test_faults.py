"""Every call of every scenario fails in every way: a part of the product here, all of it with `make simulate`."""

import pytest

from simulation.programs import simulate

ONE_IN = {1: 16, 2: 120}
"""By number of replicas: of so many combinations one is tried."""


@pytest.mark.parametrize("replicas", ONE_IN)
def test_a_scenario_holds_the_laws_whatever_call_fails(replicas: int) -> None:
    simulate("--replicas", str(replicas), "--one-in", str(ONE_IN[replicas]), "--seeds", "0")
