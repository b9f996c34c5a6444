"""What happens next to an Assistant whose edits are recorded: adopt, restore, activate, prune, mark. Pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import cached_property
from itertools import chain
from typing import Any

from ..resources.assistant import Activation, Assistant, AssistantStatus, Copy
from ..resources.assistant_version import VersionRecord, version_name
from ..resources.meta import Condition, ConditionStatus
from ..resources.reason import Reason
from .publication import MOST_COPIES, Outcome, remembered
from .remote import Place
from .status import Claim, Fate, conditions, with_fate

MOST_ACTIVATIONS = 20
SUSPENDED = "spec.suspend is true: edits are recorded, nothing is activated, published or pruned"


@dataclass(frozen=True, slots=True)
class Judgement:
    """Whether a version may come into force. Unknown (None) is not invalid."""

    valid: bool | None
    reason: Reason
    message: str
    graph: str = ""
    """Name of the Graph whose schemas were asked."""


@dataclass(frozen=True, slots=True)
class Recorded:
    """How far the history of an Assistant is written."""

    generation: int
    latest: int = 0
    missed: int = 0
    too_large: str | None = None
    """What the API server said when it could not store the newest edit."""
    refusal: str | None = None
    """What the API server said when it refused to make the next version: it is asked again and again."""


@dataclass(frozen=True)
class World:
    """All that a decision about one Assistant may know."""

    assistant: Assistant
    """As of the newest recorded generation."""
    recorded: Recorded
    now: datetime
    kept: tuple[VersionRecord, ...] = ()
    """Its versions, oldest first: its own, and those without an owner."""
    judged: Mapping[int, Judgement] = field(default_factory=dict)
    """What is known of versions as of now; the others can be judged."""
    lost: frozenset[int] = frozenset()
    """Versions that were deleted and whose content nobody knows any more."""
    is_rejudging: bool = False
    """A graph's schema changed: what was said of kept versions may no longer hold."""
    is_published: bool = False
    """Whether any Graph of the namespace has a server."""
    places: Mapping[str, Place] = field(default_factory=dict)
    """Where versions of the Graphs that have a server belong, by the Graph's name."""
    outcome: Outcome | None = None
    """How the last try to publish ended."""
    withdrawn: frozenset[Copy] = frozenset()
    """Copies that are gone from their servers."""

    @property
    def active(self) -> int | None:
        return self.assistant.status.active_version

    @cached_property
    def numbers(self) -> frozenset[int]:
        return frozenset([record.number for record in self.kept])

    @property
    def newest(self) -> int:
        """The newest number ever made, as far as anybody knows; 0 for none."""
        reported = self.assistant.status.latest_version or 0
        return max(self.recorded.latest, reported, self.kept[-1].number if self.kept else 0)

    def name(self, number: int | None) -> str:
        return version_name(self.assistant.metadata.name, number) if number else "no version"


@dataclass(frozen=True, slots=True)
class Adopt:
    """Become the owner of a version that an orphaning deletion or a backup left behind."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Restore:
    """Bring a version back under its own number and content: it was deleted by hand and is still needed."""

    number: int


@dataclass(frozen=True, slots=True)
class Judge:
    """Find out whether a version may come into force."""

    number: int
    is_chore: bool = False


@dataclass(frozen=True, slots=True)
class Report:
    """Write the status. An activation is nothing else."""

    status: AssistantStatus


@dataclass(frozen=True, slots=True)
class Prune:
    """Delete a version that history no longer keeps."""

    record: VersionRecord


@dataclass(frozen=True, slots=True)
class Mark:
    """Say on a version whether it is valid and in force."""

    record: VersionRecord
    is_active: bool
    judgement: Judgement | None
    """None where what is said of its validity stays."""


Step = Adopt | Restore | Judge | Report | Prune | Mark


def is_chore(step: Step) -> bool:
    """Whether nobody waits for it, since the status already says what there is to say."""
    return step.is_chore if isinstance(step, Judge) else isinstance(step, Prune | Mark)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is in force and what to say about it."""

    active: int | None
    ready: Claim
    fate: Fate
    valid: Judgement
    published: Claim | None = None
    """None where there is no server to be on."""


def steps(world: World) -> Iterator[Step]:
    """What is due now, in order; empty when the world is settled. Each step is taken on a world seen anew."""
    if world.assistant.metadata.is_being_deleted:
        return
    yield from (Adopt(record) for record in world.kept if record.owner is None and not record.is_being_deleted)
    yield from _restorations(world)
    verdict = judge(world)
    if isinstance(verdict, Judge):
        yield verdict
        return
    told = status(world, verdict)
    if told != world.assistant.status:
        yield Report(told)
    if not world.assistant.spec.suspend:
        yield from _prunings(world, verdict)
    if world.is_rejudging or not world.assistant.spec.suspend:  # nobody will say again that a schema changed
        yield from _markings(world, verdict)


def _restorations(world: World) -> Iterator[Restore]:
    needed = {world.newest, world.active or 0} - {0}
    yield from (Restore(number) for number in sorted(needed - world.numbers - world.lost))


def judge(world: World) -> Verdict | Judge:
    """Which version is in force and whether that is as it should be; or which one must be judged to tell."""
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
    place = _place(world, verdict.active)
    if place is None:
        return verdict
    known = world.outcome or remembered(world.assistant)
    if known is None or (known.number, known.copy) != (verdict.active, place.copy):
        message = f"{world.name(verdict.active)} is being published to {place.copy.server}"
        published, fate = Claim("Published", False, Reason.PUBLISHING, message), Fate.WAIT
    else:
        published, fate = known.claim(), known.fate
    if verdict.ready.holds and not published.holds:
        ready = Claim("Ready", False, published.reason, published.message)
        return replace(verdict, ready=ready, fate=fate, published=published)
    return replace(verdict, published=published)


def _place(world: World, active: int | None) -> Place | None:
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
    if judgement.reason in (Reason.GRAPH_NOT_FOUND, Reason.PROBING):
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
        "versions": len(world.kept) - len(_doomed(world, verdict.active)),
        "assistant_id": copies[0].assistant_id if copies else None,
        "copies": copies or None,
        "digest": (active.digest if active else before.digest) if verdict.active else None,
        "missed_generations": world.recorded.missed or None,
        "activations": _activations(world, verdict.active) or None,
    }
    return AssistantStatus(**{name: value for name, value in told.items() if value is not None})


def _copies(world: World, active: int | None) -> tuple[Copy, ...]:
    """Where copies are, or are about to be: the present place first."""
    present = tuple(each for each in world.assistant.status.copies if each not in world.withdrawn)
    place = None if world.assistant.spec.suspend else _place(world, active)
    if place is None:
        return present
    return (place.copy, *(each for each in present if each.site != place.copy.site))[:MOST_COPIES]


def _activations(world: World, active: int | None) -> tuple[Activation, ...]:
    before = world.assistant.status.activations
    if active is None or active == world.active:
        return before
    return (Activation(number=active, since=world.now), *before)[:MOST_ACTIVATIONS]


def _conditions(world: World, verdict: Verdict) -> tuple[Condition, ...]:
    before, generation = world.assistant.status.conditions, world.recorded.generation
    if world.assistant.spec.suspend and before:
        return tuple(_suspended(each).seen(generation, each, world.now) for each in before)
    return conditions(_claims(verdict), before, generation, world.now)


def _suspended(said: Condition) -> Condition:
    """What was said stays said; only Ready tells why nothing goes on."""
    told = {"reason": Reason.SUSPENDED.value, "message": SUSPENDED}
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


def prunable(world: World, active: int | None) -> list[VersionRecord]:
    """What history no longer keeps, oldest first: beyond the limit, not active, not pinned, not labelled keep."""
    held = {active, world.assistant.pin}
    beyond = world.kept[: -world.assistant.spec.versioning.history_limit]
    return [each for each in beyond if each.number not in held and not (each.is_labelled_keep or each.is_being_deleted)]


def _doomed(world: World, active: int | None) -> list[VersionRecord]:
    """What will be pruned in the background: reported as gone already, so that nothing is to be reported after it."""
    return [] if world.assistant.spec.suspend else prunable(world, active)


def _prunings(world: World, verdict: Verdict) -> Iterator[Prune]:
    yield from (Prune(record) for record in prunable(world, verdict.active))


def _markings(world: World, verdict: Verdict) -> Iterator[Judge | Mark]:
    """The one in force first, then from the newest to the oldest."""
    doomed = {record.number for record in _doomed(world, verdict.active)}
    first = (record for record in world.kept if record.number == verdict.active)
    others = (record for record in reversed(world.kept) if record.number != verdict.active)
    for record in chain(first, others):
        if record.number in doomed or record.is_being_deleted:
            continue
        judgement = world.judged.get(record.number)
        if judgement is None and (world.is_rejudging or not record.valid):
            yield Judge(record.number, is_chore=True)
        elif _is_marked_otherwise(record, judgement, is_active=record.number == verdict.active):
            yield Mark(record, record.number == verdict.active, judgement)


def _is_marked_otherwise(record: VersionRecord, judgement: Judgement | None, *, is_active: bool) -> bool:
    if record.active != str(is_active):
        return True
    return judgement is not None and record.valid != ConditionStatus.of(judgement.valid).value
