"""kopf logs and drops an exception of a handler: the comparison with the cluster repairs what was lost that way."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from assistant_operator.manager.event_handlers import EventHandlers
from harness.replacing import replaced
from harness.simulated_world import World, simulated
from harness.simulated_world.leftovers import leftovers
from simulation.invariants import Laws
from simulation.scenarios import SCHEMA, numbers, status

LONGEST = 400.0
"""Virtual seconds: the period between two comparisons, and the time for which a difference must stay the same."""
EDITED = {**SCHEMA, "$comment": "edited"}


class Failing:
    """A handler that raises at each call while `fails`."""

    def __init__(self, work: Callable[..., Any]) -> None:
        self.work = work
        self.fails = False
        self.calls = 0

    def __get__(self, handlers: EventHandlers, _: type[EventHandlers]) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            if not self.fails:
                return self.work(handlers, *arguments)
            self.calls += 1
            raise RuntimeError("a bug")

        return call


def graph_generation(world: World) -> object:
    found: dict[str, Any] = (world.person.get("Graph", "writer") or {}).get("status", {})
    return found.get("observedGeneration")


def is_unknown(world: World, key: tuple[str, str]) -> bool:
    """Whether the operator has forgotten that object."""
    return not leftovers(world.operators.processes[world.leader], frozenset(), frozenset({key}))


@pytest.mark.parametrize(
    ("handler", "event", "is_repaired"),
    [
        pytest.param(
            "on_assistant_update",
            lambda world: world.person.edit("Assistant", "bot", context={"prompt": "b"}),
            lambda world: numbers(world) == [1, 2] and status(world).get("activeVersion") == 2,
            id="an edit",
        ),
        pytest.param(
            "on_graph_update",
            lambda world: world.person.edit("Graph", "writer", contextSchema=EDITED),
            lambda world: graph_generation(world) == 2,
            id="a new schema",
        ),
        pytest.param(
            "on_assistant_delete",
            lambda world: world.person.delete("Assistant", "bot"),
            lambda world: is_unknown(world, ("team", "bot")),
            id="a deleted Assistant",
        ),
        pytest.param(
            "on_graph_delete",
            lambda world: world.person.delete("Graph", "router"),
            lambda world: is_unknown(world, ("team", "router")),
            id="a deleted Graph",
        ),
    ],
)
def test_what_an_exception_lost_is_repaired(
    handler: str, event: Callable[[World], None], is_repaired: Callable[[World], bool]
) -> None:
    failing = Failing(getattr(EventHandlers, handler))
    with replaced(EventHandlers, handler, failing), simulated() as world:
        laws = Laws(world)

        async def story() -> None:
            for name in ("writer", "router"):
                world.person.graph(name, contextSchema=SCHEMA, defaultAssistant={"policy": "None"})
            world.person.assistant("bot", context={"prompt": "a"})
            await world.until_ready()
            failing.fails = True
            event(world)
            await world.until(lambda: failing.calls, within=5)
            failing.fails = False
            assert not is_repaired(world), "the exception lost nothing: this tests nothing"
            await asyncio.sleep(LONGEST)
            assert is_repaired(world)
            await world.settle()
            laws.check_end()

        world.run(story())
