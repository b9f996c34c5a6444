"""What happens next to an Assistant whose edits are recorded: adopt, restore, activate, prune, mark, label. Pure."""

from collections.abc import Iterator
from itertools import chain

from ..resources.assistant_version import VersionRecord
from ..resources.meta import ConditionStatus
from . import deletion
from .activation import Verdict, judge
from .assistant_status import status
from .assistant_world import Adopt, Judge, Judgement, Mark, Prune, Relabel, Report, Restore, Step, World
from .retention import doomed, prunable


def steps(world: World) -> Iterator[Step]:
    """What is due now, in order; empty when the world is settled. Each step is taken on a world seen anew."""
    if world.assistant.metadata.is_being_deleted:
        if (said := deletion.status(world)) != world.assistant.status:
            yield Report(said)
        return
    yield from (Adopt(record) for record in world.kept if record.owner is None and not record.is_being_deleted)
    yield from _restorations(world)
    verdict = judge(world)
    if isinstance(verdict, Judge):
        yield verdict
        return
    told = status(world, verdict)
    if told != world.assistant.status and not (world.unstored and world.unstored.settles(told, world.assistant.status)):
        yield Report(told)
    if not world.assistant.spec.suspend:
        yield from _prunings(world, verdict)
    if world.is_rejudging or not world.assistant.spec.suspend:  # nobody will say again that a schema changed
        yield from _markings(world, verdict)
    yield from (Relabel(record) for record in world.kept if _lacks_labels(world, record))


def _restorations(world: World) -> Iterator[Restore]:
    needed = {world.newest, world.active or 0} - {0}
    yield from (Restore(number) for number in sorted(needed - world.numbers - world.lost))


def _prunings(world: World, verdict: Verdict) -> Iterator[Prune]:
    yield from (Prune(record) for record in prunable(world, verdict.active))


def _markings(world: World, verdict: Verdict) -> Iterator[Judge | Mark]:
    """The one in force first, then from the newest to the oldest."""
    gone = {record.number for record in doomed(world, verdict.active)} - {world.active}
    first = (record for record in world.kept if record.number == verdict.active)
    others = (record for record in reversed(world.kept) if record.number != verdict.active)
    for record in chain(first, others):
        if record.number in gone or record.is_being_deleted:
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


def _lacks_labels(world: World, record: VersionRecord) -> bool:
    """Whether a version of ours lacks our labels. One without an owner may still become another's."""
    is_ours = record.owner == world.assistant.metadata.uid
    return is_ours and not record.is_labelled and not record.is_being_deleted


def is_chore(step: Step) -> bool:
    """Whether nobody waits for it, since the status already says what there is to say."""
    return step.is_chore if isinstance(step, Judge) else isinstance(step, Prune | Mark | Relabel)
