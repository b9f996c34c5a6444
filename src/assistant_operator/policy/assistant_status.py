"""What the status of an Assistant should be. Pure."""

from typing import Any

from assistant_operator.api.assistant import Activation, AssistantStatus, Copy
from assistant_operator.api.meta import Condition
from assistant_operator.api.reason import Reason

from .activation import SUSPENDED, ActivationDecision, bookkeeping, place_in_force
from .assistant_input import AssistantInput
from .conditions import ConditionDraft, conditions, with_progress
from .pruning import prune_candidates
from .publication import has_room

MOST_ACTIVATIONS = 20


def status(world: AssistantInput, decision: ActivationDecision) -> AssistantStatus:
    """What the Assistant's status should be. Equal to what it is: nothing to write."""
    before = world.assistant.status
    active = next((record for record in world.kept if record.number == decision.active), None)
    copies = _copies(world, decision.active)
    told: dict[str, Any] = {
        "conditions": _conditions(world, decision),
        "observed_generation": world.recorded.generation,
        "latest_version": world.newest or None,
        "active_version": decision.active,
        "versions": len(world.kept) - len(prune_candidates(world, decision.active)),
        "assistant_id": copies[0].assistant_id if copies else None,
        "copies": copies or None,
        "digest": ((active.digest if active else "") or before.digest) if decision.active else None,
        "missed_generations": world.recorded.missed or None,
        "activations": _activations(world, decision.active) or None,
    }
    return AssistantStatus(**{name: value for name, value in told.items() if value is not None})


def _copies(world: AssistantInput, active: int | None) -> tuple[Copy, ...]:
    """Where copies are, or are about to be: the present place first."""
    present = world.copies
    place = None if world.assistant.spec.suspend else place_in_force(world, active)
    if place is None or not has_room(present, place.copy):
        return present
    return (place.copy, *(each for each in present if not each.is_same(place.copy)))


def _activations(world: AssistantInput, active: int | None) -> tuple[Activation, ...]:
    before = _newest_activations(world)
    is_noted = world.unstored is not None and bool(before) and before[0].number == active
    if active is None or active == world.active or is_noted:
        return before
    return (Activation(number=active, since=world.now), *before)[:MOST_ACTIVATIONS]


def _newest_activations(world: AssistantInput) -> tuple[Activation, ...]:
    """The activations of the status, or those that were sent and are not stored, if they are newer."""
    present = world.assistant.status.activations
    sent = world.unstored.sent.activations if world.unstored else ()
    # The status may have been written since: then `unstored` is about the write before it.
    return sent if sent and (not present or sent[0].since > present[0].since) else present


def _conditions(world: AssistantInput, decision: ActivationDecision) -> tuple[Condition, ...]:
    before, generation = world.assistant.status.conditions, world.recorded.generation
    if world.assistant.spec.suspend and before:
        message = SUSPENDED + bookkeeping(world)
        return tuple(_suspended(each, message).seen(generation, each, world.now) for each in before)
    return conditions(_drafts(decision), before, generation, world.now)


def _suspended(said: Condition, message: str) -> Condition:
    """What was said stays said; only Ready tells why nothing goes on."""
    told = {"reason": Reason.SUSPENDED.value, "message": message}
    return said.model_copy(update=told) if said.type == "Ready" else said


def _drafts(decision: ActivationDecision) -> tuple[ConditionDraft, ...]:
    validation_result = decision.valid
    if validation_result.reason is Reason.GRAPH_NOT_FOUND:
        graph = ConditionDraft("GraphFound", False, Reason.GRAPH_NOT_FOUND, validation_result.message)
    elif validation_result.graph:
        graph = ConditionDraft("GraphFound", True, Reason.GRAPH_FOUND, f"graph '{validation_result.graph}' exists")
    else:
        graph = ConditionDraft("GraphFound", None, validation_result.reason, validation_result.message)
    valid = ConditionDraft("Valid", validation_result.valid, validation_result.reason, validation_result.message)
    published = () if decision.published is None else (decision.published,)
    return with_progress(decision.ready, decision.progress, (graph, valid, *published))
