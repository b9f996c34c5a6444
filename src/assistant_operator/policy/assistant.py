"""What happens next to an Assistant whose edits are recorded: adopt, restore, activate, prune, mark, label. Pure."""

from collections.abc import Iterator
from itertools import chain

from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.meta import ConditionStatus

from . import deletion
from .activation import ActivationDecision, decide
from .assistant_input import (
    Adopt,
    AssistantInput,
    Prune,
    Relabel,
    Restore,
    Step,
    UpdateStatus,
    UpdateVersionStatus,
    Validate,
    ValidationResult,
)
from .assistant_status import status
from .pruning import prunable, prune_candidates


def steps(world: AssistantInput) -> Iterator[Step]:
    """What is due now, in order; empty when the world is settled. Each step is taken on a world seen anew."""
    if world.assistant.metadata.is_being_deleted:
        if (said := deletion.status(world)) != world.assistant.status:
            yield UpdateStatus(said)
        return
    yield from (Adopt(record) for record in world.kept if record.owner is None and not record.is_being_deleted)
    yield from _restorations(world)
    decision = decide(world)
    if isinstance(decision, Validate):
        yield decision
        return
    told = status(world, decision)
    if told != world.assistant.status and not (world.unstored and world.unstored.settles(told, world.assistant.status)):
        yield UpdateStatus(told)
    if not world.assistant.spec.suspend:
        yield from _prunings(world, decision)
    if world.is_revalidating or not world.assistant.spec.suspend:  # nobody will say again that a schema changed
        yield from _markings(world, decision)
    yield from (Relabel(record) for record in world.kept if _lacks_labels(world, record))


def _restorations(world: AssistantInput) -> Iterator[Restore]:
    needed = {world.newest, world.active or 0} - {0}
    yield from (Restore(number) for number in sorted(needed - world.numbers - world.lost))


def _prunings(world: AssistantInput, decision: ActivationDecision) -> Iterator[Prune]:
    yield from (Prune(record) for record in prunable(world, decision.active))


def _markings(world: AssistantInput, decision: ActivationDecision) -> Iterator[Validate | UpdateVersionStatus]:
    """The one in force first, then from the newest to the oldest."""
    gone = {record.number for record in prune_candidates(world, decision.active)} - {world.active}
    first = (record for record in world.kept if record.number == decision.active)
    others = (record for record in reversed(world.kept) if record.number != decision.active)
    for record in chain(first, others):
        if record.number in gone or record.is_being_deleted:
            continue
        validation_result = world.judged.get(record.number)
        if validation_result is None and (world.is_revalidating or not record.valid):
            yield Validate(record.number, is_background=True)
        elif _is_marked_otherwise(record, validation_result, is_active=record.number == decision.active):
            yield UpdateVersionStatus(record, record.number == decision.active, validation_result)


def _is_marked_otherwise(record: VersionRecord, validation_result: ValidationResult | None, *, is_active: bool) -> bool:
    if record.active != str(is_active):
        return True
    return validation_result is not None and record.valid != ConditionStatus.of(validation_result.valid).value


def _lacks_labels(world: AssistantInput, record: VersionRecord) -> bool:
    """Whether a version of ours lacks our labels. One without an owner may still become another's."""
    is_ours = record.owner == world.assistant.metadata.uid
    return is_ours and not record.is_labelled and not record.is_being_deleted


def is_background(step: Step) -> bool:
    """Whether nobody waits for it, since the status already says what there is to say."""
    return step.is_background if isinstance(step, Validate) else isinstance(step, Prune | UpdateVersionStatus | Relabel)
