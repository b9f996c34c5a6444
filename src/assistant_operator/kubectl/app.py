"""The commands of `kubectl assistants`, and the flags that all of them take."""

import re
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version as release
from pathlib import Path
from typing import Annotated

import typer

from ..gateways.kubeconfig import Wish
from ..resources.meta import API_VERSION
from . import reading, writing
from .completing import SCRIPTS, Command, Flag, Language, Shell, Wanted
from .session import Session, valid
from .trouble import Trouble

_EVERYWHERE = {"-n", "--namespace", "--context", "--kubeconfig", "--as", "-v", "--v"}
_SHORT_WITH_EQUALS = re.compile(r"(-[a-zA-Z])=(.*)", re.DOTALL)
_MORE = "Every command takes -n, --context, --kubeconfig, --as and -v: see 'kubectl assistants --help'."

app = typer.Typer(
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
for _command in (
    reading.get,
    reading.history,
    reading.diff,
    reading.status,
    reading.tree,
    writing.undo,
    writing.suspend,
    writing.resume,
):
    app.command(epilog=_MORE)(_command)


@app.callback(invoke_without_command=True, epilog="These flags may stand behind the command too.")
def everywhere(
    ctx: typer.Context,
    *,
    namespace: Annotated[
        str | None,
        typer.Option("-n", "--namespace", metavar="NAME", parser=valid, help="Where; else as your kubeconfig says."),
    ] = None,
    context: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the kubeconfig context.")] = None,
    kubeconfig: Annotated[str | None, typer.Option(metavar="FILE", help="Path to the kubeconfig file.")] = None,
    as_: Annotated[str | None, typer.Option("--as", metavar="USER", help="Whom to impersonate.")] = None,
    verbosity: Annotated[
        int, typer.Option("-v", "--v", metavar="LEVEL", show_default=False, help="From 6 on: show the requests.")
    ] = 0,
) -> None:
    """Look at assistants and their versions, and go back to one."""
    ctx.obj = Session(Wish(kubeconfig, context, as_), namespace, verbosity)
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help())


@app.command()
def version() -> None:
    """Tell the release, and the API it speaks."""
    typer.echo(f"kubectl-assistants {release('assistant-operator')}, API {API_VERSION}")


@app.command()
def completion(shell: Annotated[Shell, typer.Argument(metavar="bash|zsh|fish", help="Your shell.")]) -> None:
    """Print a completion script for your shell.

    Behind `kubectl assistants` it is kubectl itself, 1.26 or newer, that completes, where kubectl_complete-assistants
    is on PATH.
    """
    typer.echo(SCRIPTS[shell], nl=False)


def language() -> Language:
    """What can be typed, for completion: as the commands themselves declare it."""
    group = typer.main.get_group(app)
    commands = tuple(_described(each) for each in group.commands.values() if isinstance(each, typer.core.TyperCommand))
    return Language(commands, tuple(_flags(group)))


def _described(command: typer.core.TyperCommand) -> Command:
    arguments = [each for each in command.params if isinstance(each, typer.core.TyperArgument)]
    name, argument = command.name or "", arguments[0] if arguments else None
    meaning, flags = command.get_short_help_str(100), tuple(_flags(command))
    if argument is None:
        return Command(name, meaning, flags)
    wanted = {"graph": Wanted.GRAPH, "shell": Wanted.CHOICE}.get(argument.name or "", Wanted.ASSISTANT)
    return Command(name, meaning, flags, wanted, _choices(argument), takes_many=argument.nargs < 0)


def _flags(command: typer.core.TyperCommand | typer.core.TyperGroup) -> Iterator[Flag]:
    for each in command.params:
        if isinstance(each, typer.core.TyperOption):
            for names in filter(None, (each.opts, each.secondary_opts)):
                yield Flag(tuple(names), each.help or "", not each.is_flag, _choices(each))


def _choices(parameter: typer.core.TyperOption | typer.core.TyperArgument) -> tuple[str, ...]:
    return tuple(str(each) for each in parameter.type_descriptor.choices or ())


def run(arguments: Sequence[str]) -> int:
    """The exit code; `arguments` with the program's name first."""
    command = typer.main.get_command(app)
    try:
        command.main(args=connection_first(arguments[1:]), prog_name=spoken(arguments[0]))
    except Trouble as trouble:
        sys.stdout.flush()
        typer.echo(str(trouble), err=True)
        return trouble.code
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else 1
    return 0


def spoken(program: str) -> str:
    """How the one who reads the usage would type it: kubectl runs `kubectl-assistants` for `kubectl assistants`."""
    name = Path(program).name
    return name.replace("-", " ", 1) if name.startswith("kubectl-") else "python -m assistant_operator.kubectl"


def connection_first(arguments: Sequence[str]) -> list[str]:
    """The flags that every command takes, brought before it wherever they stand; `-o=yaml` split, as kubectl does."""
    before: list[str] = []
    rest: list[str] = []
    words = iter(_split(arguments))
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in _EVERYWHERE:
            if (value := next(words, None)) is None:
                return [*before, word]  # its value is missing, and that is to be said of it
            before += [word, value]
        elif word.partition("=")[0] in _EVERYWHERE or (word[:2] in _EVERYWHERE and word[1:2] != "-"):
            before.append(word)
        else:
            rest.append(word)
    return before + rest


def _split(arguments: Sequence[str]) -> list[str]:
    words: list[str] = []
    for word in arguments:
        short = _SHORT_WITH_EQUALS.fullmatch(word)
        words += (
            short.groups() if short else [{"--watch=true": "--watch", "--watch=false": "--no-watch"}.get(word, word)]
        )
    return words
