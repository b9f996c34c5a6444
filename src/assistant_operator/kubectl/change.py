"""The flow of undo, suspend and resume: read an Assistant, plan a patch, send it, print the result."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import FreeForm, Key

from .client import Found, KubectlClient
from .errors import UNCHANGED, CliError, not_found
from .gitops import git_owner, to_commit
from .parameters import OBJECT_FORMATS, output_option
from .patch import Patch, described, guarded, patched
from .session import hint, session
from .text import as_yaml, objects

_DRY_RUN = {"none": "", "client": " (dry run)", "server": " (server dry run)"}


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """The options of a command that changes an Assistant."""

    dry_run: str = "none"
    output: str | None = None
    error_unchanged: bool = False
    force_live: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`result`: what is printed, such as `pinned to bot-v2`. `same_spec`: refuse the patch if the spec has changed."""

    patch: Patch
    result: str
    same_spec: bool = False
    notes: tuple[str, ...] = ()


Planner = Callable[[KubectlClient, Found[Assistant]], Awaitable[Plan]]


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
    @click.option(
        "--force-live", is_flag=True, help="Write although the assistant is kept in Git, which may revert it."
    )
    @wraps(command)
    def with_options(
        *arguments: Any, dry_run: str, output: str | None, error_unchanged: bool, force_live: bool, **others: Any
    ) -> None:
        command(*arguments, options=ChangeOptions(dry_run, output, error_unchanged, force_live), **others)

    return with_options


def change(ctx: click.Context, name: str, planner: Planner, options: ChangeOptions) -> None:
    """Read the Assistant, plan, write, and print. Raises CliError, also for an Assistant that is kept in Git."""

    async def work(client: KubectlClient, namespace: str) -> tuple[Plan, FreeForm]:
        key = (namespace, name)
        found = await client.assistant(key)
        if found is None:
            raise not_found("assistants", name)
        plan = await planner(client, found)
        if plan.patch and options.dry_run == "none" and not options.force_live:
            _check_not_kept_in_git(found, plan.patch)
        return plan, await _write(client, key, found, plan, options.dry_run)

    plan, document = session(ctx).run(work)
    click.echo(output_of(name, plan, document, options), nl=False)
    for note in plan.notes if plan.patch else ():
        hint(f"Note: {note}")
    if options.error_unchanged and not plan.patch:
        ctx.exit(UNCHANGED)


def _check_not_kept_in_git(found: Found[Assistant], patch: Patch) -> None:
    if owner := git_owner(found.resource):
        click.echo(as_yaml(to_commit(patched(found.document, patch))), nl=False)
        raise CliError(
            f"error: assistant {found.resource.metadata.name!r} is kept in Git by {owner}, which may put a live edit"
            f" back: nothing is written. Commit what is printed above ({described(patch)}), or say --force-live."
        )


async def _write(client: KubectlClient, key: Key, found: Found[Assistant], plan: Plan, dry_run: str) -> FreeForm:
    """Send the patch and return the changed object."""
    if dry_run == "client" or not plan.patch:
        return patched(found.document, plan.patch)
    patch = guarded(plan.patch, found.resource, same_spec=plan.same_spec)
    return (await client.patch(key, patch, dry_run=dry_run == "server")).document


def output_of(name: str, plan: Plan, document: FreeForm, options: ChangeOptions) -> str:
    """The output after the change, in the format of kubectl."""
    if options.output in ("json", "yaml"):
        return objects([document], options.output, is_one=True)
    resource = f"assistant.assistant-operator.dev/{name}"
    if options.output == "name":
        return f"{resource}\n"
    unchanged = "" if plan.patch else " (no change)"
    return f"{resource} {plan.result}{unchanged}{_DRY_RUN[options.dry_run]}\n"
