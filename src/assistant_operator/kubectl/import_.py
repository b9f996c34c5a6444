"""`kubectl assistants import`: create exported assistants with all their versions."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import FreeForm
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable

from .client import KubectlClient
from .errors import CliError
from .export_file import BrokenExport, History, histories
from .import_plan import ImportPlan, Stored, import_notes, plan_import
from .manifests import Unreadable, manifests
from .parameters import connection_options
from .session import Session, hint, session

_DRY_RUN = {"none": "", "client": " (dry run)", "server": " (server dry run)"}
_REQUESTS = 8
"""Versions that are created at a time."""
_MOST_TRIES = 5


@click.command("import")
@click.option("-f", "--filename", metavar="FILE", required=True, type=click.Path(), help="The file; - for stdin.")
@click.option(
    "--dry-run",
    type=click.Choice(list(_DRY_RUN)),
    default="none",
    help="Verify and compare, without writing; server: the API server checks each object.",
)
@connection_options
@click.pass_context
def import_(ctx: click.Context, filename: str, dry_run: str) -> None:
    """Create exported assistants, with all their versions.

    Numbers, contents and chain stay as they are. The file is verified as a whole before anything is written. An
    assistant that exists with another history is refused. An import that was interrupted is completed by another one.
    """
    found = _read(filename)
    current = session(ctx)

    async def work(client: KubectlClient, namespace: str) -> None:
        _check_namespace(found, current, namespace)
        importer = _Importer(client, namespace)
        plans = [(history, await importer.plan(history)) for history in found]
        if dry_run != "client":
            for _, plan in plans:
                await importer.check(plan)
        for history, plan in plans:
            if dry_run == "none":
                await importer.write(history, plan)
            click.echo(f"assistant.assistant-operator.dev/{plan.name} {plan.result()}{_DRY_RUN[dry_run]}")
            for note in await importer.notes(history, plan):
                hint(f"Note: {note}")

    current.run(work)


def _read(filename: str) -> list[History]:
    """The verified content of the file. Raises CliError."""
    try:
        content = sys.stdin.buffer.read() if filename == "-" else Path(filename).read_bytes()
        return histories(manifests(content))
    except FileNotFoundError:
        raise CliError(f'error: the path "{filename}" does not exist') from None
    except OSError as error:
        raise CliError(f"error: {filename} cannot be read: {error.strerror}") from None
    except (Unreadable, BrokenExport, RecursionError) as error:
        source = "the input" if filename == "-" else filename
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else error
        raise CliError(f"error: {source} is not imported: {reason}; nothing is written") from None


def _check_namespace(found: Iterable[History], current: Session, namespace: str) -> None:
    named = [each for history in found for each in sorted(history.namespaces - {namespace})]
    if named and current.namespace is None:
        raise CliError(f"error: the file is of namespace {named[0]}, and the context of {namespace}: give the flag -n")


class _Importer:
    def __init__(self, client: KubectlClient, namespace: str) -> None:
        self._client = client
        self._namespace = namespace

    async def plan(self, history: History) -> ImportPlan:
        key = (self._namespace, history.assistant.resource.metadata.name)
        # In this order: an owner that is not read here is a deleted one, and not one that was created meanwhile.
        versions = await self._client.versions(key)
        assistant = await self._client.assistant(key)
        there = tuple(version.resource for version in versions)
        return plan_import(history, Stored(assistant.resource if assistant else None, there))

    async def check(self, plan: ImportPlan) -> None:
        """Let the API server check each object, and so the rights of the user."""
        await self._create_versions(plan.versions, dry_run=True)
        if plan.assistant:
            await self._client.create(Assistant, self._namespace, plan.assistant, dry_run=True)

    async def write(self, history: History, plan: ImportPlan) -> None:
        """Create the objects. If another client created one meanwhile, compare and plan again."""
        for _ in range(_MOST_TRIES):
            if await self._write(plan):
                return
            plan = await self.plan(history)
        raise CliError(f"error: another client creates and deletes objects of {plan.name!r}: try again later")

    async def _write(self, plan: ImportPlan) -> bool:
        """Returns whether all objects were created by this call."""
        newest, others = plan.versions[:1], plan.versions[1:]
        try:
            is_whole = await self._create_versions(newest, dry_run=False)
            is_whole = is_whole and await self._create_versions(others, dry_run=False)
            if is_whole and plan.assistant:
                is_whole = await self._client.create(Assistant, self._namespace, plan.assistant)
        except (ClusterRefused, ClusterUnavailable):
            hint(f"The import of {plan.name} did not finish: the same command completes it")
            raise
        return is_whole

    async def _create_versions(self, documents: Sequence[FreeForm], *, dry_run: bool) -> bool:
        """Create them in this order, some at a time. Returns whether none of them existed."""
        is_whole = True
        for first in range(0, len(documents), _REQUESTS):
            calls = [
                self._client.create(AssistantVersion, self._namespace, document, dry_run=dry_run)
                for document in documents[first : first + _REQUESTS]
            ]
            created = await asyncio.gather(*calls, return_exceptions=True)
            for result in created:
                if isinstance(result, BaseException):
                    raise result
            is_whole = is_whole and all(created)
        return is_whole

    async def notes(self, history: History, plan: ImportPlan) -> list[str]:
        if plan.is_empty:
            return []
        graph = await self._client.graph((self._namespace, history.assistant.resource.spec.graph_ref.name))
        return import_notes(history, has_graph=graph is not None)
