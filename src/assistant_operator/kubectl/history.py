"""`kubectl assistants history`: the versions in order, or one version with its snapshot."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, Change
from assistant_operator.api.meta import FreeForm, Key, condition

from .client import Found, KubectlClient
from .completion import version_numbers
from .conditions import activity, validity
from .errors import no_such_version, not_found
from .parameters import LIST_FORMATS, assistant_argument, connection_options, output_option
from .session import session
from .text import NONE, age, as_yaml, objects, table

_SHORT = 3


@click.command()
@assistant_argument
@click.option(
    "--revision",
    type=click.IntRange(min=0),
    metavar="N",
    default=0,
    shell_complete=version_numbers,
    help="Show the version of this number, with its snapshot.",
)
@output_option(LIST_FORMATS, "Output format.")
@connection_options
@click.pass_context
def history(ctx: click.Context, name: str, revision: int, output: str | None) -> None:
    """List the versions: what changed, by whom, why."""
    assistant, versions = session(ctx).run(lambda client, namespace: read_history(client, (namespace, name)))
    shown = [version for version in versions if revision in (0, version.resource.number)]
    if not shown:
        raise no_such_version(name, [version.resource.number for version in versions], revision)
    click.echo(_output(assistant, shown, output, is_one=bool(revision)), nl=False)


async def read_history(client: KubectlClient, key: Key) -> tuple[Assistant | None, list[Found[AssistantVersion]]]:
    """The Assistant, None if it no longer exists, and its versions. Raises CliError if there are neither."""
    assistant, versions = await asyncio.gather(client.assistant(key), client.versions(key))
    if assistant is None and not versions:
        raise not_found("assistants", key[1])
    return assistant.resource if assistant else None, versions


def _output(
    assistant: Assistant | None, shown: list[Found[AssistantVersion]], output: str | None, *, is_one: bool
) -> str:
    versions, now = [version.resource for version in shown], datetime.now(UTC)
    if output == "name":
        return "".join(f"assistantversion.assistant-operator.dev/{version.metadata.name}\n" for version in versions)
    if output in ("json", "yaml"):
        return objects([version.document for version in shown], output, is_one=is_one)
    if is_one:
        return version_page(assistant, versions[0], shown[0].document["spec"]["snapshot"], now)
    return history_table(assistant, versions, now, wide=output == "wide")


def history_table(
    assistant: Assistant | None, versions: Sequence[AssistantVersion], now: datetime, *, wide: bool
) -> str:
    """`wide`: with generation, digest and all paths. `assistant`: None if it no longer exists."""
    headers = ["NUMBER", "CHANGE", "ACTIVE", "VALID", "BY", "AGE", "CAUSE", "PATHS"]
    if wide:
        headers[6:6] = ["GENERATION", "DIGEST"]
    return table(headers, [_row(assistant, version, now, wide=wide) for version in versions])


def _row(assistant: Assistant | None, version: AssistantVersion, now: datetime, *, wide: bool) -> list[str]:
    change = version.spec.change
    row = [str(version.number), _kind(change), activity(assistant, version), validity(version)]
    row += [change.manager or NONE, _age(version, now)]
    row += [str(version.spec.generation), version.spec.digest] if wide else []
    return [*row, change.cause or NONE, _paths(change, len(change.paths) if wide else _SHORT)]


def _kind(change: Change) -> str:
    return f"{change.kind} to {change.same_as}" if change.same_as else change.kind


def _paths(change: Change, limit: int) -> str:
    more = len(change.paths) - limit
    return ",".join(change.paths[:limit]) + (f" and {more} more" if more > 0 else "") or NONE


def _age(version: AssistantVersion, now: datetime) -> str:
    return age(version.metadata.creation_timestamp, now)


def version_page(assistant: Assistant | None, version: AssistantVersion, snapshot: FreeForm, now: datetime) -> str:
    """One version: who changed what, when and why, and the snapshot as it is stored."""
    spec, valid = version.spec, condition(version.status.conditions, "Valid")
    fields = {
        "Name": version.metadata.name,
        "Number": str(version.number),
        "Change": f"{_kind(spec.change)}, by {spec.change.manager or 'an unknown manager'}, {_age(version, now)} ago",
        "Cause": spec.change.cause or NONE,
        "Paths": _paths(spec.change, len(spec.change.paths)),
        "Active": activity(assistant, version),
        "Valid": f"{valid.status}: {valid.message}" if valid else "Unknown",
        "Digest": spec.digest + ("" if version.is_intact else ", which is NOT that of the snapshot"),
    }
    rows = table(("", ""), [(f"{name}:", value) for name, value in fields.items()]).removeprefix("\n")
    content = "".join(f"  {line}" for line in as_yaml(snapshot).splitlines(keepends=True))
    return f"{rows}Snapshot:\n{content}"
