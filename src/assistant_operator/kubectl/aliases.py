"""`kubectl assistants aliases`: the aliases, the version that each stands for, and their moves."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import click

from assistant_operator.api.assistant_alias import AssistantAlias, Move
from assistant_operator.clients.kubernetes.transport import ClusterRefused

from .client import Found, KubectlClient
from .completion import assistant_names
from .conditions import not_ready_reason, readiness
from .errors import MISUSED, CliError, not_found
from .in_force import shown
from .parameters import LIST_FORMATS, connection_options, object_name, output_option
from .session import hint, refusal_text, session
from .text import NONE, age, objects, table

_SHORT = 100
_NOT_SERVED = (
    "error: the server does not serve the kind AssistantAlias: its CustomResourceDefinitions are missing, or older than"
    " the plugin. Apply those of the operator's release: kubectl apply --server-side -k crds"
)
_FORBIDDEN = (
    "Reading aliases needs the role view, and creating one the role admin. Moving one needs the role admin, or a"
    " RoleBinding to the ClusterRole assistant-operator-promote, which an administrator can create."
)


@click.command()
@click.argument("name", metavar="[NAME]", type=object_name, required=False, shell_complete=assistant_names)
@click.option("-A", "--all-namespaces", is_flag=True, help="List the aliases of all namespaces.")
@click.option("--moves", is_flag=True, help="List the recorded moves instead, newest first.")
@output_option(LIST_FORMATS, "Output format.")
@connection_options
@click.pass_context
def aliases(ctx: click.Context, name: str | None, *, all_namespaces: bool, moves: bool, output: str | None) -> None:
    """List the aliases, and the version that each stands for.

    NAME is the assistant whose aliases are listed; without it those of all assistants. BY is the authenticated user who
    moved the alias where the cluster records it, else the field manager. An alias keeps its last 50 moves; the formats
    json and yaml have them too.
    """
    if name and all_namespaces:
        raise CliError("error: an assistant is in one namespace: --all-namespaces takes no name", MISUSED)

    async def read(client: KubectlClient, namespace: str) -> tuple[list[Found[AssistantAlias]], str]:
        with explained_refusal():
            found = await client.aliases("" if all_namespaces else namespace, name or "")
        if name and not found and await client.assistant((namespace, name)) is None:
            raise not_found("assistants", name)
        return found, namespace

    found, namespace = session(ctx).run(read)
    if not found and output in (None, "wide"):
        hint("No resources found" + ("" if all_namespaces else f" in {namespace} namespace."))
    else:
        click.echo(_output(found, output, moves=moves, all_namespaces=all_namespaces), nl=False)


@contextmanager
def explained_refusal() -> Iterator[None]:
    """Raise CliError that names what to do, if the API server does not serve the kind or the user lacks the right."""
    try:
        yield
    except ClusterRefused as refused:
        if refused.status.is_not_served:
            raise CliError(_NOT_SERVED) from None
        if refused.status.reason == "Forbidden" and refused.status.kind == AssistantAlias.plural:
            raise CliError(f"{refusal_text(refused)}\n{_FORBIDDEN}") from None
        raise


def _output(found: list[Found[AssistantAlias]], output: str | None, *, moves: bool, all_namespaces: bool) -> str:
    if output == "name":
        return "".join(f"assistantalias.assistant-operator.dev/{each.resource.metadata.name}\n" for each in found)
    if output in ("json", "yaml"):
        return objects([each.document for each in found], output, is_one=False)
    shown_aliases, now = [each.resource for each in found], datetime.now(UTC)
    show = moves_table if moves else aliases_table
    return show(shown_aliases, now, wide=output == "wide", all_namespaces=all_namespaces)


def aliases_table(
    aliases: Sequence[AssistantAlias], now: datetime, *, wide: bool = False, all_namespaces: bool = False
) -> str:
    """`wide`: with the digest, the id on the server, and the whole reason why an alias is not ready."""
    headers = ["NAME", "ASSISTANT", "VERSION", "READY", "MOVED", "BY", "CAUSE", "WHY"]
    if wide:
        headers[7:] = ["DIGEST", "ID", "WHY"]
    rows = [(alias, _row(alias, now, wide=wide)) for alias in aliases]
    return _table(headers, rows, all_namespaces=all_namespaces)


def _row(alias: AssistantAlias, now: datetime, *, wide: bool) -> list[str]:
    status, reason = alias.status, not_ready_reason(alias)
    last = status.moves[0] if status.moves else None
    row = [alias.metadata.name, alias.spec.assistant_ref.name, str(status.version or NONE), readiness(alias)]
    row += [age(last.since, now), _by(last), last.cause or NONE] if last else [NONE, NONE, NONE]
    if wide:
        return [*row, status.digest or NONE, status.assistant_id or NONE, reason]
    return [*row, reason if len(reason) <= _SHORT else f"{reason[: _SHORT - 1]}…"]


def moves_table(
    aliases: Sequence[AssistantAlias], now: datetime, *, wide: bool = False, all_namespaces: bool = False
) -> str:
    """The moves of all these aliases, newest first. `wide`: with the field manager and the time."""
    headers = ["NAME", "ASSISTANT", "FROM", "TO", "MOVED", "BY", "CAUSE"]
    if wide:
        headers[6:6] = ["MANAGER", "SINCE"]
    moves = [(alias, move) for alias in aliases for move in alias.status.moves]
    moves.sort(key=lambda each: each[1].since, reverse=True)
    rows = [(alias, _move_row(alias, move, now, wide=wide)) for alias, move in moves]
    return _table(headers, rows, all_namespaces=all_namespaces)


def _move_row(alias: AssistantAlias, move: Move, now: datetime, *, wide: bool) -> list[str]:
    row = [alias.metadata.name, alias.spec.assistant_ref.name, str(move.from_ or NONE), str(move.to)]
    row += [age(move.since, now), _by(move)]
    row += [move.manager or NONE, shown(move.since)] if wide else []
    return [*row, move.cause or NONE]


def _by(move: Move) -> str:
    """The authenticated user, else the field manager."""
    return move.user or move.manager or NONE


def _table(headers: list[str], rows: Sequence[tuple[AssistantAlias, list[str]]], *, all_namespaces: bool) -> str:
    if not all_namespaces:
        return table(headers, [row for _, row in rows])
    return table(["NAMESPACE", *headers], [[alias.metadata.namespace, *row] for alias, row in rows])


def names_at(aliases: Sequence[AssistantAlias], assistant: str, number: int) -> list[str]:
    """The names of the aliases that stand for that version of the Assistant."""
    return sorted(
        alias.metadata.name
        for alias in aliases
        if alias.spec.assistant_ref.name == assistant and alias.in_force == number
    )
