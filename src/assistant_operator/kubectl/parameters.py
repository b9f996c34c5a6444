"""Arguments and options that several commands have."""

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from assistant_operator.api.meta import NAME_PATTERN
from assistant_operator.policy.versioning import Path

from .completion import assistant_names, context_names, namespaces, version_numbers
from .fields import parse_path

F = TypeVar("F", bound=Callable[..., Any])

LIST_FORMATS = ("wide", "json", "yaml", "name")
OBJECT_FORMATS = ("json", "yaml", "name")

_TYPES = {
    *("assistant", "assistants", "asst", "graph", "graphs", "lgraph"),
    *("assistantalias", "assistantaliases", "asstalias"),
}
_SHORT_WITH_EQUALS = re.compile(r"(-[a-zA-Z])=(.*)", re.DOTALL)
_WATCH = {"--watch=true": "--watch", "--watch=false": "--no-watch"}


def valid_name(name: str) -> str:
    """The name. Raises BadParameter if no object can have it: it becomes part of a path."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise click.BadParameter(f"{name!r} is not a valid name")
    return name


def object_name(text: str) -> str:
    """The name in `text`, which may begin with a type, as kubectl prints it: `assistant/bot`."""
    kind, slash, name = text.rpartition("/")
    if slash and kind.removesuffix(".assistant-operator.dev") not in _TYPES:
        raise click.BadParameter(f"{kind!r} is not a type of assistant-operator")
    return valid_name(name)


def version_number(text: str | int) -> int:
    """The number in `2` or `v2`. Raises BadParameter."""
    number = str(text).removeprefix("v")
    if not number.isdecimal() or int(number) < 1:
        raise click.BadParameter(f"{text!r} is not the number of a version, such as 2")
    return int(number)


def field_path(text: str | Path) -> Path:
    """The steps of `context.prompt` or `/context/prompt`. Raises BadParameter."""
    if isinstance(text, tuple):
        return text
    try:
        return parse_path(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


assistant_argument = click.argument("name", metavar="NAME", type=object_name, shell_complete=assistant_names)


def output_option(formats: Sequence[str], text: str) -> Callable[[F], F]:
    return click.option("-o", "--output", type=click.Choice(formats), help=text)


def version_option(name: str, text: str) -> Callable[[F], F]:
    """The number of a version; 0 if it is not given."""
    number = click.IntRange(min=0)
    return click.option(name, type=number, metavar="N", default=0, shell_complete=version_numbers, help=text)


def connection_options(command: F) -> F:
    """Add the connection flags, which may stand before and after the name of a command. `session` reads them."""
    for option in reversed(_CONNECTION):
        command = option(command)
    return command


def _store(ctx: click.Context, param: click.Parameter, value: Any) -> None:
    if value is not None:
        ctx.ensure_object(dict)[param.name] = value


def _connection_option(*names: str, **attributes: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, callback=_store, **attributes)


_CONNECTION = (
    _connection_option(
        "-n",
        "--namespace",
        metavar="NAME",
        type=valid_name,
        shell_complete=namespaces,
        help="Namespace; default: that of the kubeconfig context.",
    ),
    _connection_option(
        "--context", metavar="NAME", shell_complete=context_names, help="Name of the kubeconfig context."
    ),
    _connection_option("--kubeconfig", metavar="FILE", type=click.Path(), help="Path to the kubeconfig file."),
    _connection_option("--as", metavar="USER", help="User to impersonate."),
    _connection_option(
        "-v", "--v", "verbosity", metavar="LEVEL", type=int, help="Log level; from 6 on, requests are logged."
    ),
)


class KubectlGroup(click.Group):
    """A group that accepts flags in the forms of kubectl."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, click_arguments(args))

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (Click's)
        """In the order of definition."""
        return list(self.commands)


def click_arguments(arguments: Sequence[str]) -> list[str]:
    """The words as Click reads them: `-o=yaml` is split, and `--watch=false` is `--no-watch`."""
    words: list[str] = []
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            return [*words, word, *rest]
        short = _SHORT_WITH_EQUALS.fullmatch(word)
        words += short.groups() if short else [_WATCH.get(word, word)]
    return words
