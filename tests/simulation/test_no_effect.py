"""A write that the API server accepts and does not store is told once, is repeated with growing pauses, and heals.

An admission webhook that takes a change back does that, and so does a CustomResourceDefinition that lacks a field.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from harness.simulated_world import World, simulated
from harness.virtual_http import Answered, Fault, Seen
from simulation.invariants import Laws
from simulation.scenarios import SCHEMA, copies, status

LASTS, MOST_WRITES = 300.0, 14
"""Seconds, and writes in them: pauses of 1, 2, 4 … 128 seconds, and what is tried in passing."""
Change = Callable[[World], object]


@dataclass(frozen=True, slots=True)
class Write:
    """What of the operator's writes has no effect: of that object, with that end of the path."""

    kind: str
    name: str
    path: str
    change: Change
    """What makes the write due."""
    words: str
    """In a condition or an event."""
    has_default: bool = False
    """Whether the Graph has a default assistant."""


def _published(world: World) -> None:
    world.person.edit("Graph", "writer", server={"url": "http://langgraph"})


FINALIZER = "/assistants/bot?fieldManager=assistant-operator-finalizer"
NO_EFFECT = "the write was accepted and had no effect"
WRITES = {
    "add the finalizer": Write("Assistant", "bot", FINALIZER, _published, NO_EFFECT),
    "remove the finalizer": Write(
        "Assistant", "bot", FINALIZER, lambda world: world.person.delete("Assistant", "bot"), NO_EFFECT
    ),
    "adopt a version": Write(
        "AssistantVersion",
        "bot-v1",
        "/bot-v1?fieldManager=assistant-operator",
        lambda world: world.person.patch("AssistantVersion", "bot-v1", {"metadata": {"ownerReferences": None}}),
        "does not store metadata.ownerReferences",
    ),
    "label a version": Write(
        "AssistantVersion",
        "bot-v1",
        "/bot-v1?fieldManager=assistant-operator",
        lambda world: world.person.patch("AssistantVersion", "bot-v1", {"metadata": {"labels": None}}),
        "does not store metadata.labels",
    ),
    "mark a version": Write(
        "AssistantVersion",
        "bot-v1",
        "/bot-v1/status?fieldManager=assistant-operator",
        lambda world: world.person.edit("Assistant", "bot", context={"prompt": "b"}),
        "does not store status.conditions",
    ),
    "record the server's version": Write(
        "AssistantVersion",
        "bot-v1",
        "/bot-v1/status?fieldManager=assistant-operator",
        _published,
        f"serverVersion 1 cannot be written into the status of bot-v1: {NO_EFFECT}",
    ),
    "write the status of an Assistant": Write(
        "Assistant",
        "bot",
        "/assistants/bot/status?fieldManager=assistant-operator",
        lambda world: world.person.edit("Assistant", "bot", context={"prompt": "b"}),
        "does not store status",
    ),
    "write the status of a Graph": Write(
        "Graph",
        "writer",
        "/graphs/writer/status?fieldManager=assistant-operator",
        lambda world: world.person.edit("Graph", "writer", description="another"),
        "does not store status",
    ),
    "apply the default assistant": Write(
        "Assistant",
        "writer",
        "/assistants/writer?",
        lambda world: world.person.edit("Graph", "writer", defaults={"context": {"prompt": "y"}}),
        NO_EFFECT,
        has_default=True,
    ),
    "release the default assistant": Write(
        "Assistant",
        "writer",
        "/assistants/writer?",
        lambda world: world.person.edit("Graph", "writer", defaultAssistant={"name": "second"}),
        NO_EFFECT,
        has_default=True,
    ),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_without_effect_is_told_repeated_with_pauses_and_heals(write: Write) -> None:
    sent: list[Seen] = []

    def plan(seen: Seen) -> Fault | None:
        there = world.person.get(write.kind, write.name)
        if seen.method != "PATCH" or write.path not in seen.path or there is None:
            return None
        sent.append(seen)
        return Answered(200, there)

    async def story() -> None:
        await world.serve()
        policy = {} if write.has_default else {"defaultAssistant": {"policy": "None"}}
        world.person.graph("writer", contextSchema=SCHEMA, defaults={"context": {"prompt": "x"}}, **policy)
        world.person.assistant("bot", context={"prompt": "a"})
        await world.until_ready()
        if write.path == FINALIZER and write.change is not _published:
            _published(world)
            await world.until(lambda: "bot" in copies(world))
        await world.until(lambda: world.is_quiet(3))
        world.faults.plan = plan
        write.change(world)
        await asyncio.sleep(LASTS)
        assert 1 <= len(sent) <= MOST_WRITES, [str(each) for each in sent]
        assert write.words in _told(world)
        world.faults.plan = lambda _: None
        world.trouble(LASTS)
        await world.settle()
        laws.check_end()

    with simulated() as world:
        laws = Laws(world)
        world.run(story())


def _told(world: World) -> str:
    """What conditions and events say."""
    stated = [each["message"] for each in status(world).get("conditions", ())]
    graph = world.person.get("Graph", "writer") or {}
    stated += [each["message"] for each in graph.get("status", {}).get("conditions", ())]
    return "\n".join([*stated, *(each["note"] for each in world.history.existing("events.k8s.io/events").values())])
