"""One run of a scenario: with a fault at one call, or with none."""

from dataclasses import dataclass

from harness.simulated_world import World, simulated
from simulation.faults import inject
from simulation.invariants import Laws
from simulation.scenarios import SCENARIOS, Scenario

REPLAY = "PYTHONHASHSEED=0 .venv/bin/python -m simulation"


@dataclass(frozen=True, slots=True)
class Run:
    """A scenario, and which of its calls fails how. `call` 0 is none."""

    scenario: str
    replicas: int = 1
    call: int = 0
    fault: str = ""

    def __str__(self) -> str:
        return f"{self.scenario} with {self.replicas} replicas, {self.fault or 'no fault'} at call {self.call}"

    @property
    def replay(self) -> str:
        which = f'--scenario "{self.scenario}" --replicas {self.replicas}'
        return f'{REPLAY} {which} --call {self.call} --fault "{self.fault}"'


class Found(AssertionError):
    """A run broke a law."""


def run(what: Run, last: int | None = 80) -> World:
    """The world at the end. Raises Found, with the `last` lines of the trace and the command that repeats it."""
    with simulated(replicas=what.replicas) as world:
        if what.call:
            inject(world, what.call, what.fault)
        try:
            world.run(_story(world, scenario(what.scenario)))
        except Exception as error:
            told = f"{what}:\n{str(error) or repr(error)}\nreplay: {what.replay}\n{world.simulation.trace.text(last)}"
            raise Found(told) from error
    return world


def scenario(name: str) -> Scenario:
    return next(each for each in SCENARIOS if each.name == name)


async def _story(world: World, told: Scenario) -> None:
    laws = Laws(world)
    await told.steps(world)
    await world.settle()
    laws.check_end()
    # Where the API server said that it holds the past no longer, edits may be missed: the laws see them counted.
    assert world.history.is_lossy or told.is_right(world), (
        f"the end is not as it is to be: {world.history.existing('assistant-operator.dev/assistants')}"
    )
