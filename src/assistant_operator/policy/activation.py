"""Which version of an Assistant is in force, and whether that is as it should be. Pure."""

from dataclasses import dataclass, replace

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import ConditionStatus
from assistant_operator.api.reason import Reason

from .assistant_input import AssistantInput, Validate, ValidationResult
from .conditions import ConditionDraft, Progress
from .desired_copy import Target
from .publication import MOST_COPIES, has_room, remembered

_BOOKKEEPING = {
    "Adopt": "adopting versions is refused",
    "UpdateVersionStatus": "marking versions is refused",
    "Relabel": "labelling versions is refused",
    "Prune": "pruning is refused",
}
"""Steps that change nothing about what is in force: what to say while one is refused."""

SUSPENDED = "spec.suspend is true: edits are recorded, nothing is activated, published or pruned"


@dataclass(frozen=True, slots=True)
class ActivationDecision:
    """What is in force and what to say about it."""

    active: int | None
    ready: ConditionDraft
    progress: Progress
    valid: ValidationResult
    published: ConditionDraft | None = None
    """None where there is no server to be on."""


def decide(world: AssistantInput) -> ActivationDecision | Validate:
    """Which version is in force and whether that is as it should be; or which one must be judged to tell."""
    decision = _judged(world)
    if isinstance(decision, Validate) or not (said := bookkeeping(world)):
        return decision
    return replace(decision, ready=replace(decision.ready, message=decision.ready.message + said))


def bookkeeping(world: AssistantInput) -> str:
    """What is refused or not stored beside what Ready is about, to be added to its message."""
    refused = (f"; {what} ({world.refusals[step]})" for step, what in _BOOKKEEPING.items() if step in world.refusals)
    lacking = f"; {world.unstored.message(Assistant.plural)}" if world.unstored else ""
    return "".join(refused) + lacking


def _judged(world: AssistantInput) -> ActivationDecision | Validate:
    in_force = None if world.active in world.lost - world.numbers else world.active
    if world.assistant.spec.suspend:
        return _rejected(in_force, Reason.SUSPENDED, SUSPENDED)
    active = _active(world, in_force)
    if isinstance(active, Validate):
        return active
    wanted = _wanted(world, active)
    if wanted in world.numbers and wanted not in world.judged:
        return Validate(wanted)
    if world.is_published and active in world.numbers and active not in world.judged:
        return Validate(active)
    return _with_publication(world, _verdict(world, active, wanted))


def _with_publication(world: AssistantInput, decision: ActivationDecision) -> ActivationDecision:
    """Ready is only what is on its server too."""
    place = place_in_force(world, decision.active)
    if place is None:
        return decision
    known = world.outcome or remembered(world.assistant)
    if known is None or known.number != decision.active or not known.copy.is_equal(place.copy):
        message = f"{world.name(decision.active)} is being published to {place.copy.server}"
        if not has_room(world.copies, place.copy):
            message += f", once one of its {MOST_COPIES} copies on former servers is withdrawn"
        published, progress = ConditionDraft("Published", False, Reason.PUBLISHING, message), Progress.WAIT
    else:
        published, progress = known.draft(), known.progress
    if decision.ready.holds and not published.holds:
        ready = ConditionDraft("Ready", False, published.reason, published.message)
        return replace(decision, ready=ready, progress=progress, published=published)
    return replace(decision, published=published)


def place_in_force(world: AssistantInput, active: int | None) -> Target | None:
    """Where the version in force belongs, if that is known and on a server."""
    validation_result = world.judged.get(active or 0)
    return world.places.get(validation_result.graph) if validation_result else None


def _wanted(world: AssistantInput, active: int | None) -> int:
    if world.assistant.pin:
        return world.assistant.pin
    manual = world.assistant.spec.versioning.activation == "Manual"
    return active if manual and active else world.newest


def _active(world: AssistantInput, in_force: int | None) -> int | Validate | None:
    if pin := world.assistant.pin:
        return _pinned(world, pin, in_force)
    if world.assistant.spec.versioning.activation == "Manual":
        return in_force
    return _newest_valid(world, in_force)


def _pinned(world: AssistantInput, pin: int, in_force: int | None) -> int | Validate | None:
    if pin not in world.numbers:
        return in_force
    if pin not in world.judged:
        return Validate(pin)
    return pin if world.judged[pin].valid else in_force


def _newest_valid(world: AssistantInput, in_force: int | None) -> int | Validate | None:
    """The newest valid version, unless it is older than the one in force: that one stays, whatever became of it."""
    newer = [record for record in reversed(world.kept) if record.number > (in_force or 0)]
    for record in newer:
        if record.number in world.judged:
            if world.judged[record.number].valid:
                return record.number
        elif world.is_revalidating or record.valid != ConditionStatus.FALSE or record is newer[0]:
            return Validate(record.number)
    return in_force


def _verdict(world: AssistantInput, active: int | None, wanted: int) -> ActivationDecision:
    validation_result = world.judged.get(wanted) if wanted in world.numbers else None
    stays = f"{world.name(active)} {'stays' if active else 'is'} active"
    if world.recorded.refusal:
        message = f"the next version cannot be made ({world.recorded.refusal}); {stays}"
        return _rejected(active, Reason.VERSION_REFUSED, message, validation_result)
    if refused := world.refusals.get("Restore"):
        message = f"a version that was deleted cannot be made again ({refused}); {stays}"
        return _rejected(active, Reason.VERSION_REFUSED, message, validation_result)
    if world.recorded.too_large:
        message = f"the edit cannot be stored as a version ({world.recorded.too_large}); {stays}"
        return _rejected(active, Reason.SNAPSHOT_TOO_LARGE, message, validation_result)
    if validation_result is None and world.assistant.pin:
        message = f"spec.versioning.activeVersion pins {world.name(wanted)}, which does not exist; {stays}"
        return _rejected(active, Reason.PINNED_VERSION_NOT_FOUND, message)
    if validation_result is None:
        message = f"{world.name(wanted)} was deleted and nobody holds its content any more; {stays}"
        return _rejected(active, Reason.VERSION_LOST, message)
    if not validation_result.valid:
        return _refused(world, active, wanted, validation_result)
    if active is None:
        message = f"activation is Manual: set spec.versioning.activeVersion to activate {world.name(wanted)}"
        return _rejected(None, Reason.AWAITING_ACTIVATION, message, validation_result)
    return ActivationDecision(
        active, ConditionDraft("Ready", True, Reason.ACTIVE, _in_force(world, active)), Progress.DONE, validation_result
    )


def _refused(
    world: AssistantInput, active: int | None, wanted: int, validation_result: ValidationResult
) -> ActivationDecision:
    fallen = "is no longer valid" if validation_result.valid is False else "cannot be judged"
    what = fallen if active == wanted else "is not activated"
    stays = "it stays active" if active == wanted else f"{world.name(active)} {'stays' if active else 'is'} active"
    message = f"{world.name(wanted)} {what}: {validation_result.message}; {stays}"
    refused_pin = world.assistant.pin and validation_result.valid is False
    reason = Reason.PINNED_VERSION_INVALID if refused_pin else validation_result.reason
    if validation_result.is_transient or validation_result.reason in (Reason.GRAPH_NOT_FOUND, Reason.PROBING):
        return ActivationDecision(
            active, ConditionDraft("Ready", False, reason, message), Progress.WAIT, validation_result
        )
    return _rejected(active, reason, message, validation_result)


def _rejected(
    active: int | None, reason: Reason, message: str, validation_result: ValidationResult | None = None
) -> ActivationDecision:
    """Somebody must act. Without a judgement nobody can say more of the version than why there is none."""
    unknown = ValidationResult(None, reason, message)
    return ActivationDecision(
        active, ConditionDraft("Ready", False, reason, message), Progress.REJECT, validation_result or unknown
    )


def _in_force(world: AssistantInput, active: int) -> str:
    if world.assistant.pin:
        return f"{world.name(active)} is active, as pinned"
    latest = world.kept[-1].number if world.kept else active
    waiting = f"; {world.name(latest)} awaits activation" if latest > active else ""
    return f"{world.name(active)} is active{waiting}"
