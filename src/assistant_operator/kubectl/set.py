"""`kubectl assistants set`: set fields of the spec by server-side apply."""

import os
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from assistant_operator.api.assistant import Assistant

from .apply import as_patch, configuration
from .assignments import Assignment, parse_assignments
from .change import Applied, ChangeOptions, Plan, change, change_options
from .client import Found, KubectlClient
from .completion import field_assignments
from .errors import MISUSED, CliError
from .fields import dotted
from .parameters import assistant_argument, connection_options
from .patch import SNAPSHOT_FIELDS


@click.command("set")
@assistant_argument
@click.argument("assignments", metavar="FIELD=VALUE...", nargs=-1, required=True, shell_complete=field_assignments)
@click.option("--force-conflicts", is_flag=True, help="Take over fields that other field managers own.")
@change_options
@connection_options
@click.pass_context
def set_command(
    ctx: click.Context, name: str, assignments: tuple[str, ...], *, force_conflicts: bool, options: ChangeOptions
) -> None:
    """Set fields of the spec, which creates a version.

    \b
    context.prompt=@prompt.txt   the text of a file, exactly; @- is standard input
    context.temperature=0.2      a number, true, false, null, "text", {…} or […] is JSON
    context.model=large          all else is a text
    context.tools:=@tools.json   := requires JSON

    FIELD is a path below spec, such as context.prompt or the JSON Pointer /context/prompt; write \\. for a dot within a
    name. A list is replaced, an object is merged. The fields are applied with the field manager kubectl-assistants: a
    field that another manager owns is a conflict, unless you say --force-conflicts.
    """  # noqa: D301 (Click reads the backspace)
    values = parse_assignments(assignments, read_text)

    async def plan(_: KubectlClient, found: Found[Assistant]) -> Plan:
        document, managed = found.document, found.resource.metadata.managed_fields
        return Plan(
            as_patch(document["spec"], values),
            f"{', '.join(dict.fromkeys(dotted(each.path) for each in values))} updated",
            notes=tuple(set_notes(found.resource, values)),
            applied=Applied(configuration(document, managed, values), force=force_conflicts),
        )

    change(ctx, name, plan, options)


def read_text(name: str) -> str:
    """The text of a file, byte for byte; of standard input for `-`. Raises CliError."""
    try:
        content = sys.stdin.buffer.read() if name == "-" else Path(name).expanduser().read_bytes()
        return content.decode()
    except UnicodeDecodeError as error:
        raise CliError(f"error: {name} is not UTF-8 text: byte {error.start} is invalid", MISUSED) from None
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise CliError(f"error: {name or '@'} cannot be read: {reason}", MISUSED) from None


def set_notes(assistant: Assistant, assignments: Sequence[Assignment]) -> Iterable[str]:
    """Consequences of the change that its result does not show."""
    name, versioning = assistant.metadata.name, assistant.spec.versioning
    yield from filter(None, (each.note for each in assignments))
    if not any(each.path[0] in SNAPSHOT_FIELDS for each in assignments):
        return
    if assistant.spec.suspend:
        yield f"spec.suspend is true: nothing is activated until 'kubectl assistants resume {name}'"
    if assistant.pin:
        yield f"version {assistant.pin} is pinned: the new version waits until 'kubectl assistants unpin {name}'"
    elif versioning.activation == "Manual":
        yield "activation is Manual: the new version comes into force once it is pinned"
