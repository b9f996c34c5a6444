"""Shell completion: candidates from the cluster, kubectl's protocol, and the command that prints a script."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import click
from click.shell_completion import CompletionItem, ShellComplete, get_completion_class

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import Resource
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable
from assistant_operator.policy.versioning import Path, pointer

from .client import KubectlClient
from .fields import dotted, leaves
from .kubeconfig import contexts
from .patch import SNAPSHOT_FIELDS
from .session import Work, session

T = TypeVar("T")

PROGRAM = "kubectl-assistants"
VARIABLE = "_KUBECTL_ASSISTANTS_COMPLETE"
"""Environment variable by which Click's scripts ask the program for candidates."""

_TIMEOUT = 2.0
"""Seconds that one key press waits for the cluster at most."""
_FILES, _NO_FILES, _NO_SPACE = ":0", ":4", ":6"
"""Directives of kubectl's shell scripts: whether the shell completes names of files, and adds a space."""


def assistant_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return _object_names(Assistant, ctx, param, incomplete)


def graph_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    return _object_names(Graph, ctx, param, incomplete)


def namespaces(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (Click's)
    return _beginning(incomplete, _read(ctx, lambda client, _: client.namespaces()))


def context_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    return _beginning(incomplete, contexts(session(ctx).flags))


def version_numbers(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Numbers of the versions of the Assistant that the command line names, newest first."""
    # Click stops at an option without its value and leaves the arguments before it in ctx.args.
    name = ctx.params.get("name") or next(iter(ctx.args), None)
    if not name:
        return []

    async def numbers(client: KubectlClient, namespace: str) -> list[str]:
        versions = await client.versions((namespace, name))
        return [str(version.resource.number) for version in reversed(versions)]

    return _beginning(incomplete, _read(ctx, numbers))


def alias_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001 (Click's)
    """Names of the aliases of the Assistant that the command line names; of all aliases if it names none."""
    assistant = ctx.params.get("name") or next(iter(ctx.args), "")

    async def names(client: KubectlClient, namespace: str) -> list[str]:
        return [found.resource.metadata.name for found in await client.aliases(namespace, assistant)]

    return _beginning(incomplete, _read(ctx, names))


def field_paths(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:  # noqa: ARG001
    """Versioned fields of the Assistant that the command line names, in dots; after a slash, as JSON Pointers."""
    spell = pointer if incomplete.startswith("/") else dotted
    return _beginning(incomplete, [spell(path) for path in _spec_paths(ctx) if path[0] in SNAPSHOT_FIELDS])


def field_assignments(
    ctx: click.Context,
    param: click.Parameter,  # noqa: ARG001
    incomplete: str,
) -> list[CompletionItem]:
    """Fields in the spec of the Assistant, each with `=` for its value; names of files after `=@`."""
    if "=@" in incomplete:
        return [CompletionItem(incomplete, type="file")]
    names = [f"{dotted(path)}=" for path in _spec_paths(ctx)]
    return [CompletionItem(name) for name in _beginning(incomplete, names)]


def _spec_paths(ctx: click.Context) -> list[Path]:
    """The paths of all fields that have a value, and of the versioned fields that could."""
    name = ctx.params.get("name") or next(iter(ctx.args), None)
    if not name:
        return []

    async def paths(client: KubectlClient, namespace: str) -> list[Path]:
        found = await client.assistant((namespace, name))
        return [] if found is None else list(leaves({**dict.fromkeys(SNAPSHOT_FIELDS), **found.document["spec"]}))

    return _read(ctx, paths)


def _object_names(kind: type[Resource], ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    used = (ctx.params.get(param.name or "") or ()) if param.nargs < 0 else ()
    names = _read(ctx, lambda client, namespace: client.names(kind, namespace))
    return [name for name in _beginning(incomplete, names) if name not in used]


def _beginning(incomplete: str, names: Sequence[str]) -> list[str]:
    return [name for name in names if name.startswith(incomplete)]


def _read(ctx: click.Context, work: Work[list[T]]) -> list[T]:
    """The result of `work`; empty if the cluster does not answer."""
    quiet = replace(session(ctx), verbosity=0)
    try:
        return asyncio.run(asyncio.wait_for(quiet.connect(work), _TIMEOUT))
    except (ClusterRefused, ClusterUnavailable, TimeoutError, ValueError):
        return []


def for_kubectl(command: click.Command, words: Sequence[str]) -> str:
    """The output of `kubectl_complete-assistants`: a candidate a line, its help after a tab, and a directive.

    Candidates for `--output=js` do not begin with `--output=`: the shell scripts of kubectl remove that prefix.
    """
    *complete, incomplete = words or ("",)
    items = ShellComplete(command, {}, PROGRAM, VARIABLE).get_completions(complete, incomplete)
    if any(item.type != "plain" for item in items):
        return f"{_FILES}\n"
    lines = [f"{item.value}\t{item.help}" if item.help else item.value for item in items]
    goes_on = bool(items) and all(item.value.endswith("=") for item in items)
    return "".join(f"{line}\n" for line in (*lines, _NO_SPACE if goes_on else _NO_FILES))


@click.command()
@click.argument("shell", metavar="bash|zsh|fish", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print a completion script for your shell.

    It completes `kubectl-assistants`. kubectl 1.26 or newer completes `kubectl assistants` by itself if
    kubectl_complete-assistants is on PATH.
    """
    found = get_completion_class(shell)
    if found is None:
        raise click.UsageError(f"this release of Click has no completion for {shell}", ctx)
    click.echo(found(ctx.find_root().command, {}, PROGRAM, VARIABLE).source(), nl=False)
