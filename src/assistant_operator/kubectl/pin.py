"""`kubectl assistants pin`: choose the version that is in force."""

import click

from assistant_operator.api.assistant import Assistant

from . import patch
from .change import ChangeOptions, Plan, change, change_options
from .client import Found, KubectlClient
from .completion import version_numbers
from .errors import CliError
from .parameters import assistant_argument, connection_options, version_number
from .undo import UndoMode, existing, target, undo_notes


@click.command()
@assistant_argument
@click.argument("number", metavar="[N]", type=version_number, required=False, shell_complete=version_numbers)
@change_options
@connection_options
@click.pass_context
def pin(ctx: click.Context, name: str, number: int | None, options: ChangeOptions) -> None:
    """Pin a version: it is in force until it is unpinned.

    N is the number of the version; without it the active version is pinned, so that later edits wait. A pin creates no
    version. `unpin NAME` removes it.
    """

    async def plan(client: KubectlClient, found: Found[Assistant]) -> Plan:
        assistant, versions = found.resource, await client.versions(found.resource.key)
        active = assistant.status.active_version
        goal = number or active
        if not goal:
            raise CliError(f"error: no version of {name!r} is active: say which one to pin, as in 'pin {name} 1'")
        # The active version stays in force, also if the schemas of its graph refuse it by now.
        choose = existing if goal == active else target
        chosen = choose(assistant, [version.resource for version in versions], goal)
        notes = tuple(undo_notes(UndoMode.PIN, assistant))
        return Plan(patch.pin(found.document["spec"], goal), f"pinned to {chosen.metadata.name}", notes=notes)

    change(ctx, name, plan, options)
