"""`kubectl assistants get`: a line for each Assistant, with the reason why it is not ready."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from assistant_operator.api.assistant import Assistant

from .client import Found, KubectlClient
from .completion import assistant_names
from .conditions import not_ready_reason, readiness
from .errors import MISUSED, CliError, not_found
from .parameters import LIST_FORMATS, connection_options, object_name, output_option
from .session import hint, session
from .text import NONE, age, objects, table

_SHORT = 100


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=object_name, shell_complete=assistant_names)
@click.option("-A", "--all-namespaces", is_flag=True, help="List the assistants of all namespaces.")
@click.option("-l", "--selector", default="", help="Label selector, such as team=shop.")
@output_option(LIST_FORMATS, "Output format.")
@connection_options
@click.pass_context
def get(ctx: click.Context, names: tuple[str, ...], *, all_namespaces: bool, selector: str, output: str | None) -> None:
    """List assistants, and why one is not ready."""
    if names and (selector or all_namespaces):
        raise CliError("error: names are of one namespace, and no selector goes with them", MISUSED)

    async def read(client: KubectlClient, namespace: str) -> tuple[list[Found[Assistant] | None], str]:
        if names:
            return [await client.assistant((namespace, name)) for name in names], namespace
        return [*await client.assistants("" if all_namespaces else namespace, selector)], namespace

    listed, namespace = session(ctx).run(read)
    found = [each for each in listed if each]
    if not found and not names and output in (None, "wide"):
        hint("No resources found" + ("" if all_namespaces else f" in {namespace} namespace."))
    elif found or not names:
        click.echo(_output(found, output, is_one=len(names) == 1, all_namespaces=all_namespaces), nl=False)
    missing = [not_found("assistants", name) for name, each in zip(names, listed, strict=False) if not each]
    if missing:
        raise CliError("\n".join(error.message for error in missing))


def _output(found: list[Found[Assistant]], output: str | None, *, is_one: bool, all_namespaces: bool) -> str:
    if output == "name":
        return "".join(f"assistant.assistant-operator.dev/{each.resource.metadata.name}\n" for each in found)
    if output in ("json", "yaml"):
        return objects([each.document for each in found], output, is_one=is_one)
    assistants = [each.resource for each in found]
    return assistants_table(assistants, datetime.now(UTC), wide=output == "wide", all_namespaces=all_namespaces)


def assistants_table(assistants: Sequence[Assistant], now: datetime, *, wide: bool, all_namespaces: bool) -> str:
    """`wide`: with the number of versions, the id on the server, and the whole reason."""
    headers = ["NAME", "GRAPH", "LATEST", "ACTIVE", "PINNED", "READY", "AGE", "WHY"]
    if wide:
        headers[6:] = ["VERSIONS", "AGE", "ID", "WHY"]
    rows = [_row(assistant, now, wide=wide) for assistant in assistants]
    if all_namespaces:
        headers.insert(0, "NAMESPACE")
        rows = [[assistant.metadata.namespace, *row] for assistant, row in zip(assistants, rows, strict=True)]
    return table(headers, rows)


def _row(assistant: Assistant, now: datetime, *, wide: bool) -> list[str]:
    status, reason = assistant.status, not_ready_reason(assistant)
    numbers = [str(number or NONE) for number in (status.latest_version, status.active_version, assistant.pin)]
    row = [assistant.metadata.name, assistant.spec.graph_ref.name, *numbers, readiness(assistant)]
    created = age(assistant.metadata.creation_timestamp, now)
    if wide:
        return [*row, str(status.versions), created, status.assistant_id or NONE, reason]
    return [*row, created, reason if len(reason) <= _SHORT else f"{reason[: _SHORT - 1]}…"]
