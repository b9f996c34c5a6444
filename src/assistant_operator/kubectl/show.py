"""`kubectl assistants show`: an Assistant, or one of its versions, as a manifest that can be applied."""

from typing import Any

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import API_VERSION, FreeForm, Key
from assistant_operator.policy.versioning import CAUSES

from .client import Found, KubectlClient
from .completion import version_numbers
from .errors import no_such_version, not_found
from .gitops import to_commit
from .history import read_history
from .parameters import assistant_argument, connection_options, output_option, version_number
from .patch import patched, restore
from .session import hint, session
from .text import as_json, as_yaml


@click.command()
@assistant_argument
@click.argument("number", metavar="[N]", type=version_number, required=False, shell_complete=version_numbers)
@output_option(("yaml", "json"), "Output format; default: yaml.")
@connection_options
@click.pass_context
def show(ctx: click.Context, name: str, number: int | None, output: str | None) -> None:
    """Print an assistant as a manifest that can be applied.

    N is the number of a version: then the manifest has its content, and the control fields of the assistant. Without N
    it has the present spec.
    """

    async def read(client: KubectlClient, namespace: str) -> FreeForm:
        key = (namespace, name)
        assistant = await client.assistant(key)
        if number is None:
            if assistant is None:
                raise not_found("assistants", name)
            return manifest(key, assistant, assistant.document["spec"])
        version = await client.version(key, number)
        if version is None:
            _, versions = await read_history(client, key)
            raise no_such_version(name, [each.resource.number for each in versions], number)
        return manifest(key, assistant, version.document["spec"]["snapshot"])

    content: Any = session(ctx).run(read)
    click.echo(as_json(content) if output == "json" else as_yaml(content), nl=False)
    if has_null(content["spec"]):
        hint("Note: it has null values, which 'kubectl apply' removes: add --server-side, or use 'kubectl replace'")


def manifest(key: Key, assistant: Found[Assistant] | None, snapshot: FreeForm) -> FreeForm:
    """The Assistant with that content; without control fields and labels if it no longer exists.

    A change-cause is left out: it is that of one edit.
    """
    if assistant is None:
        meta = {"namespace": key[0], "name": key[1]}
        return {"apiVersion": API_VERSION, "kind": Assistant.kind_name, "metadata": meta, "spec": snapshot}
    content = to_commit(patched(assistant.document, restore(assistant.document["spec"], snapshot)))
    annotations = content["metadata"].get("annotations", {})
    kept = {name: value for name, value in annotations.items() if name not in CAUSES}
    meta = {name: value for name, value in {**content["metadata"], "annotations": kept}.items() if value}
    return {**content, "metadata": meta}


def has_null(content: Any) -> bool:
    """Whether a value in an object is null: a merge patch, as `kubectl apply` sends it, cannot set that."""
    if isinstance(content, dict):
        return any(value is None or has_null(value) for value in content.values())
    return False
