"""Which versions are pruned: those beyond `historyLimit`. Pure."""

from assistant_operator.api.assistant_version import VersionRecord

from .assistant_input import AssistantInput


def prunable(input: AssistantInput, active: int | None) -> list[VersionRecord]:
    """The versions to delete, oldest first.

    `active`: the version that should be active. The active version of the status is kept, too: the API server may
    refuse the new status.
    """
    return [record for record in _beyond_limit(input, active) if record.number != input.active]


def prune_candidates(input: AssistantInput, active: int | None) -> list[VersionRecord]:
    """The versions that pruning is about to delete; none while the API server refuses that.

    The status leaves them out already, so that no second status write is needed after the deletion.
    """
    return [] if input.assistant.spec.suspend or "Prune" in input.refusals else _beyond_limit(input, active)


def _beyond_limit(input: AssistantInput, active: int | None) -> list[VersionRecord]:
    """The versions beyond the limit that are not active, pinned, aliased, labelled keep or being deleted.

    One without an owner is adopted first: its Assistant may just have been deleted with `--cascade=orphan`.
    """
    held = {active, input.assistant.pin, *input.aliased.in_force, *input.aliased.requested}
    beyond = input.kept.beyond(input.assistant.spec.versioning.history_limit)
    return [each for each in beyond if each.number not in held and _may_be_deleted(each, input.assistant.metadata.uid)]


def _may_be_deleted(record: VersionRecord, owner: str) -> bool:
    return record.owner == owner and not (record.is_labelled_keep or record.is_being_deleted)
