"""Which versions history no longer keeps. Pure."""

from assistant_operator.api.assistant_version import VersionRecord

from .assistant_input import AssistantInput


def prunable(world: AssistantInput, active: int | None) -> list[VersionRecord]:
    """What history no longer keeps, oldest first: beyond the limit, not active, not pinned, not labelled keep.

    `active`: the version that should be in force. The one that the status names is kept beside it: that status may be
    one that the API server does not let the operator write.
    """
    return [each for each in _beyond(world, active) if each.number != world.active]


def prune_candidates(world: AssistantInput, active: int | None) -> list[VersionRecord]:
    """What will be pruned in the background: reported as gone already, so that nothing is to be reported after it.

    Where pruning is refused, nothing is: `status.versions` then counts what is there.
    """
    return [] if world.assistant.spec.suspend or "Prune" in world.refusals else _beyond(world, active)


def _beyond(world: AssistantInput, active: int | None) -> list[VersionRecord]:
    """What is to be pruned once the status says that `active` is in force."""
    held = {active, world.assistant.pin}
    beyond = world.kept[: -world.assistant.spec.versioning.history_limit]
    return [each for each in beyond if each.number not in held and not (each.is_labelled_keep or each.is_being_deleted)]
