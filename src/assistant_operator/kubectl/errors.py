"""Errors of the plugin, with the exit codes of kubectl."""

from collections.abc import Sequence
from typing import IO, Any

import click

FAILED, MISUSED, UNCHANGED = 1, 2, 3
"""Exit codes beside 0. `diff` ends with 1 where the contents differ, and with 2 for an error."""

_NEWEST = 10


class CliError(click.ClickException):
    """Click prints the message to stderr as it is and ends the program with `exit_code`."""

    def __init__(self, message: str, exit_code: int = FAILED) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # type: ignore[misc]  # Click reads it from the instance

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(self.message, file=file, err=True)


def not_found(plural: str, name: str) -> CliError:
    """The error with kubectl's message."""
    return CliError(f'Error from server (NotFound): {plural}.assistant-operator.dev "{name}" not found')


def no_such_version(name: str, numbers: Sequence[int], number: int) -> CliError:
    """`numbers`: those of the versions that exist, in ascending order."""
    newest = ", ".join(str(existing) for existing in numbers[-_NEWEST:])
    existing = ("the newest are " if len(numbers) > _NEWEST else "it has ") + (newest or "none")
    return CliError(f"error: assistant {name!r} has no version {number}: {existing}")
