"""The command line of `kubectl assistants`."""

from collections.abc import Sequence
from pathlib import Path

import click

from .aliases import aliases
from .blame import blame
from .completion import VARIABLE, completion, for_kubectl
from .dashboard.command import dashboard
from .diff import diff
from .export import export
from .get import get
from .history import history
from .import_ import import_
from .parameters import KubectlGroup, connection_options
from .pin import pin
from .promote import promote
from .resume import resume
from .set import set_command
from .show import show
from .status import status
from .suspend import suspend
from .tree import tree
from .undo import undo
from .unpin import unpin
from .verify import verify_command
from .version import version

_COMMANDS = (
    *(get, history, diff, blame, show, verify_command, status, tree, aliases),
    *(set_command, pin, unpin, undo, promote, suspend, resume, export, import_, dashboard, version, completion),
)


@click.group(
    cls=KubectlGroup,
    commands={command.name or "": command for command in _COMMANDS},
    invoke_without_command=True,
    subcommand_metavar="COMMAND [ARGS]...",
    epilog="These flags may also follow the command.",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
@connection_options
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Show assistants and their versions, edit them, and go back."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(arguments: Sequence[str]) -> None:
    """Run a command and exit. `arguments`: with the name of the program first."""
    cli.main(args=list(arguments[1:]), prog_name=usage_name(arguments[0]), complete_var=VARIABLE)


def complete(words: Sequence[str]) -> str:
    """The answer to `kubectl_complete-assistants WORDS`: candidates for the last word."""
    return for_kubectl(cli, words)


def usage_name(program: str) -> str:
    """What the user types to run the program: kubectl runs `kubectl-assistants` for `kubectl assistants`."""
    name = Path(program).name
    return name.replace("-", " ", 1) if name.startswith("kubectl-") else "python -m assistant_operator.kubectl"
