"""What the status of an Assistant should be. Pure."""

from typing import Any

from ..resources.assistant import Activation, AssistantStatus, Copy
from ..resources.meta import Condition
from ..resources.reason import Reason
from .activation import SUSPENDED, Verdict, bookkeeping, place_in_force
from .assistant_world import World
from .publication import has_room
from .retention import doomed
from .status import Claim, conditions, with_fate

MOST_ACTIVATIONS = 20


def status(world: World, verdict: Verdict) -> AssistantStatus:
    """What the Assistant's status should be. Equal to what it is: nothing to write."""
    before = world.assistant.status
    active = next((record for record in world.kept if record.number == verdict.active), None)
    copies = _copies(world, verdict.active)
    told: dict[str, Any] = {
        "conditions": _conditions(world, verdict),
        "observed_generation": world.recorded.generation,
        "latest_version": world.newest or None,
        "active_version": verdict.active,
        "versions": len(world.kept) - len(doomed(world, verdict.active)),
        "assistant_id": copies[0].assistant_id if copies else None,
        "copies": copies or None,
        "digest": ((active.digest if active else "") or before.digest) if verdict.active else None,
        "missed_generations": world.recorded.missed or None,
        "activations": _activations(world, verdict.active) or None,
    }
    return AssistantStatus(**{name: value for name, value in told.items() if value is not None})


def _copies(world: World, active: int | None) -> tuple[Copy, ...]:
    """Where copies are, or are about to be: the present place first."""
    present = world.copies
    place = None if world.assistant.spec.suspend else place_in_force(world, active)
    if place is None or not has_room(present, place.copy):
        return present
    return (place.copy, *(each for each in present if not each.is_same(place.copy)))


def _activations(world: World, active: int | None) -> tuple[Activation, ...]:
    before = _newest_activations(world)
    is_noted = world.unstored is not None and bool(before) and before[0].number == active
    if active is None or active == world.active or is_noted:
        return before
    return (Activation(number=active, since=world.now), *before)[:MOST_ACTIVATIONS]


def _newest_activations(world: World) -> tuple[Activation, ...]:
    """The activations of the status, or those that were sent and are not stored, if they are newer."""
    present = world.assistant.status.activations
    sent = world.unstored.sent.activations if world.unstored else ()
    # The status may have been written since: then `unstored` is about the write before it.
    return sent if sent and (not present or sent[0].since > present[0].since) else present


def _conditions(world: World, verdict: Verdict) -> tuple[Condition, ...]:
    before, generation = world.assistant.status.conditions, world.recorded.generation
    if world.assistant.spec.suspend and before:
        message = SUSPENDED + bookkeeping(world)
        return tuple(_suspended(each, message).seen(generation, each, world.now) for each in before)
    return conditions(_claims(verdict), before, generation, world.now)


def _suspended(said: Condition, message: str) -> Condition:
    """What was said stays said; only Ready tells why nothing goes on."""
    told = {"reason": Reason.SUSPENDED.value, "message": message}
    return said.model_copy(update=told) if said.type == "Ready" else said


def _claims(verdict: Verdict) -> tuple[Claim, ...]:
    judgement = verdict.valid
    if judgement.reason is Reason.GRAPH_NOT_FOUND:
        graph = Claim("GraphFound", False, Reason.GRAPH_NOT_FOUND, judgement.message)
    elif judgement.graph:
        graph = Claim("GraphFound", True, Reason.GRAPH_FOUND, f"graph '{judgement.graph}' exists")
    else:
        graph = Claim("GraphFound", None, judgement.reason, judgement.message)
    valid = Claim("Valid", judgement.valid, judgement.reason, judgement.message)
    published = () if verdict.published is None else (verdict.published,)
    return with_fate(verdict.ready, verdict.fate, (graph, valid, *published))
