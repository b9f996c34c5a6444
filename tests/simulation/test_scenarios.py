"""Each scenario without faults: the laws hold, and the end is as it is to be."""

import pytest

from harness.simulated_world import simulated
from simulation.invariants import Laws
from simulation.scenarios import SCENARIOS, Scenario


@pytest.mark.parametrize("replicas", [1, 2])
@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_a_scenario_without_faults(scenario: Scenario, replicas: int) -> None:
    with simulated(replicas=replicas) as world:
        laws = Laws(world)

        async def story() -> None:
            await scenario.steps(world)
            await world.settle()
            laws.check_end()
            assert scenario.is_right(world)

        world.run(story())
