"""Which versions history no longer keeps. Pure."""

from ..resources.assistant_version import VersionRecord
from .assistant_world import World


def prunable(world: World, active: int | None) -> list[VersionRecord]:
    """What history no longer keeps, oldest first: beyond the limit, not active, not pinned, not labelled keep."""
    held = {active, world.assistant.pin}
    beyond = world.kept[: -world.assistant.spec.versioning.history_limit]
    return [each for each in beyond if each.number not in held and not (each.is_labelled_keep or each.is_being_deleted)]


def doomed(world: World, active: int | None) -> list[VersionRecord]:
    """What will be pruned in the background: reported as gone already, so that nothing is to be reported after it."""
    return [] if world.assistant.spec.suspend else prunable(world, active)
