"""`kubectl assistants verify`: compute digests and chains again, and name the first version that does not match."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import Key
from assistant_operator.policy.chain import ranges

from .client import KubectlClient
from .completion import assistant_names
from .errors import FAILED, MISUSED, CliError, not_found
from .parameters import connection_options, object_name, output_option
from .session import hint, session
from .text import NONE, as_json, as_yaml, table
from .verification import Link, Verification, link_of, verify

_FORMATS = ("wide", "json", "yaml")


@click.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1, type=object_name, shell_complete=assistant_names)
@click.option("-A", "--all-namespaces", is_flag=True, help="Verify the assistants of all namespaces.")
@click.option("--allow-gaps", is_flag=True, help="Report missing versions, and end with exit code 0 all the same.")
@output_option(_FORMATS, "Output format.")
@connection_options
@click.pass_context
def verify_command(
    ctx: click.Context, names: tuple[str, ...], *, all_namespaces: bool, allow_gaps: bool, output: str | None
) -> None:
    """Verify that no version was altered, dropped or reordered.

    The digest of each version is computed again from its content, and the chain from the digests. Versions that were
    pruned are no problem: the chain is verified from the oldest version on that is kept.
    The exit code is 0 if all versions match, 1 if one does not match or is missing, 2 for an error.
    """
    if names and all_namespaces:
        raise CliError("error: names are of one namespace: they exclude --all-namespaces", MISUSED)

    async def read(client: KubectlClient, namespace: str) -> tuple[list[Verification], str]:
        if names:
            return [await _verify_one(client, (namespace, name)) for name in names], namespace
        return await _verify_all(client, "" if all_namespaces else namespace), namespace

    found, namespace = session(ctx).run(read, failed=MISUSED)
    if not found and output in (None, "wide"):
        hint("No resources found" + ("" if all_namespaces else f" in {namespace} namespace."))
    else:
        click.echo(output_of(found, output, all_namespaces=all_namespaces), nl=False)
    if message := failure(found, allow_gaps=allow_gaps):
        raise CliError(message, FAILED)


async def _verify_one(client: KubectlClient, key: Key) -> Verification:
    # The Assistant is read first: all versions that its status names are in a later listing, if they exist.
    assistant = await client.assistant(key)
    links = [link_of(document) async for document in client.each_version(*key)]
    if assistant is None and not links:
        raise not_found("assistants", key[1])
    return verify(key, links, assistant.resource if assistant else None)


async def _verify_all(client: KubectlClient, namespace: str) -> list[Verification]:
    """One listing of all versions: of each, only the link is kept."""
    assistants: dict[Key, Assistant] = {
        found.resource.key: found.resource for found in await client.assistants(namespace)
    }
    links: defaultdict[Key, list[Link]] = defaultdict(list)
    async for document in client.each_version(namespace):
        reference = (document.get("spec") or {}).get("assistantRef") or {}
        links[document["metadata"]["namespace"], reference.get("name", "")].append(link_of(document))
    return [verify(key, links[key], assistants.get(key)) for key in sorted(assistants.keys() | links.keys())]


def output_of(found: Sequence[Verification], output: str | None, *, all_namespaces: bool) -> str:
    """A line for each history, or all findings as JSON or YAML."""
    if output in ("json", "yaml"):
        content = {"verifications": [_document(each) for each in found]}
        return as_json(content) if output == "json" else as_yaml(content)
    headers = ["NAME", "VERSIONS", "RESULT", "DETAIL"]
    if output == "wide":
        headers[3:] = ["CHAIN", "DETAIL"]
    rows = [_row(each, wide=output == "wide") for each in found]
    if all_namespaces:
        headers.insert(0, "NAMESPACE")
        rows = [[each.key[0], *row] for each, row in zip(found, rows, strict=True)]
    return table(headers, rows)


def _row(found: Verification, *, wide: bool) -> list[str]:
    row = [found.key[1], ranges(found.numbers) or NONE, found.result]
    row += [found.chain or NONE] if wide else []
    shown = [f"{each.name}: {each.message}" for each in found.problems]
    if not wide and len(shown) > 1:
        shown[1:] = [f"and {len(shown) - 1} more"]
    return [*row, "; ".join((*shown, *found.notes))]


def _document(found: Verification) -> dict[str, Any]:
    problems = [{"version": each.name, "message": each.message, "gap": each.is_gap} for each in found.problems]
    return {
        "namespace": found.key[0],
        "name": found.key[1],
        "result": found.result,
        "versions": ranges(found.numbers),
        "chain": found.chain or None,
        "problems": problems,
        "notes": list(found.notes),
    }


def failure(found: Sequence[Verification], *, allow_gaps: bool) -> str:
    """The message for the user if a history is not as it was recorded; empty if all are."""
    passed = {"Verified", "Gap"} if allow_gaps else {"Verified"}
    failed = [each for each in found if each.result not in passed]
    if not failed:
        return ""
    first = failed[0]
    problem = next(each for each in first.problems if not (allow_gaps and each.is_gap))
    others = f"; {len(failed) - 1} more of {len(found)} assistants fail" if len(failed) > 1 else ""
    return f"error: assistant {first.key[1]!r} does not verify: {problem.name}: {problem.message}{others}"
