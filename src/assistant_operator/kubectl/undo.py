"""`kubectl assistants undo`: go back to an earlier version."""

from collections.abc import Sequence
from enum import StrEnum

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import ConditionStatus, FreeForm, condition

from . import patch
from .change import ChangeOptions, Plan, change, change_options
from .client import Found, KubectlClient
from .conditions import validity
from .errors import MISUSED, CliError, no_such_version
from .parameters import assistant_argument, connection_options, version_option


class UndoMode(StrEnum):
    """How to go back."""

    PIN = "pin"
    RESTORE = "restore"
    UNPIN = "unpin"


@click.command()
@assistant_argument
@version_option("--to-revision", "Number of the version; 0: the one before.")
@click.option("--pin", is_flag=True, help="Pin that version, which creates no version. The default.")
@click.option("--restore", is_flag=True, help="Write its content into the spec instead, which creates a version.")
@click.option("--unpin", is_flag=True, help="Remove the pin: back to the latest valid version.")
@change_options
@connection_options
@click.pass_context
def undo(
    ctx: click.Context, name: str, *, to_revision: int, pin: bool, restore: bool, unpin: bool, options: ChangeOptions
) -> None:
    """Go back to an earlier version.

    The version is pinned, unless you say --restore. The version before is the newest valid one that is older than the
    pinned version, or without a pin than the latest; where activation is Manual it must have been active before.
    `undo NAME --unpin` removes the pin, as `unpin NAME` does.
    """
    mode = undo_mode(pin=pin, restore=restore, unpin=unpin, number=to_revision)

    async def plan(client: KubectlClient, found: Found[Assistant]) -> Plan:
        notes = tuple(undo_notes(mode, found.resource))
        if mode is UndoMode.UNPIN:
            return Plan(patch.unpin(found.document["spec"]), "unpinned", notes=notes)
        versions = await client.versions(found.resource.key)
        goal = target(found.resource, [version.resource for version in versions], to_revision)
        if mode is UndoMode.PIN:
            pinned = patch.pin(found.document["spec"], goal.number)
            return Plan(pinned, f"pinned to {goal.metadata.name}", notes=notes)
        snapshot = next(each.document for each in versions if each.resource is goal)["spec"]["snapshot"]
        return Plan(_restored(found, snapshot), f"restored from {goal.metadata.name}", same_spec=True, notes=notes)

    change(ctx, name, plan, options)


def _restored(found: Found[Assistant], snapshot: FreeForm) -> patch.Patch:
    """The content of the snapshot, and with automatic activation no pin, which would keep it from being activated."""
    spec, is_manual = found.document["spec"], found.resource.spec.versioning.activation == "Manual"
    return patch.restore(spec, snapshot) + (() if is_manual else patch.unpin(spec))


def undo_mode(*, pin: bool, restore: bool, unpin: bool, number: int) -> UndoMode:
    """`number`: the value of --to-revision, 0 without it. Raises CliError for flags that exclude one another."""
    if pin + restore + unpin > 1:
        raise CliError("error: --pin, --restore and --unpin exclude one another", MISUSED)
    if unpin and number:
        raise CliError("error: --unpin returns to the latest valid version: it takes no --to-revision", MISUSED)
    if unpin:
        return UndoMode.UNPIN
    return UndoMode.RESTORE if restore else UndoMode.PIN


def existing(assistant: Assistant, versions: Sequence[AssistantVersion], number: int) -> AssistantVersion:
    """The version of that number. Raises CliError if there is none."""
    found = next((version for version in versions if version.number == number), None)
    if found is None:
        raise no_such_version(assistant.metadata.name, [version.number for version in versions], number)
    return found


def target(assistant: Assistant, versions: Sequence[AssistantVersion], number: int) -> AssistantVersion:
    """The version of that number, for 0 the one before. Raises CliError if there is none that can be activated."""
    found = existing(assistant, versions, number) if number else _before(assistant, versions)
    if validity(found) == ConditionStatus.FALSE:
        valid = condition(found.status.conditions, "Valid")
        raise CliError(f"error: {found.metadata.name} would not come into force: {valid.message if valid else ''}")
    if not found.is_intact:
        raise CliError(f"error: {found.metadata.name} was altered: its content is not what its digest was taken of")
    return found


def _before(assistant: Assistant, versions: Sequence[AssistantVersion]) -> AssistantVersion:
    current = _current(assistant)
    older = [version for version in versions if version.number < current and validity(version) == ConditionStatus.TRUE]
    if assistant.spec.versioning.activation == "Manual":
        # A version that was never active has not been approved.
        activated = {activation.number for activation in assistant.status.activations}
        older = [version for version in older if version.number in activated]
    if not older:
        name = assistant.metadata.name
        raise CliError(f"error: there is no valid version of {name!r} before {current}: nothing to undo")
    return max(older, key=lambda version: version.number)


def _current(assistant: Assistant) -> int:
    """Number of the version that undo goes back from: the pinned one, else the latest, whether it is active or not."""
    status, is_manual = assistant.status, assistant.spec.versioning.activation == "Manual"
    return assistant.pin or (is_manual and status.active_version) or status.latest_version or 0


def undo_notes(mode: UndoMode, assistant: Assistant) -> list[str]:
    """Consequences of the change that its result does not show."""
    name, versioning = assistant.metadata.name, assistant.spec.versioning
    notes = []
    if assistant.spec.suspend:
        notes.append(f"spec.suspend is true: nothing is activated until 'kubectl assistants resume {name}'")
    if mode is UndoMode.PIN and versioning.activation == "Automatic":
        notes.append(f"edits made from now on wait until 'kubectl assistants unpin {name}'")
    elif mode is UndoMode.RESTORE and versioning.activation == "Manual":
        notes.append("activation is Manual: the new version comes into force once it is pinned")
    elif mode is UndoMode.RESTORE and assistant.pin:
        notes.append(f"the pin to {assistant.pin} is removed, so that the new version comes into force")
    elif mode is UndoMode.UNPIN and versioning.activation == "Manual":
        notes.append("activation is Manual: what is in force stays")
    return notes
