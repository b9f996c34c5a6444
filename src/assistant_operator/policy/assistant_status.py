"""The desired status of an Assistant. Pure."""

from dataclasses import replace

from assistant_operator.api.assistant import Activation, AssistantStatus
from assistant_operator.api.condition_types import SECRET_SUSPECTED
from assistant_operator.api.meta import Condition, condition
from assistant_operator.api.reason import Reason

from .activation import SUSPENDED, ActivationDecision, active_target, message_additions
from .assistant_input import AssistantInput, ValidationResult
from .attribution import attribution
from .conditions import Finding, conditions, with_progress
from .pruning import prune_candidates
from .publication import recorded_copies
from .suspected_secret import suspected_secret

MOST_ACTIVATIONS = 20


def status(input: AssistantInput, decision: ActivationDecision) -> AssistantStatus:
    """The desired status. It is written only if it differs from the present one."""
    before = input.assistant.status
    active = input.kept.get(decision.active)
    target = None if input.assistant.spec.suspend else active_target(input, decision.active)
    copies = recorded_copies(input.copies, target)
    return AssistantStatus.of(
        conditions=_conditions(input, decision),
        observed_generation=input.recorded.generation,
        latest_version=input.newest or None,
        active_version=decision.active,
        versions=len(input.kept) - len(prune_candidates(input, decision.active)),
        assistant_id=copies[0].assistant_id if copies else None,
        copies=copies or None,
        digest=((active.digest if active else "") or before.digest) if decision.active else None,
        missed_generations=input.recorded.missed or None,
        activations=_activations(input, decision.active) or None,
    )


def _activations(input: AssistantInput, active: int | None) -> tuple[Activation, ...]:
    before = _newest_activations(input)
    is_recorded = input.unstored is not None and bool(before) and before[0].number == active
    if active is None or active == input.active or is_recorded:
        return before
    user, cause = attribution(input, active)
    return (Activation.of(number=active, since=input.now, user=user, cause=cause), *before)[:MOST_ACTIVATIONS]


def _newest_activations(input: AssistantInput) -> tuple[Activation, ...]:
    """The activations of the status; those that were sent but not stored, if they are newer."""
    present = input.assistant.status.activations
    sent = input.unstored.sent.activations if input.unstored else ()
    # The status may have been written since then. In that case the activations in `unstored` are older.
    return sent if sent and (not present or sent[0].since > present[0].since) else present


def _conditions(input: AssistantInput, decision: ActivationDecision) -> tuple[Condition, ...]:
    before, generation = input.assistant.status.conditions, input.recorded.generation
    if input.assistant.spec.suspend and before:
        message = SUSPENDED + message_additions(input)
        kept = (_suspended(each, message) for each in before if each.type != SECRET_SUSPECTED)
        kept = (each.with_transition_time(generation, condition(before, each.type), input.now) for each in kept)
        # While it is suspended its edits are recorded, and with them what looks like a credential.
        return (*kept, *conditions(_suspected(input), before, generation, input.now))
    others = {"GraphFound": _graph_found(decision.valid), "Valid": decision.valid}
    if decision.published:
        others["Published"] = decision.published
    findings = with_progress(decision.ready, {**others, **_suspected(input)})
    return conditions(findings, before, generation, input.now)


def _suspected(input: AssistantInput) -> dict[str, Finding]:
    found = suspected_secret(input.suspicions)
    return {SECRET_SUSPECTED: found} if found else {}


def _suspended(before: Condition, message: str) -> Condition:
    """The condition of a suspended Assistant: unchanged, but Ready has the reason Suspended."""
    update = {"reason": Reason.SUSPENDED.value, "message": message}
    return before.model_copy(update=update) if before.type == "Ready" else before


def _graph_found(validation_result: ValidationResult) -> Finding:
    if validation_result.reason is Reason.GRAPH_NOT_FOUND:
        return replace(validation_result, holds=False)
    if validation_result.graph:
        return Finding(True, Reason.GRAPH_FOUND, f"graph '{validation_result.graph}' exists")
    return replace(validation_result, holds=None)
