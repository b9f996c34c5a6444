"""`kubectl assistants diff`: the active version compared with the spec, or two versions."""

import difflib
import json
import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import click
from rich.console import Console
from rich.text import Text

from assistant_operator.api.assistant import Assistant, Snapshot
from assistant_operator.api.assistant_version import AssistantVersion

from .client import KubectlClient
from .completion import version_numbers
from .errors import MISUSED, CliError, no_such_version, not_found
from .history import read_history
from .parameters import assistant_argument, connection_options
from .session import session
from .text import as_yaml
from .words import changed_words

_STYLES = (("+++", "bold"), ("---", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))


@dataclass(frozen=True, slots=True)
class Side:
    """One side of the comparison; `snapshot`: None if there is no content."""

    label: str
    snapshot: Snapshot | None

    @property
    def text(self) -> str:
        """YAML that is equal for equal content, whatever the order of keys and the spelling of numbers (1, 1.0)."""
        if self.snapshot is None:
            return ""
        return as_yaml(json.loads(self.snapshot.canonical.decode("utf-8", "surrogatepass")))


@click.command()
@assistant_argument
@click.option(
    "--revision",
    metavar="A[,B]",
    default="",
    shell_complete=version_numbers,
    help="Compare version A with the spec, or with version B.",
)
@connection_options
@click.pass_context
def diff(ctx: click.Context, name: str, revision: str) -> None:
    """Compare the active version with the spec.

    With --revision, compare any two versions.
    On a terminal, changed words are highlighted.
    The exit code is 0 for equal contents, 1 for different ones, 2 for an error. The environment variable
    KUBECTL_EXTERNAL_DIFF names a program that shows the difference.
    """
    numbers = parse_revisions(revision)

    async def read(client: KubectlClient, namespace: str) -> tuple[Side, Side]:
        assistant, versions = await read_history(client, (namespace, name))
        if assistant is None:
            raise not_found("assistants", name)
        return sides(assistant, [version.resource for version in versions], numbers)

    if show(*session(ctx).run(read, failed=MISUSED)):
        ctx.exit(1)


def parse_revisions(text: str) -> tuple[int, ...]:
    """The numbers in `A` or `A,B`; empty for an empty text. Raises CliError."""
    numbers = [number.strip() for number in text.split(",")] if text else []
    if len(numbers) > 2 or any(not number.isdecimal() or int(number) < 1 for number in numbers):  # noqa: PLR2004 (A, B)
        raise CliError(f"error: --revision takes a version's number, or two as in 3,5, not {text!r}", MISUSED)
    return tuple(int(number) for number in numbers)


def sides(assistant: Assistant, versions: Sequence[AssistantVersion], numbers: tuple[int, ...]) -> tuple[Side, Side]:
    """The versions of these numbers; for one number, that version and the spec; for none, the active one and the spec.

    Raises CliError if a version does not exist.
    """
    spec = Side(f"{assistant.metadata.name} (spec)", assistant.spec.snapshot)
    active = assistant.status.active_version
    if not numbers and not active:
        return Side("nothing in force", None), spec
    chosen = [_version_side(assistant, versions, number) for number in numbers or (active or 0,)]
    return chosen[0], chosen[1] if len(chosen) > 1 else spec


def _version_side(assistant: Assistant, versions: Sequence[AssistantVersion], number: int) -> Side:
    found = next((version for version in versions if version.number == number), None)
    if found is None:
        raise no_such_version(assistant.metadata.name, [version.number for version in versions], number)
    in_force = " (in force)" if number == assistant.status.active_version else ""
    return Side(f"{found.metadata.name}{in_force}", found.spec.snapshot)


def unified(before: Side, after: Side) -> list[str]:
    """The lines of a unified diff, with their line ends; empty for equal contents."""
    left, right = before.text.splitlines(keepends=True), after.text.splitlines(keepends=True)
    return list(difflib.unified_diff(left, right, before.label, after.label))


def show(before: Side, after: Side) -> bool:
    """Print the difference, or run the program in KUBECTL_EXTERNAL_DIFF. Returns whether the contents differ."""
    lines = unified(before, after)
    if lines and (program := os.environ.get("KUBECTL_EXTERNAL_DIFF")):
        _run_external(program, before, after)
    elif lines:
        _print_in_colour(lines)
    return bool(lines)


def _print_in_colour(lines: list[str]) -> None:
    # Rich uses colours on a terminal only. With NO_COLOR it would still print bold text.
    system: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(color_system=system, highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line, spans in zip(lines, changed_words(lines), strict=True):
        style = next((style for start, style in _STYLES if line.startswith(start)), "")
        text = Text(line.removesuffix("\n"), style)
        for begin, end in spans:
            text.stylize("reverse", begin, end)
        console.print(text)


def _run_external(program: str, before: Side, after: Side) -> None:
    """Run the program as kubectl does: with two folders, each with one file of the same name."""
    with tempfile.TemporaryDirectory(prefix="kubectl-assistants-") as directory:
        folders = [Path(directory, name) for name in ("BEFORE", "AFTER")]
        for folder, side in zip(folders, (before, after), strict=True):
            folder.mkdir()
            name = re.sub(r"\W+", ".", before.label).strip(".")
            (folder / name).write_text(side.text, encoding="utf-8", errors="surrogatepass")
        try:
            done = subprocess.run([*shlex.split(program), *map(str, folders)], check=False)  # noqa: S603 (the user's)
        except (OSError, ValueError) as error:
            raise CliError(f"error: KUBECTL_EXTERNAL_DIFF={program!r} cannot be run: {error}", MISUSED) from None
    if done.returncode > 1:
        raise CliError(f"error: KUBECTL_EXTERNAL_DIFF={program!r} ended with {done.returncode}", MISUSED)
