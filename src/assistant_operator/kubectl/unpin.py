"""`kubectl assistants unpin`: remove the pin."""

import click

from assistant_operator.api.assistant import Assistant

from . import patch
from .change import ChangeOptions, Plan, change, change_options
from .client import Found, KubectlClient
from .parameters import assistant_argument, connection_options
from .undo import UndoMode, undo_notes


@click.command()
@assistant_argument
@change_options
@connection_options
@click.pass_context
def unpin(ctx: click.Context, name: str, options: ChangeOptions) -> None:
    """Remove the pin: back to the latest valid version.

    Where activation is Manual, the version in force stays.
    """

    async def plan(_: KubectlClient, found: Found[Assistant]) -> Plan:
        notes = tuple(undo_notes(UndoMode.UNPIN, found.resource))
        return Plan(patch.unpin(found.document["spec"]), "unpinned", notes=notes)

    change(ctx, name, plan, options)
