"""`kubectl assistants export`: assistants with all their versions, as one file."""

import asyncio
import os
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, version_name
from assistant_operator.api.meta import Key
from assistant_operator.policy.chain import first_mismatch
from assistant_operator.policy.default_assistant import owned

from .client import Found, KubectlClient
from .completion import assistant_names
from .errors import MISUSED, CliError, not_found
from .export_file import History
from .parameters import connection_options, object_name
from .session import hint, session
from .text import objects

_PAUSE, _MOST_READS = 0.5, 5


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1, type=object_name, shell_complete=assistant_names)
@click.option("--all", "is_all", is_flag=True, help="Export all assistants of the namespace.")
@click.option("-o", "--output", type=click.Choice(["yaml", "json"]), default="yaml", help="Output format.")
@click.option("--output-file", metavar="FILE", type=click.Path(dir_okay=False), help="Write to this file, as a whole.")
@connection_options
@click.pass_context
def export(ctx: click.Context, names: tuple[str, ...], *, is_all: bool, output: str, output_file: str | None) -> None:
    """Print assistants with all their versions, for `import`.

    The output is a List of manifests: the versions, oldest first, then the assistant. It has no fields that belong to
    the cluster, and is the same each time.
    """
    if bool(names) == is_all:
        raise CliError("error: give the names of assistants, or --all", MISUSED)

    async def read(client: KubectlClient, namespace: str) -> list[History]:
        if is_all:
            return await _all(client, namespace)
        return [await _settled(client, (namespace, name)) for name in sorted(set(names))]

    found = session(ctx).run(read)
    if not found:
        raise CliError("error: there are no assistants to export")
    text = objects([manifest for history in found for manifest in history.manifests()], output, is_one=False)
    if output_file:
        _write(Path(output_file), text)
    else:
        click.echo(text, nl=False)
    for note in (note for history in found for note in export_notes(history)):
        hint(f"Note: {note}")


async def _all(client: KubectlClient, namespace: str) -> list[History]:
    assistants = await client.assistants(namespace)
    versions: dict[str, list[Found[AssistantVersion]]] = defaultdict(list)
    for version in await client.versions((namespace, "")):
        versions[version.resource.spec.assistant_ref.name].append(version)
    found = []
    for assistant in sorted(assistants, key=lambda each: each.resource.metadata.name):
        key = assistant.resource.key
        history = History(assistant, own_versions(assistant.resource, versions[key[1]]))
        found.append(history if history.is_recorded else await _settled(client, key))
    return found


async def _settled(client: KubectlClient, key: Key) -> History:
    """The Assistant and its versions. An edit that the operator is recording is waited for."""
    for _ in range(_MOST_READS):
        assistant = await client.assistant(key)
        if assistant is None:
            raise not_found("assistants", key[1])
        history = History(assistant, own_versions(assistant.resource, await client.versions(key)))
        if history.is_recorded:
            break
        await asyncio.sleep(_PAUSE)
    return history


def own_versions(
    assistant: Assistant, versions: Iterable[Found[AssistantVersion]]
) -> tuple[Found[AssistantVersion], ...]:
    """The versions that the Assistant owns or will adopt, without those of a deleted predecessor."""
    uid = assistant.metadata.uid
    return tuple(version for version in versions if version.resource.record().belongs_to(uid))


def _write(path: Path, text: str) -> None:
    """Write the file as a whole: after a failure the former content is still there."""
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
                file.write(text)
            Path(name).replace(path)
        except OSError:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise CliError(f"error: {path} cannot be written: {error.strerror}") from None


def export_notes(history: History) -> list[str]:
    """What the file does not carry over, or why `import` will refuse it."""
    assistant = history.assistant.resource
    name, active = assistant.metadata.name, assistant.status.active_version
    notes = []
    if mismatch := first_mismatch([version.resource for version in history.versions]):
        notes.append(f"{version_name(name, mismatch.number)}: {mismatch.reason}: import refuses this history")
    if not history.is_recorded:
        notes.append(f"the newest edit of {name} is not recorded as a version")
    if assistant.spec.versioning.activation == "Manual" and active and not assistant.pin:
        notes.append(
            f"activation of {name} is Manual, and version {active} is active without a pin: pin it after import"
        )
    if fields := _foreign_fields(history):
        notes.append(f"{name} is a default assistant: import does not restore its own fields: {', '.join(fields)}")
    return notes


def _foreign_fields(history: History) -> list[str]:
    """The fields of a default assistant that do not follow its Graph."""
    if not history.is_default:
        return []
    ours, others = owned(history.assistant.resource.metadata.managed_fields)
    return sorted({"spec." + ".".join(path) for path in others - ours})
