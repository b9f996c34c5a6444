"""Every condition that the operator writes is in the catalogue of reasons, at the place where it is written."""

import pytest

from harness.documentation.catalogue import unexplained
from harness.simulated_api.store import Change
from harness.simulated_world import simulated
from simulation.scenarios import SCENARIOS, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_each_condition_is_explained(scenario: Scenario) -> None:
    missing: set[str] = set()
    seen: list[int] = []

    def changed(change: Change) -> None:
        if change.after and change.after.content.get("apiVersion", "").startswith("assistant-operator.dev/"):
            seen.append(len(change.after.content.get("status", {}).get("conditions", ())))
            missing.update(unexplained(change.after.content))

    with simulated() as world:
        world.cluster.store.listeners.append(changed)

        async def story() -> None:
            await scenario.steps(world)
            await world.settle()

        world.run(story())
    assert max(seen) > 1, "no condition was written"
    assert missing == set()
