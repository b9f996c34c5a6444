"""Which version of an Assistant should be active, and its condition Ready. Pure."""

from dataclasses import dataclass, replace

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import ConditionStatus
from assistant_operator.api.reason import Reason

from .assistant_input import AssistantInput, Validate, ValidationResult
from .conditions import Finding
from .desired_copy import Target
from .publication import publication_finding

_REFUSED_STEPS = {
    "Adopt": "adopting versions is refused",
    "UpdateVersionStatus": "marking versions is refused",
    "Relabel": "labelling versions is refused",
    "Prune": "pruning is refused",
}
"""Steps on which Ready does not depend, and what its message adds while the API server refuses one."""

SUSPENDED = "spec.suspend is true: edits are recorded, nothing is activated, published or pruned"


@dataclass(frozen=True, slots=True)
class ActivationDecision:
    """The version that should be active, and the conditions that depend on it."""

    active: int | None
    ready: Finding
    valid: ValidationResult
    published: Finding | None = None
    """None if the Graph declares no server."""


def decide(input: AssistantInput) -> ActivationDecision | Validate:
    """The decision; or Validate, if it depends on a version that is not validated yet."""
    current = None if input.active in input.lost - input.kept.numbers else input.active
    if input.assistant.spec.suspend:
        return _decision(input, current, Finding(False, Reason.SUSPENDED, SUSPENDED))
    active = _active(input, current)
    if isinstance(active, Validate):
        return active
    requested = _requested(input, active)
    if requested in input.kept.numbers and requested not in input.validation_results:
        return Validate(requested)
    if input.is_published and active in input.kept.numbers and active not in input.validation_results:
        return Validate(active)
    validation_result = input.validation_results.get(requested) if requested in input.kept.numbers else None
    ready = _ready(input, active, requested, validation_result)
    return _decision(input, active, ready, validation_result, _published(input, active))


def _decision(
    input: AssistantInput,
    active: int | None,
    ready: Finding,
    valid: ValidationResult | None = None,
    published: Finding | None = None,
) -> ActivationDecision:
    """Without a validation result, Valid is Unknown with reason and message of Ready."""
    valid = valid or ValidationResult(None, ready.reason, ready.message)
    if ready.holds and published and not published.holds:
        ready = published
    ready = replace(ready, message=ready.message + message_additions(input))
    return ActivationDecision(active, ready, valid, published)


def message_additions(input: AssistantInput) -> str:
    """What the message of Ready adds: refused steps on which Ready does not depend, and fields that are not stored."""
    refused = (f"; {what} ({input.refusals[step]})" for step, what in _REFUSED_STEPS.items() if step in input.refusals)
    not_stored = f"; {input.unstored.message(Assistant.plural)}" if input.unstored else ""
    return "".join(refused) + not_stored


def _requested(input: AssistantInput, active: int | None) -> int:
    """The version that the spec asks for: the pinned one, else the newest; in Manual mode the active one."""
    if input.assistant.pin:
        return input.assistant.pin
    manual = input.assistant.spec.versioning.activation == "Manual"
    return active if manual and active else input.newest


def _active(input: AssistantInput, current: int | None) -> int | Validate | None:
    """The version that should be active. `current`: the one that is; it stays where no other is valid."""
    if pin := input.assistant.pin:
        return _pinned(input, pin, current)
    if input.assistant.spec.versioning.activation == "Manual":
        return current
    return _newest_valid(input, current)


def _pinned(input: AssistantInput, pin: int, current: int | None) -> int | Validate | None:
    if pin not in input.kept.numbers:
        return current
    if pin not in input.validation_results:
        return Validate(pin)
    return pin if input.validation_results[pin].holds else current


def _newest_valid(input: AssistantInput, current: int | None) -> int | Validate | None:
    """The newest valid version. Only newer ones replace the active version, even if that is no longer valid."""
    newer = input.kept.newer_than(current or 0)
    for record in newer:
        if record.number in input.validation_results:
            if input.validation_results[record.number].holds:
                return record.number
        elif input.is_revalidating or record.valid != ConditionStatus.FALSE or record is newer[0]:
            return Validate(record.number)
    return current


def _ready(
    input: AssistantInput, active: int | None, requested: int, validation_result: ValidationResult | None
) -> Finding:
    stays = f"{input.name(active)} {'stays' if active else 'is'} active"
    if problem := _capture_problem(input):
        return replace(problem, message=f"{problem.message}; {stays}")
    if validation_result is None and input.assistant.pin:
        message = f"spec.versioning.activeVersion pins {input.name(requested)}, which does not exist; {stays}"
        return Finding(False, Reason.PINNED_VERSION_NOT_FOUND, message)
    if validation_result is None:
        message = f"{input.name(requested)} was deleted, and its content is no longer available; {stays}"
        return Finding(False, Reason.VERSION_LOST, message)
    if not validation_result.holds:
        return _not_valid(input, active, requested, validation_result)
    if active is None:
        message = f"activation is Manual: set spec.versioning.activeVersion to activate {input.name(requested)}"
        return Finding(False, Reason.AWAITING_ACTIVATION, message)
    if input.assistant.pin:
        return Finding(True, Reason.ACTIVE, f"{input.name(active)} is active, as pinned")
    latest = input.kept.newest or active
    waiting = f"; {input.name(latest)} awaits activation" if latest > active else ""
    return Finding(True, Reason.ACTIVE, f"{input.name(active)} is active{waiting}")


def _capture_problem(input: AssistantInput) -> Finding | None:
    """Why an edit or a deleted version cannot be stored."""
    if input.recorded.refusal:
        message = f"the next version cannot be made ({input.recorded.refusal})"
        return Finding(False, Reason.VERSION_REFUSED, message)
    if refused := input.refusals.get("Restore"):
        return Finding(False, Reason.VERSION_REFUSED, f"a version that was deleted cannot be made again ({refused})")
    if input.recorded.too_large:
        message = f"the edit cannot be stored as a version ({input.recorded.too_large})"
        return Finding(False, Reason.SNAPSHOT_TOO_LARGE, message)
    return None


def _not_valid(
    input: AssistantInput, active: int | None, requested: int, validation_result: ValidationResult
) -> Finding:
    """Ready, if the version that the spec asks for is not valid, or it is not known whether it is."""
    is_invalid = validation_result.holds is False
    what, stays = "is not activated", f"{input.name(active)} {'stays' if active else 'is'} active"
    if active == requested:
        what, stays = "is no longer valid" if is_invalid else "cannot be judged", "it stays active"
    message = f"{input.name(requested)} {what}: {validation_result.message}; {stays}"
    reason = Reason.PINNED_VERSION_INVALID if input.assistant.pin and is_invalid else validation_result.reason
    return Finding(False, reason, message, validation_result.is_transient)


def _published(input: AssistantInput, active: int | None) -> Finding | None:
    target = active_target(input, active)
    if target is None or active is None:
        return None
    return publication_finding(input.assistant, active, input.name(active), target, input.publish_result, input.copies)


def active_target(input: AssistantInput, active: int | None) -> Target | None:
    """Where the active version is published to; None if its Graph is not known or declares no server."""
    validation_result = input.validation_results.get(active or 0)
    return input.targets.get(validation_result.graph) if validation_result else None
