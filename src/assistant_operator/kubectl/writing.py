"""The commands that change an Assistant: undo, suspend, resume. Each edits its spec, as any other client would."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

import typer

from ..gateways.guest import Found, Guest
from ..resources.assistant import Assistant
from ..resources.meta import FreeForm, Key
from . import edits
from .edits import Edit
from .gitops import keeper, to_commit
from .reading import Name
from .session import hint, session
from .text import as_yaml, objects
from .trouble import UNCHANGED, Trouble, not_found
from .undo import Way, chosen, remarks, target


class DryRun(StrEnum):
    """Whether it is done, and if not, who says how it would be."""

    NONE = "none"
    CLIENT = "client"
    SERVER = "server"


class Shown(StrEnum):
    """What `-o` may say of one object that was changed."""

    JSON = "json"
    YAML = "yaml"
    NAME = "name"


DryRunning = Annotated[
    DryRun, typer.Option("--dry-run", help="Only say what would be; server: let the API server check it.")
]
Output = Annotated[Shown | None, typer.Option("-o", "--output", help="Show the object as it became.")]
ForceLive = Annotated[
    bool, typer.Option("--force-live", help="Write although the assistant is kept in Git, which may put it back.")
]
ErrorUnchanged = Annotated[bool, typer.Option("--error-unchanged", help="End with 3 if there is nothing to change.")]


@dataclass(frozen=True, slots=True)
class Manner:
    """How a change is made and told."""

    dry_run: DryRun
    output: Shown | None
    error_unchanged: bool
    force_live: bool


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done to an Assistant, what that is called, and what is worth a remark."""

    edit: Edit
    verb: str
    as_seen: bool = False
    """Only while its spec is what was looked at."""
    remarks: tuple[str, ...] = ()


Planning = Callable[[Guest, Found[Assistant]], Awaitable[Plan]]


def undo(
    ctx: typer.Context,
    name: Name,
    *,
    to_revision: Annotated[
        int, typer.Option(min=0, metavar="N", show_default=False, help="Number of the version; 0: the one before.")
    ] = 0,
    pin: Annotated[
        bool, typer.Option("--pin", help="Put that version in force; makes no version. The default.")
    ] = False,
    restore: Annotated[
        bool, typer.Option("--restore", help="Write its content into the spec instead: makes a new version.")
    ] = False,
    unpin: Annotated[bool, typer.Option("--unpin", help="Undo a pin: back to the latest valid version.")] = False,
    dry_run: DryRunning = DryRun.NONE,
    output: Output = None,
    error_unchanged: ErrorUnchanged = False,
    force_live: ForceLive = False,
) -> None:
    """Go back to an earlier version.

    By a pin, unless you say --restore. The version before is the newest valid one older than the pinned one, or else
    than the latest; where activation is Manual it must have been in force. `undo NAME --unpin` takes the pin away.
    """
    way = chosen(pin=pin, restore=restore, unpin=unpin, number=to_revision)

    async def plan(guest: Guest, found: Found[Assistant]) -> Plan:
        told = tuple(remarks(way, found.resource))
        if way is Way.UNPIN:
            return Plan(edits.unpin(found.document["spec"]), "unpinned", remarks=told)
        versions = await guest.versions(found.resource.key)
        goal = target(found.resource, [each.resource for each in versions], to_revision)
        if way is Way.PIN:
            return Plan(edits.pin(found.document["spec"], goal.number), f"pinned to {goal.metadata.name}", remarks=told)
        snapshot = next(each.document for each in versions if each.resource is goal)["spec"]["snapshot"]
        return Plan(_restoration(found, snapshot), f"restored from {goal.metadata.name}", as_seen=True, remarks=told)

    _change(ctx, name, plan, Manner(dry_run, output, error_unchanged, force_live))


def _restoration(found: Found[Assistant], snapshot: FreeForm) -> Edit:
    """The old content, and where that would otherwise not come into force, no pin."""
    spec, is_manual = found.document["spec"], found.resource.spec.versioning.activation == "Manual"
    return edits.restore(spec, snapshot) + (() if is_manual else edits.unpin(spec))


def suspend(
    ctx: typer.Context,
    name: Name,
    *,
    dry_run: DryRunning = DryRun.NONE,
    output: Output = None,
    error_unchanged: ErrorUnchanged = False,
    force_live: ForceLive = False,
) -> None:
    """Hold an assistant: edits are recorded only.

    Nothing is activated, published or pruned until `resume`.
    """
    _change(ctx, name, _suspension(on=True), Manner(dry_run, output, error_unchanged, force_live))


def resume(
    ctx: typer.Context,
    name: Name,
    *,
    dry_run: DryRunning = DryRun.NONE,
    output: Output = None,
    error_unchanged: ErrorUnchanged = False,
    force_live: ForceLive = False,
) -> None:
    """Lift the hold of an assistant."""
    _change(ctx, name, _suspension(on=False), Manner(dry_run, output, error_unchanged, force_live))


def _suspension(*, on: bool) -> Planning:
    async def plan(_: Guest, found: Found[Assistant]) -> Plan:
        return Plan(edits.suspension(found.document["spec"], on=on), "suspended" if on else "resumed")

    return plan


def _change(ctx: typer.Context, name: str, planning: Planning, manner: Manner) -> None:
    """Look, plan, write, tell."""

    async def work(guest: Guest, namespace: str) -> tuple[Plan, FreeForm]:
        key = (namespace, name)
        found = await guest.assistant(key)
        if found is None:
            raise not_found("assistants", name)
        plan = await planning(guest, found)
        if plan.edit and manner.dry_run is DryRun.NONE and not manner.force_live:
            _refuse_what_git_keeps(found, plan.edit)
        return plan, await _written(guest, key, found, plan, manner.dry_run)

    plan, document = session(ctx).run(work)
    typer.echo(told(name, plan, document, manner), nl=False)
    for remark in plan.remarks if plan.edit else ():
        hint(f"Note: {remark}")
    if manner.error_unchanged and not plan.edit:
        raise typer.Exit(UNCHANGED)


def _refuse_what_git_keeps(found: Found[Assistant], edit: Edit) -> None:
    if by := keeper(found.resource):
        typer.echo(as_yaml(to_commit(edits.edited(found.document, edit))), nl=False)
        raise Trouble(
            f"error: assistant {found.resource.metadata.name!r} is kept in Git by {by}, which may put a live edit back:"
            f" nothing is written. Commit what is printed above ({edits.told(edit)}), or say --force-live."
        )


async def _written(guest: Guest, key: Key, found: Found[Assistant], plan: Plan, dry_run: DryRun) -> FreeForm:
    """The Assistant as it became, or would."""
    if dry_run is DryRun.CLIENT or not plan.edit:
        return edits.edited(found.document, plan.edit)
    patch = edits.json_patch(plan.edit, found.resource, as_seen=plan.as_seen)
    return (await guest.change(key, patch, dry_run=dry_run is DryRun.SERVER)).document


def told(name: str, plan: Plan, document: FreeForm, manner: Manner) -> str:
    """What is printed when it is done, as kubectl prints it."""
    if manner.output in (Shown.JSON, Shown.YAML):
        return objects([document], manner.output.value, is_one=True)
    what = f"assistant.assistant-operator.dev/{name}"
    if manner.output is Shown.NAME:
        return f"{what}\n"
    unchanged = "" if plan.edit else " (no change)"
    dry = {DryRun.NONE: "", DryRun.CLIENT: " (dry run)", DryRun.SERVER: " (server dry run)"}[manner.dry_run]
    return f"{what} {plan.verb}{unchanged}{dry}\n"
