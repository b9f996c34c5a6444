"""`kubectl assistants history`: the versions in order, one of them with its snapshot, or the one in force at a time."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from fnmatch import fnmatchcase

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion, Change, version_name
from assistant_operator.api.meta import FreeForm, Key, condition
from assistant_operator.policy.versioning import Path

from .aliases import names_at
from .client import Found, KubectlClient
from .completion import field_paths
from .conditions import activity, validity
from .edits import RecordedEdit, changes
from .errors import MISUSED, CliError, no_such_version, not_found
from .in_force import in_force, parse_time
from .parameters import (
    LIST_FORMATS,
    assistant_argument,
    connection_options,
    field_path,
    output_option,
    version_option,
)
from .session import hint, session
from .text import NONE, age, as_yaml, objects, table

Aliases = Sequence[AssistantAlias]

_SHORT = 3
_MOST_READS = 100
"""Versions that are read one by one; more are cheaper to list."""


@click.command()
@assistant_argument
@version_option("--revision", "Show the version of this number, with its snapshot.")
@click.option("--at", metavar="TIME", default="", help="Show the version that was in force then: 2026-11-20T12:00Z.")
@click.option(
    "--user", metavar="USER", default="", help="Show the versions by this user or manager; * stands for any text."
)
@click.option(
    "--path",
    metavar="PATH",
    type=field_path,
    default=(),
    shell_complete=field_paths,
    help="Show the versions that changed this field, or one below it: context.prompt.",
)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    help="Show at most the N newest of these versions; 0 for all.",
)
@output_option(LIST_FORMATS, "Output format.")
@connection_options
@click.pass_context
def history(
    ctx: click.Context, name: str, *, revision: int, at: str, user: str, path: Path, limit: int, output: str | None
) -> None:
    """List the versions: what changed, by whom, why.

    BY is the authenticated user where the cluster records it, else the field manager; --user compares with that.
    ALIASES is shown if an alias stands for one of the versions.
    --at reads the activations in the status of the assistant, and says so if they do not reach so far back.
    """
    if bool(revision) + bool(at) + bool(user or path) > 1:
        raise CliError("error: --revision and --at exclude one another, and --user and --path", MISUSED)
    time = parse_time(at, datetime.now(UTC)) if at else None
    wanted = 0 if time or user or path else limit

    async def read(client: KubectlClient, namespace: str) -> tuple[_Read, Aliases]:
        listed = client.readable_aliases(namespace, name) if output in (None, "wide") else _no_aliases()
        return await asyncio.gather(_read(client, (namespace, name), revision, wanted), listed)

    (found, versions), aliases = session(ctx).run(read)
    assistant = found.resource if found else None
    if time:
        _show_in_force(name, found, versions, aliases, time, output)
        return
    shown = [version for version in selected(versions, user, path) if revision in (0, version.resource.number)]
    shown = shown[-limit:]
    if not shown and (user or path):
        hint(f"No version of {name!r} matches.")
    elif not shown:
        raise no_such_version(name, [version.resource.number for version in versions], revision)
    if shown or output in ("json", "yaml"):
        click.echo(_output(assistant, shown, aliases, output, is_one=bool(revision)), nl=False)


def _show_in_force(
    name: str,
    found: Found[Assistant] | None,
    versions: Sequence[Found[AssistantVersion]],
    aliases: Aliases,
    time: datetime,
    output: str | None,
) -> None:
    if found is None:
        raise CliError(f"error: assistant {name!r} no longer exists, nor does the record of what was in force")
    period = in_force(found.resource, found.document, [version.resource for version in versions], time)
    is_text = output in (None, "wide")
    if is_text:
        click.echo(period.sentence(name, time))
    chosen = [version for version in versions if version.resource.number == period.number]
    if not chosen:
        raise CliError(f"error: {version_name(name, period.number)} is no longer kept")
    click.echo(_output(found.resource, chosen, aliases, output, is_one=not is_text), nl=False)


def selected(versions: Sequence[Found[AssistantVersion]], user: str, path: Path) -> list[Found[AssistantVersion]]:
    """The versions that are by this user and changed this path; empty arguments select all."""
    edits = [RecordedEdit.of(version) for version in versions]
    pairs = zip(versions, edits, [None, *edits], strict=False)
    return [
        version
        for version, edit, previous in pairs
        if (not user or fnmatchcase(edit.by, user)) and (not path or changes(edit, previous, path))
    ]


async def _no_aliases() -> Aliases:
    return ()


_Read = tuple[Found[Assistant] | None, list[Found[AssistantVersion]]]


async def _read(client: KubectlClient, key: Key, revision: int = 0, limit: int = 0) -> _Read:
    """The Assistant, None if it no longer exists, and its versions. Raises CliError if there are neither.

    The versions are at least that one with the number `revision`, or the newest `limit` ones, if they exist; 0 for all.
    """
    if (revision or 0 < limit <= _MOST_READS) and (assistant := await client.assistant(key)):
        latest = assistant.resource.status.latest_version or 0
        numbers = [revision] if revision else range(max(latest - limit, 0) + 1, latest + 1)
        read = await asyncio.gather(*(client.version(key, number) for number in numbers))
        if numbers and all(read):
            return assistant, [version for version in read if version]
    # Which versions exist is known from a list only, if some of them were pruned.
    assistant, versions = await asyncio.gather(client.assistant(key), client.versions(key))
    if assistant is None and not versions:
        raise not_found("assistants", key[1])
    return assistant, versions


async def read_history(client: KubectlClient, key: Key) -> tuple[Assistant | None, list[Found[AssistantVersion]]]:
    """The Assistant, None if it no longer exists, and its versions. Raises CliError if there are neither."""
    assistant, versions = await _read(client, key)
    return assistant.resource if assistant else None, versions


def _output(
    assistant: Assistant | None,
    shown: list[Found[AssistantVersion]],
    aliases: Aliases,
    output: str | None,
    *,
    is_one: bool,
) -> str:
    versions, now = [version.resource for version in shown], datetime.now(UTC)
    if output == "name":
        return "".join(f"assistantversion.assistant-operator.dev/{version.metadata.name}\n" for version in versions)
    if output in ("json", "yaml"):
        return objects([version.document for version in shown], output, is_one=is_one)
    if is_one:
        return version_page(assistant, versions[0], shown[0].document["spec"]["snapshot"], now, aliases)
    return history_table(assistant, versions, now, wide=output == "wide", aliases=aliases)


def history_table(
    assistant: Assistant | None,
    versions: Sequence[AssistantVersion],
    now: datetime,
    *,
    wide: bool,
    aliases: Aliases = (),
) -> str:
    """`wide`: with field manager, generation, digest and all paths. `assistant`: None if it no longer exists.

    The column ALIASES is there only if an alias stands for one of the versions.
    """
    headers = ["NUMBER", "CHANGE", "ACTIVE", "VALID", "BY", "AGE", "CAUSE", "PATHS"]
    if wide:
        headers[6:6] = ["MANAGER", "GENERATION", "DIGEST"]
    rows = [_row(assistant, version, now, wide=wide) for version in versions]
    names = [_aliases(aliases, version) for version in versions]
    if any(names):
        headers.insert(4, "ALIASES")
        rows = [[*row[:4], name or NONE, *row[4:]] for row, name in zip(rows, names, strict=True)]
    return table(headers, rows)


def _aliases(aliases: Aliases, version: AssistantVersion) -> str:
    return ",".join(names_at(aliases, version.spec.assistant_ref.name, version.number))


def _row(assistant: Assistant | None, version: AssistantVersion, now: datetime, *, wide: bool) -> list[str]:
    change = version.spec.change
    row = [str(version.number), _kind(change), activity(assistant, version), validity(version)]
    row += [change.author or NONE, _age(version, now)]
    row += [change.manager or NONE, str(version.spec.generation), version.spec.digest] if wide else []
    return [*row, change.cause or NONE, _paths(change, len(change.paths) if wide else _SHORT)]


def _kind(change: Change) -> str:
    return f"{change.kind} to {change.same_as}" if change.same_as else change.kind


def _author(change: Change) -> str:
    manager = change.manager or "an unknown manager"
    return f"{change.user} with {manager}" if change.user else manager


def _paths(change: Change, limit: int) -> str:
    more = len(change.paths) - limit
    return ",".join(change.paths[:limit]) + (f" and {more} more" if more > 0 else "") or NONE


def _age(version: AssistantVersion, now: datetime) -> str:
    return age(version.created_at, now)


def version_page(
    assistant: Assistant | None, version: AssistantVersion, snapshot: FreeForm, now: datetime, aliases: Aliases = ()
) -> str:
    """One version: who changed what, when and why, and the snapshot as it is stored."""
    names = _aliases(aliases, version)
    spec, valid = version.spec, condition(version.status.conditions, "Valid")
    fields = {
        "Name": version.metadata.name,
        "Number": str(version.number),
        "Change": f"{_kind(spec.change)}, by {_author(spec.change)}, {_age(version, now)} ago",
        "Cause": spec.change.cause or NONE,
        "Paths": _paths(spec.change, len(spec.change.paths)),
        "Active": activity(assistant, version),
        "Valid": f"{valid.status}: {valid.message}" if valid else "Unknown",
        **({"Aliases": names} if names else {}),
        "Digest": spec.digest + ("" if version.is_intact else ", which is NOT that of the snapshot"),
    }
    rows = table(("", ""), [(f"{name}:", value) for name, value in fields.items()]).removeprefix("\n")
    content = "".join(f"  {line}" for line in as_yaml(snapshot).splitlines(keepends=True))
    return f"{rows}Snapshot:\n{content}"
