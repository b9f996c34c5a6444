"""`kubectl assistants promote`: move an alias to a version."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import FreeForm, Key

from . import diff
from .aliases import explained_refusal
from .change import ChangeOptions, Plan, change_options, check_not_kept_in_git, report
from .client import Conflict, Found, KubectlClient
from .completion import alias_names, version_numbers
from .errors import CliError, not_found
from .parameters import assistant_argument, connection_options, object_name, version_number
from .patch import guarded, patched
from .promotion import (
    alias_manifest,
    check_assistant,
    chosen_version,
    creation_plan,
    difference,
    move_plan,
    reached_version,
)
from .session import hint, session
from .text import as_yaml


@click.command()
@assistant_argument
@click.argument("number", metavar="[N]", type=version_number, required=False, shell_complete=version_numbers)
@click.option(
    "--to",
    "alias",
    metavar="ALIAS",
    type=object_name,
    required=True,
    shell_complete=alias_names,
    help="Name of the alias.",
)
@click.option("--create", is_flag=True, help="Create the alias if it does not exist.")
@change_options
@connection_options
@click.pass_context
def promote(
    ctx: click.Context, name: str, number: int | None, alias: str, *, create: bool, options: ChangeOptions
) -> None:
    """Move an alias to a version.

    N is the number of the version; without it the alias is moved to the active version. The difference to the version
    that the alias stands for now is shown first. An alias that selects its version by digest gets the digest of version
    N. A move creates no version.
    """

    async def work(client: KubectlClient, namespace: str) -> tuple[Plan, FreeForm]:
        with explained_refusal():
            promotion = await _read(client, (namespace, name), number, alias)
            if promotion.alias is None:
                return await _create(client, promotion, (namespace, alias), options, is_wanted=create)
            return await _move(client, promotion, promotion.alias, options)

    plan, document = session(ctx).run(work)
    report(ctx, alias, plan, document, options, AssistantAlias)


@dataclass(frozen=True, slots=True)
class _Promotion:
    """What was read. `chosen`: the version that the alias is moved to."""

    assistant: Assistant
    versions: Sequence[AssistantVersion]
    chosen: AssistantVersion
    alias: Found[AssistantAlias] | None
    """None if it does not exist."""


async def _read(client: KubectlClient, key: Key, number: int | None, alias: str) -> _Promotion:
    """Raises CliError if the alias cannot be moved to that version."""
    assistant, versions, found = await asyncio.gather(
        client.assistant(key), client.versions(key), client.alias((key[0], alias))
    )
    if assistant is None:
        raise not_found("assistants", key[1])
    if found:
        check_assistant(found.resource, key[1])
    resources = [version.resource for version in versions]
    return _Promotion(
        assistant.resource, resources, chosen_version(assistant.resource, resources, number, alias), found
    )


async def _move(
    client: KubectlClient, promotion: _Promotion, found: Found[AssistantAlias], options: ChangeOptions
) -> tuple[Plan, FreeForm]:
    assistant, versions, chosen = promotion.assistant, promotion.versions, promotion.chosen
    reached = reached_version(found.resource, assistant, versions, chosen)
    plan = move_plan(found, assistant, chosen, reached).with_cause(found.document, options.cause)
    if not plan.patch:
        return plan, found.document
    if options.dry_run == "none" and not options.force_live:
        check_not_kept_in_git(found, plan.patch)
    if not options.output:
        _show(difference(found.resource, versions, reached))
    if options.dry_run == "client":
        return plan, patched(found.document, plan.patch)
    patch = guarded(plan.patch, found.resource, same_spec=plan.same_spec)
    return plan, (await client.patch_alias(found.resource.key, patch, dry_run=options.dry_run == "server")).document


def _show(compared: tuple[diff.Side, diff.Side] | str) -> None:
    if isinstance(compared, str):
        hint(f"Note: {compared}")
    else:
        diff.show(*compared)


async def _create(
    client: KubectlClient, promotion: _Promotion, key: Key, options: ChangeOptions, *, is_wanted: bool
) -> tuple[Plan, FreeForm]:
    assistant, chosen = promotion.assistant, promotion.chosen
    manifest = alias_manifest(key, assistant.metadata.name, chosen.number, options.cause)
    if not is_wanted:
        click.echo(as_yaml(manifest), nl=False)
        raise CliError(
            f"error: alias {key[1]!r} does not exist: nothing is written. Apply the manifest that is printed above, or"
            " say --create."
        )
    plan = creation_plan(manifest, assistant, chosen)
    if options.dry_run == "client":
        return plan, manifest
    on_server = options.dry_run == "server"
    if not await client.create(AssistantAlias, key[0], manifest, dry_run=on_server):
        raise Conflict(f"alias {key[1]!r} was created by another request")
    created = None if on_server else await client.alias(key)
    return plan, created.document if created else manifest
