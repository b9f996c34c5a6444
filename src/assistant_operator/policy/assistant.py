"""The steps that reconcile an Assistant whose edits are captured: adopt, restore, activate, prune, label. Pure."""

from collections.abc import Iterable, Iterator
from itertools import chain

from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.api.meta import ConditionStatus

from . import deletion
from .activation import ActivationDecision, decide
from .assistant_input import (
    Adopt,
    AssistantInput,
    BackgroundStep,
    ForegroundStep,
    Prune,
    Relabel,
    Restore,
    UpdateStatus,
    UpdateVersionStatus,
    Validate,
    ValidationResult,
)
from .assistant_status import status
from .pruning import prunable, prune_candidates


def foreground_steps(input: AssistantInput) -> Iterator[ForegroundStep]:
    """The due steps of the controller "assistant", in order. After each step the input is read again."""
    if input.assistant.metadata.is_being_deleted:
        if (desired := deletion.status(input)) != input.assistant.status:
            yield UpdateStatus(desired)
        return
    yield from (Adopt(record) for record in input.kept.orphaned if not record.is_being_deleted)
    aliased = {number for number in input.aliased.in_force if number <= input.newest}
    needed = {input.newest, input.active or 0, *aliased} - {0}
    yield from (Restore(number) for number in sorted(needed - input.kept.numbers - input.lost))
    decision = decide(input)
    if isinstance(decision, Validate):
        yield decision
        return
    desired, present = status(input, decision), input.assistant.status
    if desired != present and not (input.unstored and input.unstored.settles(desired, present)):
        yield UpdateStatus(desired)


def background_steps(input: AssistantInput) -> Iterator[BackgroundStep]:
    """The due steps of the controller "version", in order: the status of the Assistant does not wait for them.

    They depend on which version should be active. If that must be validated first, this is the only step.
    """
    if input.assistant.metadata.is_being_deleted:
        return
    decision = decide(input)
    if isinstance(decision, Validate):
        yield decision
        return
    if not input.assistant.spec.suspend:
        yield from (Prune(record) for record in prunable(input, decision.active))
    # A change of a schema is signalled once: its effect on the versions is recorded even if the Assistant is suspended.
    if input.is_revalidating or not input.assistant.spec.suspend:
        yield from _version_status_updates(input, decision)
    yield from (Relabel(record) for record in input.kept.unsettled if _lacks_labels(input, record))


def _version_status_updates(
    input: AssistantInput, decision: ActivationDecision
) -> Iterator[Validate | UpdateVersionStatus]:
    """For the active version first, then from the newest to the oldest."""
    pruned = {record.number for record in prune_candidates(input, decision.active)} - {input.active}
    for record in _examined(input, decision.active):
        if record.number in pruned or record.is_being_deleted:
            continue
        validation_result = input.validation_results.get(record.number)
        if validation_result is None and (input.is_revalidating or not record.valid):
            yield Validate(record.number)
        elif _is_outdated(record, validation_result, is_active=record.number == decision.active):
            yield UpdateVersionStatus(record, record.number == decision.active, validation_result)


def _examined(input: AssistantInput, active: int | None) -> Iterator[VersionRecord]:
    """The versions whose conditions may be outdated: the active one first, then the newest."""
    if first := input.kept.get(active):
        yield first
    others: Iterable[VersionRecord] = reversed(input.kept)
    if not input.is_revalidating:
        judged = (record for number in input.validation_results if (record := input.kept.get(number)))
        others = chain(input.kept.unsettled, (record for record in judged if record.is_settled))
    yield from (record for record in others if record.number != active)


def _is_outdated(record: VersionRecord, validation_result: ValidationResult | None, *, is_active: bool) -> bool:
    """Whether the conditions of the version differ from what is known now."""
    if record.active != str(is_active):
        return True
    return validation_result is not None and record.valid != ConditionStatus.of(validation_result.holds).value


def _lacks_labels(input: AssistantInput, record: VersionRecord) -> bool:
    """Whether the version belongs to this Assistant and lacks one of its labels."""
    # A version without an owner is skipped: it may still be adopted by another Assistant.
    is_ours = record.owner == input.assistant.metadata.uid
    return is_ours and not record.is_labelled and not record.is_being_deleted


def is_background_kind(kind: str) -> bool:
    """Whether only the controller "version" takes the steps of that kind."""
    return kind in {Prune.__name__, UpdateVersionStatus.__name__, Relabel.__name__}
