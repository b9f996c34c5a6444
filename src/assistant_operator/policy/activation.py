"""Which version of an Assistant should be active, and its condition Ready. Pure."""

from dataclasses import dataclass, replace

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import ConditionStatus
from assistant_operator.api.reason import Reason

from .assistant_input import AssistantInput, Validate, ValidationResult
from .conditions import Finding
from .desired_copy import Target
from .publication import MOST_COPIES, has_room, remembered

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
    decision = _without_additions(input)
    if isinstance(decision, Validate) or not (additions := message_additions(input)):
        return decision
    return replace(decision, ready=replace(decision.ready, message=decision.ready.message + additions))


def message_additions(input: AssistantInput) -> str:
    """What the message of Ready adds: refused steps on which Ready does not depend, and fields that are not stored."""
    refused = (f"; {what} ({input.refusals[step]})" for step, what in _REFUSED_STEPS.items() if step in input.refusals)
    not_stored = f"; {input.unstored.message(Assistant.plural)}" if input.unstored else ""
    return "".join(refused) + not_stored


def _without_additions(input: AssistantInput) -> ActivationDecision | Validate:
    current = None if input.active in input.lost - input.numbers else input.active
    if input.assistant.spec.suspend:
        return _rejected(current, Reason.SUSPENDED, SUSPENDED)
    active = _active(input, current)
    if isinstance(active, Validate):
        return active
    wanted = _wanted(input, active)
    if wanted in input.numbers and wanted not in input.judged:
        return Validate(wanted)
    if input.is_published and active in input.numbers and active not in input.judged:
        return Validate(active)
    return _with_publication(input, _decision(input, active, wanted))


def _with_publication(input: AssistantInput, decision: ActivationDecision) -> ActivationDecision:
    """The decision with Published. Ready is False while the active version is not published."""
    target = active_target(input, decision.active)
    if target is None:
        return decision
    known = input.outcome or remembered(input.assistant)
    if known and known.number == decision.active and known.copy.is_equal(target.copy):
        published = known.with_trouble()
    else:
        message = f"{input.name(decision.active)} is being published to {target.copy.server}"
        if not has_room(input.copies, target.copy):
            message += f", once one of its {MOST_COPIES} copies on former servers is withdrawn"
        published = Finding(False, Reason.PUBLISHING, message)
    if decision.ready.holds and not published.holds:
        return replace(decision, ready=published, published=published)
    return replace(decision, published=published)


def active_target(input: AssistantInput, active: int | None) -> Target | None:
    """Where the active version is published to; None if its Graph is not known or declares no server."""
    validation_result = input.judged.get(active or 0)
    return input.places.get(validation_result.graph) if validation_result else None


def _wanted(input: AssistantInput, active: int | None) -> int:
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
    if pin not in input.numbers:
        return current
    if pin not in input.judged:
        return Validate(pin)
    return pin if input.judged[pin].holds else current


def _newest_valid(input: AssistantInput, current: int | None) -> int | Validate | None:
    """The newest valid version. Only newer ones replace the active version, even if that is no longer valid."""
    newer = [record for record in reversed(input.kept) if record.number > (current or 0)]
    for record in newer:
        if record.number in input.judged:
            if input.judged[record.number].holds:
                return record.number
        elif input.is_revalidating or record.valid != ConditionStatus.FALSE or record is newer[0]:
            return Validate(record.number)
    return current


def _decision(input: AssistantInput, active: int | None, wanted: int) -> ActivationDecision:
    validation_result = input.judged.get(wanted) if wanted in input.numbers else None
    stays = f"{input.name(active)} {'stays' if active else 'is'} active"
    if input.recorded.refusal:
        message = f"the next version cannot be made ({input.recorded.refusal}); {stays}"
        return _rejected(active, Reason.VERSION_REFUSED, message, validation_result)
    if refused := input.refusals.get("Restore"):
        message = f"a version that was deleted cannot be made again ({refused}); {stays}"
        return _rejected(active, Reason.VERSION_REFUSED, message, validation_result)
    if input.recorded.too_large:
        message = f"the edit cannot be stored as a version ({input.recorded.too_large}); {stays}"
        return _rejected(active, Reason.SNAPSHOT_TOO_LARGE, message, validation_result)
    if validation_result is None and input.assistant.pin:
        message = f"spec.versioning.activeVersion pins {input.name(wanted)}, which does not exist; {stays}"
        return _rejected(active, Reason.PINNED_VERSION_NOT_FOUND, message)
    if validation_result is None:
        message = f"{input.name(wanted)} was deleted, and its content is no longer available; {stays}"
        return _rejected(active, Reason.VERSION_LOST, message)
    if not validation_result.holds:
        return ActivationDecision(active, _refused(input, active, wanted, validation_result), validation_result)
    if active is None:
        message = f"activation is Manual: set spec.versioning.activeVersion to activate {input.name(wanted)}"
        return _rejected(None, Reason.AWAITING_ACTIVATION, message, validation_result)
    ready = Finding(True, Reason.ACTIVE, _active_message(input, active))
    return ActivationDecision(active, ready, validation_result)


def _refused(input: AssistantInput, active: int | None, wanted: int, validation_result: ValidationResult) -> Finding:
    """Ready if the version that the spec asks for is not valid, or it is not known whether it is."""
    not_valid = "is no longer valid" if validation_result.holds is False else "cannot be judged"
    what = not_valid if active == wanted else "is not activated"
    stays = "it stays active" if active == wanted else f"{input.name(active)} {'stays' if active else 'is'} active"
    message = f"{input.name(wanted)} {what}: {validation_result.message}; {stays}"
    is_refused_pin = input.assistant.pin and validation_result.holds is False
    reason = Reason.PINNED_VERSION_INVALID if is_refused_pin else validation_result.reason
    return Finding(False, reason, message, validation_result.is_transient)


def _rejected(
    active: int | None, reason: Reason, message: str, validation_result: ValidationResult | None = None
) -> ActivationDecision:
    """A Stalled decision. Without a validation result, Valid is Unknown with the same reason and message."""
    unknown = ValidationResult(None, reason, message)
    return ActivationDecision(active, Finding(False, reason, message), validation_result or unknown)


def _active_message(input: AssistantInput, active: int) -> str:
    if input.assistant.pin:
        return f"{input.name(active)} is active, as pinned"
    latest = input.kept[-1].number if input.kept else active
    waiting = f"; {input.name(latest)} awaits activation" if latest > active else ""
    return f"{input.name(active)} is active{waiting}"
