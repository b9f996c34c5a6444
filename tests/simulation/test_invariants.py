"""The laws find what they are to find. Here nobody breaks them but the test."""

import asyncio
from typing import Any

import pytest

from harness.simulated_world import World, simulated
from simulation import lasting
from simulation.chaos import STRICTER
from simulation.invariants import SCHEMA_LAG, Laws
from simulation.scenarios import SCHEMA

REFUSED = "team/bot is published on langgraph as version 1, which the schema refuses"
MARKS = ("assistant-operator.dev/version", "assistant-operator.dev/digest")


async def _two_versions(world: World) -> dict[str, Any]:
    """The copy of version 1, which the stricter schema refuses, when version 2 took its place."""
    server = await world.serve()
    world.person.graph(
        "writer", contextSchema=SCHEMA, defaultAssistant={"policy": "None"}, server={"url": "http://langgraph"}
    )
    world.person.assistant("bot", context={"prompt": "abcdef"})
    await world.until_ready()
    (copy,) = (row for row in server.assistants() if MARKS[0] in row["metadata"])
    world.person.edit("Assistant", "bot", context={"prompt": "a"})
    await world.until_ready()
    return copy


def _publish(world: World, copy: dict[str, Any]) -> None:
    metadata = {each: copy["metadata"][each] for each in MARKS}
    world.servers["langgraph"].edit(copy["assistant_id"], context=copy["context"], metadata=metadata)
    world.copies_changed()


@pytest.mark.parametrize("blind", [0.0, 60.0])
def test_a_copy_is_not_to_be_written_by_a_schema_of_long_ago(blind: float) -> None:
    """`blind`: seconds in which the operator has no rights to watch Graphs. They do not count."""
    with simulated() as world:
        laws = Laws(world)
        broken: list[bool] = []

        async def story() -> None:
            copy = await _two_versions(world)
            verbs = frozenset({"list", "watch"})
            if blind:
                lasting.during(world, blind, lasting.without_rights(world, "graphs", verbs, cuts_watches=True))
            world.person.edit("Graph", "writer", contextSchema=STRICTER)
            await asyncio.sleep(blind + SCHEMA_LAG - 10)
            _publish(world, copy)
            broken.append(bool(laws.broken))  # the news of the schema may be late
            await asyncio.sleep(20)
            world.copies_changed()
            broken.append(bool(laws.broken))  # what is published stays
            _publish(world, world.servers["langgraph"].edit(copy["assistant_id"], name="another"))
            broken.append(bool(laws.broken))

        with pytest.raises(AssertionError, match=REFUSED):
            world.run(story())
        assert broken == [False, False, True]
