"""Where `kubectl assistants undo` goes back to. Pure."""

from collections.abc import Sequence
from enum import StrEnum

from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion
from ..resources.meta import ConditionStatus, condition
from .trouble import MISUSED, Trouble

_TOLD = 10


class Way(StrEnum):
    """How to go back."""

    PIN = "pin"
    RESTORE = "restore"
    UNPIN = "unpin"


def chosen(*, pin: bool, restore: bool, unpin: bool, number: int) -> Way:
    """What the flags say; `number`: of --to-revision, 0 when absent."""
    if pin + restore + unpin > 1:
        raise Trouble("error: --pin, --restore and --unpin exclude one another", MISUSED)
    if unpin and number:
        raise Trouble("error: --unpin returns to the latest valid version: it takes no --to-revision", MISUSED)
    if unpin:
        return Way.UNPIN
    return Way.RESTORE if restore else Way.PIN


def target(assistant: Assistant, versions: Sequence[AssistantVersion], number: int) -> AssistantVersion:
    """The version to go back to: `number`, or for 0 the one before. Raises Trouble if there is none to go to."""
    found = _numbered(assistant, versions, number) if number else _before(assistant, versions)
    if _valid(found) == ConditionStatus.FALSE:
        said = condition(found.status.conditions, "Valid")
        raise Trouble(f"error: {found.metadata.name} would not come into force: {said.message if said else ''}")
    if not found.is_intact:
        raise Trouble(f"error: {found.metadata.name} was altered: its content is not what its digest was taken of")
    return found


def present(assistant: Assistant) -> int:
    """The number that undo goes back from: what is chosen, or else the latest, whether it came into force or not."""
    status, is_manual = assistant.status, assistant.spec.versioning.activation == "Manual"
    return assistant.pin or (is_manual and status.active_version) or status.latest_version or 0


def _before(assistant: Assistant, versions: Sequence[AssistantVersion]) -> AssistantVersion:
    at = present(assistant)
    older = [each for each in versions if each.number < at and _valid(each) == ConditionStatus.TRUE]
    if assistant.spec.versioning.activation == "Manual":
        # What nobody ever activated is no way back.
        trusted = {each.number for each in assistant.status.activations}
        older = [each for each in older if each.number in trusted]
    if not older:
        raise Trouble(f"error: there is no valid version of {assistant.metadata.name!r} before {at}: nothing to undo")
    return max(older, key=lambda each: each.number)


def _numbered(assistant: Assistant, versions: Sequence[AssistantVersion], number: int) -> AssistantVersion:
    found = next((each for each in versions if each.number == number), None)
    if found is None:
        raise no_such(assistant.metadata.name, versions, number)
    return found


def no_such(name: str, versions: Sequence[AssistantVersion], number: int) -> Trouble:
    kept = ", ".join(str(each.number) for each in versions[-_TOLD:])
    there = ("the newest are " if len(versions) > _TOLD else "it has ") + (kept or "none")
    return Trouble(f"error: assistant {name!r} has no version {number}: {there}")


def _valid(version: AssistantVersion) -> str:
    said = condition(version.status.conditions, "Valid")
    return said.status if said else ConditionStatus.UNKNOWN


def remarks(way: Way, assistant: Assistant) -> list[str]:
    """What the person should know beside what was done."""
    name, versioning = assistant.metadata.name, assistant.spec.versioning
    told = []
    if assistant.spec.suspend:
        told.append(f"spec.suspend is true: nothing is activated until 'kubectl assistants resume {name}'")
    if way is Way.PIN and versioning.activation == "Automatic":
        told.append(f"edits made from now on wait until 'kubectl assistants undo {name} --unpin'")
    elif way is Way.RESTORE and versioning.activation == "Manual":
        told.append("activation is Manual: the new version comes into force once it is pinned")
    elif way is Way.RESTORE and assistant.pin:
        told.append(f"the pin to {assistant.pin} is removed, so that the new version comes into force")
    elif way is Way.UNPIN and versioning.activation == "Manual":
        told.append("activation is Manual: what is in force stays")
    return told
