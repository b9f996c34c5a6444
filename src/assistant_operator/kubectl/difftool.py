"""How a difference is shown: by the program in KUBECTL_EXTERNAL_DIFF, or in colour where a person looks at it."""

import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.text import Text

from .differences import Side, unified
from .trouble import MISUSED, Trouble

_STYLES = (("+++", "bold"), ("---", "bold"), ("@@", "cyan"), ("+", "green"), ("-", "red"))


def show(before: Side, after: Side) -> bool:
    """Whether they differ; if so, how."""
    lines = unified(before, after)
    if lines and (program := os.environ.get("KUBECTL_EXTERNAL_DIFF")):
        _external(program, before, after)
    elif lines:
        _coloured(lines)
    return bool(lines)


def _coloured(lines: list[str]) -> None:
    # Rich looks for a terminal; at NO_COLOR it would still print in bold. What it would wrap or mark up stays as it is.
    system: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"
    console = Console(color_system=system, highlight=False, markup=False, emoji=False, soft_wrap=True)
    for line in lines:
        style = next((style for start, style in _STYLES if line.startswith(start)), "")
        console.print(Text(line.removesuffix("\n"), style))


def _external(program: str, before: Side, after: Side) -> None:
    """As kubectl calls it: with two folders, each with one file of the same name."""
    with tempfile.TemporaryDirectory(prefix="kubectl-assistants-") as directory:
        folders = [Path(directory, name) for name in ("BEFORE", "AFTER")]
        for folder, side in zip(folders, (before, after), strict=True):
            folder.mkdir()
            name = re.sub(r"\W+", ".", f"{before.label}").strip(".")
            (folder / name).write_text(side.text, encoding="utf-8", errors="surrogatepass")
        try:
            done = subprocess.run([*shlex.split(program), *map(str, folders)], check=False)  # noqa: S603 (theirs)
        except (OSError, ValueError) as error:
            raise Trouble(f"error: KUBECTL_EXTERNAL_DIFF={program!r} cannot be run: {error}", MISUSED) from None
    if done.returncode > 1:
        raise Trouble(f"error: KUBECTL_EXTERNAL_DIFF={program!r} ended with {done.returncode}", MISUSED)
