"""The commands that only look: get, history, diff, status, tree."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

import typer

from ..gateways.api_server import ClusterUnavailable
from ..gateways.guest import Found, Guest
from ..resources.assistant import Assistant
from ..resources.assistant_version import AssistantVersion
from ..resources.meta import Key
from . import difftool
from .annals import history_table, version_page
from .differences import parsed, sides
from .family import tree as family_tree
from .listing import assistants_table
from .progress import Progress, progress
from .session import hint, session, valid
from .text import objects
from .trouble import FAILED, MISUSED, Trouble, not_found
from .undo import no_such

TYPES = {"assistant", "assistants", "asst", "graph", "graphs", "lgraph"}


class Listed(StrEnum):
    """What `-o` may say where there are several objects."""

    WIDE = "wide"
    JSON = "json"
    YAML = "yaml"
    NAME = "name"


def bare(name: str) -> str:
    """`name` as kubectl's own output may spell it: with its type before it."""
    kind, slash, rest = name.rpartition("/")
    if slash and kind.removesuffix(".assistant-operator.dev") not in TYPES:
        raise typer.BadParameter(f"{kind!r} is no kind of ours")
    return valid(rest)


Name = Annotated[str, typer.Argument(metavar="NAME", parser=bare, help="Name of the Assistant.")]
Output = Annotated[Listed | None, typer.Option("-o", "--output", help="Another form.")]


def get(
    ctx: typer.Context,
    names: Annotated[list[str] | None, typer.Argument(metavar="NAME", parser=bare, help="Only these.")] = None,
    *,
    all_namespaces: Annotated[bool, typer.Option("-A", "--all-namespaces", help="Of every namespace.")] = False,
    selector: Annotated[str, typer.Option("-l", "--selector", help="Only those with these labels.")] = "",
    output: Output = None,
) -> None:
    """List assistants, and why one is not ready."""
    if names and (selector or all_namespaces):
        raise Trouble("error: names are of one namespace, and no selector goes with them", MISUSED)

    async def look(guest: Guest, namespace: str) -> tuple[list[Found[Assistant] | None], str]:
        if names:
            return [await guest.assistant((namespace, name)) for name in names], namespace
        return [*await guest.assistants("" if all_namespaces else namespace, selector)], namespace

    listed, namespace = session(ctx).run(look)
    found = [each for each in listed if each]
    if not found and not names and output in (None, Listed.WIDE):
        hint("No resources found" + ("" if all_namespaces else f" in {namespace} namespace."))
    elif found or not names:
        typer.echo(_listed(found, output, is_one=len(names or ()) == 1, everywhere=all_namespaces), nl=False)
    missing = [not_found("assistants", name) for name, each in zip(names or (), listed, strict=False) if not each]
    if missing:
        raise Trouble("\n".join(map(str, missing)))


def _listed(found: list[Found[Assistant]], output: Listed | None, *, is_one: bool, everywhere: bool) -> str:
    if output is Listed.NAME:
        return "".join(f"assistant.assistant-operator.dev/{each.resource.metadata.name}\n" for each in found)
    if output in (Listed.JSON, Listed.YAML):
        return objects([each.document for each in found], output.value, is_one=is_one)
    assistants = [each.resource for each in found]
    return assistants_table(assistants, datetime.now(UTC), wide=output is Listed.WIDE, everywhere=everywhere)


def history(
    ctx: typer.Context,
    name: Name,
    *,
    revision: Annotated[
        int, typer.Option(min=0, metavar="N", show_default=False, help="Show the version of this number, whole.")
    ] = 0,
    output: Output = None,
) -> None:
    """List the versions: what changed, by whom, why."""
    assistant, versions = session(ctx).run(lambda guest, namespace: _annals(guest, (namespace, name)))
    shown = [each for each in versions if revision in (0, each.resource.number)]
    if not shown:
        raise no_such(name, [each.resource for each in versions], revision)
    typer.echo(_history(assistant, shown, output, is_one=bool(revision)), nl=False)


async def _annals(guest: Guest, key: Key) -> tuple[Assistant | None, list[Found[AssistantVersion]]]:
    assistant, versions = await asyncio.gather(guest.assistant(key), guest.versions(key))
    if assistant is None and not versions:
        raise not_found("assistants", key[1])
    return assistant.resource if assistant else None, versions


def _history(
    assistant: Assistant | None, shown: list[Found[AssistantVersion]], output: Listed | None, *, is_one: bool
) -> str:
    versions, now = [each.resource for each in shown], datetime.now(UTC)
    match output:
        case Listed.NAME:
            return "".join(f"assistantversion.assistant-operator.dev/{each.metadata.name}\n" for each in versions)
        case Listed.JSON | Listed.YAML:
            return objects([each.document for each in shown], output.value, is_one=is_one)
    if is_one:
        return version_page(assistant, versions[0], shown[0].document["spec"]["snapshot"], now)
    return history_table(assistant, versions, now, wide=output is Listed.WIDE)


def diff(
    ctx: typer.Context,
    name: Name,
    *,
    revision: Annotated[
        str,
        typer.Option(metavar="A[,B]", show_default=False, help="Compare version A with the spec, or with version B."),
    ] = "",
) -> None:
    """Compare what is in force with the spec.

    Or with --revision any two versions.
    Ends with 0 if they are the same, 1 if they differ, 2 if it cannot tell. KUBECTL_EXTERNAL_DIFF names a program to
    show it with.
    """
    wished = parsed(revision)

    async def look(guest: Guest, namespace: str) -> tuple[Any, Any]:
        assistant, versions = await _annals(guest, (namespace, name))
        if assistant is None:
            raise not_found("assistants", name)
        return sides(assistant, [each.resource for each in versions], wished)

    if difftool.show(*session(ctx).run(look, failed=MISUSED)):
        raise typer.Exit(1)


def status(
    ctx: typer.Context,
    name: Name,
    *,
    watch: Annotated[bool, typer.Option("-w/-W", "--watch/--no-watch", help="Wait until it is decided.")] = True,
    timeout: Annotated[
        str, typer.Option(metavar="TIME", help="How long at most, such as 30s or 5m; 0: without end.")
    ] = "0",
) -> None:
    """Wait until an assistant is ready or stalled.

    Ends with 0 if it is ready, with 1 if it is not, or if it took too long.
    """
    seconds = parsed_duration(timeout)

    async def look(guest: Guest, namespace: str) -> Progress:
        last = Progress("nothing was seen of it")
        try:
            async with asyncio.timeout(seconds or None), aclosing(_progress(guest, (namespace, name))) as states:
                async for last in states:
                    if last.is_ready is not None or not watch:
                        return last
        except TimeoutError:
            raise Trouble(f"error: timed out waiting for assistant {name!r}: {last.message}") from None
        return last

    came = session(ctx).run(look)
    if came.is_ready is False:
        raise Trouble(f"error: assistant {name!r} is not ready: {came.message}", FAILED)
    word = "is ready" if came.is_ready else "is not ready yet"
    typer.echo(f"assistant.assistant-operator.dev/{name} {word}: {came.message}")
    if not came.is_ready:
        raise typer.Exit(FAILED)


async def _progress(guest: Guest, key: Key) -> AsyncGenerator[Progress, None]:
    """How far it is, each time that becomes another; what is said in between is for the person who waits."""
    if await guest.assistant(key) is None:
        raise not_found("assistants", key[1])
    last: Progress | None = None
    while True:
        try:
            async for found in guest.watch(key):
                now = progress(found.resource if found else None, key[1])
                if now != last:
                    yield now
                    hint(f"Waiting: {now.message}")
                last = now
        except ClusterUnavailable:
            if last is None:
                raise
            await asyncio.sleep(1)


def parsed_duration(text: str) -> float:
    """Seconds, of `90`, `90s`, `1.5m`, `2h`."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in ("s", "m", "h") else (text, "s")
    try:
        seconds = float(number) * {"s": 1, "m": 60, "h": 3600}[unit]
    except ValueError:
        raise Trouble(f"error: --timeout is a time such as 30s or 5m, not {text!r}", MISUSED) from None
    return max(seconds, 0.0)


def tree(
    ctx: typer.Context,
    graph: Annotated[str, typer.Argument(metavar="GRAPH", parser=bare, help="Name of the Graph.")],
    *,
    limit: Annotated[
        int, typer.Option(min=0, metavar="N", help="How many of the newest versions are shown; 0: all.")
    ] = 5,
) -> None:
    """Show a graph, its assistants and their versions."""

    async def look(guest: Guest, namespace: str) -> str:
        found = await guest.graph((namespace, graph))
        if found is None:
            raise not_found("graphs", graph)
        assistants = [each.resource for each in await guest.assistants(namespace, graph=graph)]
        versions = await asyncio.gather(*(guest.versions(each.key) for each in assistants))
        branches = [(each, [one.resource for one in own]) for each, own in zip(assistants, versions, strict=True)]
        return family_tree(found.resource, branches, datetime.now(UTC), limit=limit)

    typer.echo(session(ctx).run(look), nl=False)
