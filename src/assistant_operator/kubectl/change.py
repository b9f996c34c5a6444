"""The flow of all commands that change an object: read it, plan a patch, send it, print the result."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, fields, replace
from functools import wraps
from typing import Any

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.meta import GROUP, FreeForm, Key, Resource
from assistant_operator.policy.versioning import LONGEST_CAUSE

from .client import FIELD_MANAGER, Conflict, FieldConflict, Found, KubectlClient
from .errors import UNCHANGED, CliError, not_found
from .gitops import git_owner, to_commit
from .parameters import OBJECT_FORMATS, output_option
from .patch import CAUSE, Patch, annotate_cause, described, guarded, patched
from .session import hint, session
from .text import as_yaml, objects

_PAUSES = (0.2, 0.4, 0.8, 1.6)
"""Seconds between tries to apply a configuration to an object that the operator writes meanwhile."""
_DRY_RUN = {"none": "", "client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """The options of a command that changes an Assistant or an alias."""

    dry_run: str = "none"
    output: str | None = None
    error_unchanged: bool = False
    force_live: bool = False
    cause: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A configuration for server-side apply. `force`: take over the fields of other managers."""

    configuration: FreeForm
    force: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`result`: what is printed, such as `pinned to bot-v2`. `same_spec`: refuse the patch if the spec has changed.

    `applied`: is sent instead of the patch, and has the same effect.
    """

    patch: Patch
    result: str
    same_spec: bool = False
    notes: tuple[str, ...] = ()
    applied: Applied | None = None

    def with_cause(self, document: FreeForm, cause: str) -> "Plan":
        """The plan that records the cause, too. A plan without a change remains one."""
        if not cause or not self.patch:
            return self
        annotate, notes, applied = annotate_cause(document, cause), self.notes, self.applied
        if not annotate:
            notes = (*notes, "the cause is that of the edit before: a cause is recorded only when it changes")
        if applied:
            annotated = {**applied.configuration["metadata"].get("annotations", {}), CAUSE: cause}
            meta = {**applied.configuration["metadata"], "annotations": annotated}
            applied = replace(applied, configuration={**applied.configuration, "metadata": meta})
        return replace(self, patch=self.patch + annotate, notes=notes, applied=applied)


Planner = Callable[[KubectlClient, Found[Assistant]], Awaitable[Plan]]


def _cause(text: str) -> str:
    if len(text) > LONGEST_CAUSE:
        raise click.BadParameter(f"a cause has at most {LONGEST_CAUSE} characters, and this one {len(text)}")
    return text


def change_options(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options. The command receives them as its argument `options`."""

    @click.option(
        "--dry-run",
        type=click.Choice(list(_DRY_RUN)),
        default="none",
        help="Print the result without writing it; server: the API server checks it.",
    )
    @output_option(OBJECT_FORMATS, "Print the changed object in this format.")
    @click.option("--error-unchanged", is_flag=True, help="End with exit code 3 if there is nothing to change.")
    @click.option("--force-live", is_flag=True, help="Write although the object is kept in Git, which may revert it.")
    @click.option(
        "--cause", metavar="TEXT", type=_cause, default="", help="Why: recorded as the change-cause of this edit."
    )
    @wraps(command)
    def with_options(*arguments: Any, **values: Any) -> None:
        options = ChangeOptions(**{field.name: values.pop(field.name) for field in fields(ChangeOptions)})
        command(*arguments, options=options, **values)

    return with_options


def change(ctx: click.Context, name: str, planner: Planner, options: ChangeOptions) -> None:
    """Read the Assistant, plan, write, and print. Raises CliError, also for an Assistant that is kept in Git."""

    async def work(client: KubectlClient, namespace: str) -> tuple[Plan, FreeForm]:
        for seconds in _PAUSES:
            with suppress(_Outdated):
                return await _try(client, (namespace, name), planner, options)
            await asyncio.sleep(seconds)
        return await _try(client, (namespace, name), planner, options)

    plan, document = session(ctx).run(work)
    report(ctx, name, plan, document, options)


def report(
    ctx: click.Context,
    name: str,
    plan: Plan,
    document: FreeForm,
    options: ChangeOptions,
    kind: type[Resource] = Assistant,
) -> None:
    """Print the result and the notes. Exits if there was nothing to change and --error-unchanged is given."""
    click.echo(output_of(name, plan, document, options, kind), nl=False)
    for note in plan.notes if plan.patch else ():
        hint(f"Note: {note}")
    if options.error_unchanged and not plan.patch:
        ctx.exit(UNCHANGED)


class _Outdated(Conflict):
    """The object of a configuration was written meanwhile: the same plan may be possible now."""


async def _try(client: KubectlClient, key: Key, planner: Planner, options: ChangeOptions) -> tuple[Plan, FreeForm]:
    found = await client.assistant(key)
    if found is None:
        raise not_found("assistants", key[1])
    plan = (await planner(client, found)).with_cause(found.document, options.cause)
    if plan.patch and options.dry_run == "none" and not options.force_live:
        check_not_kept_in_git(found, plan.patch)
    return plan, await _write(client, found, plan, options.dry_run)


def check_not_kept_in_git(found: Found[Assistant] | Found[AssistantAlias], patch: Patch) -> None:
    """Print the manifest to commit and raise CliError, if the object is kept in Git."""
    resource = found.resource
    if owner := git_owner(resource):
        word = "alias" if isinstance(resource, AssistantAlias) else "assistant"
        click.echo(as_yaml(to_commit(patched(found.document, patch), type(resource))), nl=False)
        raise CliError(
            f"error: {word} {resource.metadata.name!r} is kept in Git by {owner}, which may put a live edit"
            f" back: nothing is written. Commit what is printed above ({described(patch)}), or say --force-live."
        )


async def _write(client: KubectlClient, found: Found[Assistant], plan: Plan, dry_run: str) -> FreeForm:
    """Send the change and return the changed object."""
    if dry_run == "client" or not plan.patch:
        return patched(found.document, plan.patch)
    on_server = dry_run == "server"
    if plan.applied:
        return (await _apply(client, found, plan.applied, on_server=on_server)).document
    patch = guarded(plan.patch, found.resource, same_spec=plan.same_spec)
    return (await client.patch(found.resource.key, patch, dry_run=on_server)).document


async def _apply(
    client: KubectlClient, found: Found[Assistant], applied: Applied, *, on_server: bool
) -> Found[Assistant]:
    """Apply the configuration to the very object that was read. Raises _Outdated, and CliError for a field conflict."""
    key = found.resource.key
    try:
        with suppress(_OwnConflict):
            return await _apply_once(client, key, applied, on_server=on_server)
        # Other commands of the plugin write by patch: their fields have the same manager, and are not another's.
        return await _apply_once(client, key, replace(applied, force=True), on_server=on_server)
    except Conflict as conflict:
        raise _Outdated(*conflict.args) from conflict


class _OwnConflict(Exception):
    """The plugin itself owns the fields, by a patch."""


async def _apply_once(client: KubectlClient, key: Key, applied: Applied, *, on_server: bool) -> Found[Assistant]:
    try:
        return await client.apply(key, applied.configuration, force=applied.force, dry_run=on_server)
    except FieldConflict as conflict:
        if owners := foreign(conflict.owners):
            raise conflict_error(key[1], owners) from None
        raise _OwnConflict from None


def foreign(owners: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Those of the conflicts that are with another manager. A change-cause is replaced by each edit, of any manager."""
    return [(field, manager) for field, manager in owners if manager != FIELD_MANAGER and not field.endswith(CAUSE)]


def conflict_error(name: str, owners: Sequence[tuple[str, str]]) -> CliError:
    """The error that names the fields and the managers that own them, and how to go on."""
    fields = "".join(f"\n  {field.removeprefix('.spec.')} is owned by {manager}" for field, manager in owners)
    return CliError(
        f"error: assistant {name!r} has fields that another field manager owns: nothing is written{fields}\n"
        "Change them where that manager gets them from, or take them over with --force-conflicts. That manager may set"
        " them back when it applies again."
    )


def output_of(
    name: str, plan: Plan, document: FreeForm, options: ChangeOptions, kind: type[Resource] = Assistant
) -> str:
    """The output after the change, in the format of kubectl."""
    if options.output in ("json", "yaml"):
        return objects([document], options.output, is_one=True)
    resource = f"{kind.kind_name.lower()}.{GROUP}/{name}"
    if options.output == "name":
        return f"{resource}\n"
    unchanged = "" if plan.patch else " (no change)"
    return f"{resource} {plan.result}{unchanged}{_DRY_RUN[options.dry_run]}\n"
