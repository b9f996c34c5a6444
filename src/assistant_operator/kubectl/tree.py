"""`kubectl assistants tree`: a Graph, its Assistants, and their versions with their aliases."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import condition

from .aliases import names_at
from .client import KubectlClient
from .completion import graph_names
from .conditions import activity, not_ready_reason, readiness, validity
from .errors import not_found
from .parameters import connection_options, object_name
from .session import session
from .text import age, table

Branch = tuple[Assistant, Sequence[AssistantVersion]]
Aliases = Sequence[AssistantAlias]
Row = tuple[str, str, str, str]

_ACTIVITY = {"True": "active", "True (pinned)": "active, pinned", "False (pinned)": "pinned"}
_VALIDITY = {"True": "", "False": "not valid"}


@click.command()
@click.argument("graph", metavar="GRAPH", type=object_name, shell_complete=graph_names)
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    metavar="N",
    default=5,
    show_default=True,
    help="Number of newest versions that are shown; 0: all.",
)
@connection_options
@click.pass_context
def tree(ctx: click.Context, graph: str, limit: int) -> None:
    """Show a graph, its assistants and their versions.

    A version that an alias stands for is always shown.
    """

    async def read(client: KubectlClient, namespace: str) -> str:
        found = await client.graph((namespace, graph))
        if found is None:
            raise not_found("graphs", graph)
        assistants = [each.resource for each in await client.assistants(namespace, graph=graph)]
        aliases = await client.readable_aliases(namespace) if assistants else []
        listed = await asyncio.gather(*(client.versions(assistant.key) for assistant in assistants))
        versions = [[version.resource for version in each] for each in listed]
        branches = list(zip(assistants, versions, strict=True))
        return tree_table(found.resource, branches, datetime.now(UTC), limit=limit, aliases=aliases)

    click.echo(session(ctx).run(read), nl=False)


def tree_table(graph: Graph, branches: Sequence[Branch], now: datetime, *, limit: int, aliases: Aliases = ()) -> str:
    """`limit`: how many of the newest versions of an assistant are shown; 0: all."""
    created = age(graph.metadata.creation_timestamp, now)
    rows = [(f"graph/{graph.metadata.name}", readiness(graph), created, _status(graph))]
    for branch in branches:
        rows += _branch(graph, branch, now, limit, aliases, is_last=branch is branches[-1])
    return table(("NAME", "READY", "AGE", "STATUS"), rows)


def _branch(
    graph: Graph, branch: Branch, now: datetime, limit: int, aliases: Aliases, *, is_last: bool
) -> Iterator[Row]:
    assistant, versions = branch
    meta = assistant.metadata
    names = {version.number: names_at(aliases, meta.name, version.number) for version in versions}
    default = " (default)" if graph.status.default_assistant == meta.name else ""
    mark, indent = ("└─", "  ") if is_last else ("├─", "│ ")
    created = age(meta.creation_timestamp, now)
    yield (f"{mark} assistant/{meta.name}{default}", readiness(assistant), created, _status(assistant))
    shown = _shown(assistant, versions, limit, names)
    hidden = len(versions) - len(shown)
    for version in shown:
        mark = "└─" if version is shown[-1] and not hidden else "├─"
        created = age(version.created_at, now)
        marks = _version_status(assistant, version, names[version.number])
        yield (f"{indent} {mark} {version.metadata.name}", "", created, marks)
    if hidden:
        yield (f"{indent} └─ {hidden} more", "", "", f"kubectl assistants history {meta.name}")


def _shown(
    assistant: Assistant, versions: Sequence[AssistantVersion], limit: int, names: Mapping[int, Sequence[str]]
) -> list[AssistantVersion]:
    """The newest versions first, and the active version, the pinned one and those with an alias."""
    numbers = {version.number for version in versions[-limit:]} | {assistant.status.active_version, assistant.pin}
    numbers |= {number for number, aliases in names.items() if aliases}
    return [version for version in reversed(versions) if version.number in numbers]


def _status(resource: Graph | Assistant) -> str:
    ready = condition(resource.status.conditions, "Ready")
    return not_ready_reason(resource) or (ready.message if ready else "")


def _version_status(assistant: Assistant, version: AssistantVersion, names: Sequence[str]) -> str:
    valid = _VALIDITY.get(validity(version), "not validated")
    marks = (_ACTIVITY.get(activity(assistant, version), ""), *(f"alias {name}" for name in names), valid)
    return ", ".join(filter(None, marks))
