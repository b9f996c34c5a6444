"""`kubectl assistants blame`: the version that introduced each field, and each line of a text."""

import shutil
import sys
from collections.abc import Container, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import click
from rich.text import Text

from assistant_operator.api.meta import Key
from assistant_operator.policy.chain import ranges
from assistant_operator.policy.versioning import Path, pointer

from .attribution import Entry, Origin, attribute
from .client import KubectlClient
from .completion import field_paths
from .edits import RecordedEdit
from .errors import CliError, no_such_version
from .fields import MISSING, value_at
from .history import read_history
from .in_force import shown
from .parameters import assistant_argument, connection_options, field_path, output_option, version_option
from .session import hint, session
from .text import NONE, age, as_json, as_yaml, table

_FORMATS = ("wide", "json", "yaml")
_TAB = 4
_EXPLANATION = "So <7 is older than version 7, <=7 is of version 7 or older, 4-6 is of one of these"


@click.command()
@assistant_argument
@click.argument("path", metavar="[PATH]", type=field_path, default=(), shell_complete=field_paths)
@version_option("--revision", "The version whose content is shown; 0: the latest.")
@output_option(_FORMATS, "Output format.")
@connection_options
@click.pass_context
def blame(ctx: click.Context, name: str, path: Path, revision: int, output: str | None) -> None:
    """Show for each field the version that introduced its value.

    A text of several lines is shown line by line. PATH, such as context.prompt or /context/prompt, limits the output to
    a field and what is below it.

    Where older versions are no longer kept, <7 is what was there before version 7, and <=7 what came with version 7 or
    before. Where versions between are missing, 4-6 is what came with one of these.
    """

    async def read(client: KubectlClient, namespace: str) -> tuple[Key, list[RecordedEdit]]:
        _, versions = await read_history(client, (namespace, name))
        return (namespace, name), [RecordedEdit.of(version) for version in versions]

    key, recorded = session(ctx).run(read)
    edits = until(name, recorded, revision)
    entries = [entry for entry in attribute(edits) if entry.path[: len(path)] == path]
    if not entries:
        raise no_such_field(name, edits, path)
    click.echo(_output(key, edits, entries, output), nl=False)
    if output in (None, "wide") and (note := inexact_note(edits, entries)):
        hint(f"Note: {note}")


def until(name: str, edits: Sequence[RecordedEdit], number: int) -> list[RecordedEdit]:
    """The edits up to that number, 0 for all. Raises CliError if there is no such version."""
    if (number and number not in {edit.number for edit in edits}) or not edits:
        raise no_such_version(name, [edit.number for edit in edits], number)
    return [edit for edit in edits if not number or edit.number <= number]


def no_such_field(name: str, edits: Sequence[RecordedEdit], path: Path) -> CliError:
    """The error for a field that the last of the edits does not have; it names the version that removed it."""
    message = f"error: version {edits[-1].number} of {name!r} has no field {pointer(path)}"
    having = [place for place, edit in enumerate(edits) if value_at(edit.snapshot, path) is not MISSING]
    if not having:
        return CliError(message)
    removed = edits[having[-1] + 1]
    by = f", by {removed.by}" if removed.by else ""
    return CliError(
        f"{message}: version {removed.number} removed it{by}. See"
        f" 'kubectl assistants blame {name} {pointer(path)} --revision {edits[having[-1]].number}'"
    )


def _output(key: Key, edits: Sequence[RecordedEdit], entries: Sequence[Entry], output: str | None) -> str:
    if output in ("json", "yaml"):
        content = blame_document(key, edits, entries)
        return as_json(content) if output == "json" else as_yaml(content)
    text = blame_table(edits, entries, datetime.now(UTC), wide=output == "wide")
    return cut(text, shutil.get_terminal_size().columns) if sys.stdout.isatty() else text


def cut(text: str, width: int) -> str:
    """Each line cut to so many columns of a terminal."""
    lines = [Text(line) for line in text.splitlines()]
    for line in lines:
        line.truncate(width, overflow="ellipsis")
    return "".join(f"{line.plain}\n" for line in lines)


def blame_table(edits: Sequence[RecordedEdit], entries: Sequence[Entry], now: datetime, *, wide: bool) -> str:
    """`wide`: with the cause."""
    headers = ["VERSION", "BY", "AGE", "PATH", "LINE", "CONTENT"]
    if wide:
        headers[3:3] = ["CAUSE"]
    by_number = {edit.number: edit for edit in edits}
    return table(headers, [_row(by_number, entry, now, wide=wide) for entry in entries])


def _row(edits: Mapping[int, RecordedEdit], entry: Entry, now: datetime, *, wide: bool) -> list[str]:
    edit = edits.get(entry.origin.last) if entry.origin.is_exact else None
    by, created = ((edit.by or NONE), age(edit.time, now)) if edit else (NONE, NONE)
    cause = [edit.cause if edit and edit.cause else NONE] if wide else []
    content = entry.value.rstrip("\r").expandtabs(_TAB) if entry.line else as_yaml(entry.value).rstrip("\n")
    return [label(entry.origin, edits), by, created, *cause, pointer(entry.path), str(entry.line or ""), content]


def label(origin: Origin, kept: Container[int]) -> str:
    """The version, such as `7`; `<7` or `<=7` where all before it are missing, `4-6` where some between are.

    `kept`: numbers of the versions that exist.
    """
    if origin.is_exact:
        return str(origin.first)
    if origin.first > 1:
        return f"{origin.first}-{origin.last}"
    return f"<={origin.last}" if origin.last in kept else f"<{origin.last + 1}"


def inexact_note(edits: Sequence[RecordedEdit], entries: Sequence[Entry]) -> str:
    """Why some versions are not known exactly; empty if all are."""
    if all(entry.origin.is_exact for entry in entries):
        return ""
    numbers = {edit.number for edit in edits}
    missing = [number for number in range(1, max(numbers)) if number not in numbers]
    return f"no longer kept: version {ranges(missing)}. {_EXPLANATION}"


def blame_document(key: Key, edits: Sequence[RecordedEdit], entries: Sequence[Entry]) -> dict[str, Any]:
    """The entries as JSON. `first` and `last` are equal where the version is known exactly."""
    by_number = {edit.number: edit for edit in edits}
    return {
        "namespace": key[0],
        "name": key[1],
        "version": edits[-1].number,
        "entries": [_entry_document(by_number, entry) for entry in entries],
    }


def _entry_document(edits: Mapping[int, RecordedEdit], entry: Entry) -> dict[str, Any]:
    edit = edits.get(entry.origin.last) if entry.origin.is_exact else None
    document = {
        "path": pointer(entry.path),
        "line": entry.line or None,
        "value": entry.value,
        "first": entry.origin.first,
        "last": entry.origin.last,
        "user": edit and edit.user,
        "manager": edit and edit.manager,
        "cause": edit and edit.cause,
        "time": shown(edit.time) if edit else None,
    }
    return {name: value for name, value in document.items() if value or name == "value"}
