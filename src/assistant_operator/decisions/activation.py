"""Which version of an Assistant is in force, and whether that is as it should be. Pure."""

from dataclasses import dataclass, replace

from ..resources.assistant import Assistant
from ..resources.meta import ConditionStatus
from ..resources.reason import Reason
from .assistant_world import Judge, Judgement, World
from .publication import MOST_COPIES, has_room, remembered
from .remote import Place
from .status import Claim, Fate

_BOOKKEEPING = {
    "Adopt": "adopting versions is refused",
    "Mark": "marking versions is refused",
    "Relabel": "labelling versions is refused",
    "Prune": "pruning is refused",
}
"""Steps that change nothing about what is in force: what to say while one is refused."""

SUSPENDED = "spec.suspend is true: edits are recorded, nothing is activated, published or pruned"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is in force and what to say about it."""

    active: int | None
    ready: Claim
    fate: Fate
    valid: Judgement
    published: Claim | None = None
    """None where there is no server to be on."""


def judge(world: World) -> Verdict | Judge:
    """Which version is in force and whether that is as it should be; or which one must be judged to tell."""
    verdict = _judged(world)
    if isinstance(verdict, Judge) or not (said := bookkeeping(world)):
        return verdict
    return replace(verdict, ready=replace(verdict.ready, message=verdict.ready.message + said))


def bookkeeping(world: World) -> str:
    """What is refused or not stored beside what Ready is about, to be added to its message."""
    refused = (f"; {what} ({world.refusals[step]})" for step, what in _BOOKKEEPING.items() if step in world.refusals)
    lacking = f"; {world.unstored.message(Assistant.plural)}" if world.unstored else ""
    return "".join(refused) + lacking


def _judged(world: World) -> Verdict | Judge:
    in_force = None if world.active in world.lost - world.numbers else world.active
    if world.assistant.spec.suspend:
        return _rejected(in_force, Reason.SUSPENDED, SUSPENDED)
    active = _active(world, in_force)
    if isinstance(active, Judge):
        return active
    wanted = _wanted(world, active)
    if wanted in world.numbers and wanted not in world.judged:
        return Judge(wanted)
    if world.is_published and active in world.numbers and active not in world.judged:
        return Judge(active)
    return _with_publication(world, _verdict(world, active, wanted))


def _with_publication(world: World, verdict: Verdict) -> Verdict:
    """Ready is only what is on its server too."""
    place = place_in_force(world, verdict.active)
    if place is None:
        return verdict
    known = world.outcome or remembered(world.assistant)
    if known is None or known.number != verdict.active or not known.copy.is_equal(place.copy):
        message = f"{world.name(verdict.active)} is being published to {place.copy.server}"
        if not has_room(world.copies, place.copy):
            message += f", once one of its {MOST_COPIES} copies on former servers is withdrawn"
        published, fate = Claim("Published", False, Reason.PUBLISHING, message), Fate.WAIT
    else:
        published, fate = known.claim(), known.fate
    if verdict.ready.holds and not published.holds:
        ready = Claim("Ready", False, published.reason, published.message)
        return replace(verdict, ready=ready, fate=fate, published=published)
    return replace(verdict, published=published)


def place_in_force(world: World, active: int | None) -> Place | None:
    """Where the version in force belongs, if that is known and on a server."""
    judgement = world.judged.get(active or 0)
    return world.places.get(judgement.graph) if judgement else None


def _wanted(world: World, active: int | None) -> int:
    if world.assistant.pin:
        return world.assistant.pin
    manual = world.assistant.spec.versioning.activation == "Manual"
    return active if manual and active else world.newest


def _active(world: World, in_force: int | None) -> int | Judge | None:
    if pin := world.assistant.pin:
        return _pinned(world, pin, in_force)
    if world.assistant.spec.versioning.activation == "Manual":
        return in_force
    return _newest_valid(world, in_force)


def _pinned(world: World, pin: int, in_force: int | None) -> int | Judge | None:
    if pin not in world.numbers:
        return in_force
    if pin not in world.judged:
        return Judge(pin)
    return pin if world.judged[pin].valid else in_force


def _newest_valid(world: World, in_force: int | None) -> int | Judge | None:
    """The newest valid version, unless it is older than the one in force: that one stays, whatever became of it."""
    newer = [record for record in reversed(world.kept) if record.number > (in_force or 0)]
    for record in newer:
        if record.number in world.judged:
            if world.judged[record.number].valid:
                return record.number
        elif world.is_rejudging or record.valid != ConditionStatus.FALSE or record is newer[0]:
            return Judge(record.number)
    return in_force


def _verdict(world: World, active: int | None, wanted: int) -> Verdict:
    judgement = world.judged.get(wanted) if wanted in world.numbers else None
    stays = f"{world.name(active)} {'stays' if active else 'is'} active"
    if world.recorded.refusal:
        message = f"the next version cannot be made ({world.recorded.refusal}); {stays}"
        return _rejected(active, Reason.VERSION_REFUSED, message, judgement)
    if refused := world.refusals.get("Restore"):
        message = f"a version that was deleted cannot be made again ({refused}); {stays}"
        return _rejected(active, Reason.VERSION_REFUSED, message, judgement)
    if world.recorded.too_large:
        message = f"the edit cannot be stored as a version ({world.recorded.too_large}); {stays}"
        return _rejected(active, Reason.SNAPSHOT_TOO_LARGE, message, judgement)
    if judgement is None and world.assistant.pin:
        message = f"spec.versioning.activeVersion pins {world.name(wanted)}, which does not exist; {stays}"
        return _rejected(active, Reason.PINNED_VERSION_NOT_FOUND, message)
    if judgement is None:
        message = f"{world.name(wanted)} was deleted and nobody holds its content any more; {stays}"
        return _rejected(active, Reason.VERSION_LOST, message)
    if not judgement.valid:
        return _refused(world, active, wanted, judgement)
    if active is None:
        message = f"activation is Manual: set spec.versioning.activeVersion to activate {world.name(wanted)}"
        return _rejected(None, Reason.AWAITING_ACTIVATION, message, judgement)
    return Verdict(active, Claim("Ready", True, Reason.ACTIVE, _in_force(world, active)), Fate.DONE, judgement)


def _refused(world: World, active: int | None, wanted: int, judgement: Judgement) -> Verdict:
    fallen = "is no longer valid" if judgement.valid is False else "cannot be judged"
    what = fallen if active == wanted else "is not activated"
    stays = "it stays active" if active == wanted else f"{world.name(active)} {'stays' if active else 'is'} active"
    message = f"{world.name(wanted)} {what}: {judgement.message}; {stays}"
    refused_pin = world.assistant.pin and judgement.valid is False
    reason = Reason.PINNED_VERSION_INVALID if refused_pin else judgement.reason
    if judgement.is_passing or judgement.reason in (Reason.GRAPH_NOT_FOUND, Reason.PROBING):
        return Verdict(active, Claim("Ready", False, reason, message), Fate.WAIT, judgement)
    return _rejected(active, reason, message, judgement)


def _rejected(active: int | None, reason: Reason, message: str, judgement: Judgement | None = None) -> Verdict:
    """Somebody must act. Without a judgement nobody can say more of the version than why there is none."""
    unknown = Judgement(None, reason, message)
    return Verdict(active, Claim("Ready", False, reason, message), Fate.REJECT, judgement or unknown)


def _in_force(world: World, active: int) -> str:
    if world.assistant.pin:
        return f"{world.name(active)} is active, as pinned"
    latest = world.kept[-1].number if world.kept else active
    waiting = f"; {world.name(latest)} awaits activation" if latest > active else ""
    return f"{world.name(active)} is active{waiting}"
