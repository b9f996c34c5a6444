"""`kubectl assistants suspend`: record edits only, until `resume`."""

import click

from assistant_operator.api.assistant import Assistant

from . import patch
from .change import ChangeOptions, Plan, change, change_options
from .client import Found, KubectlClient
from .parameters import assistant_argument, connection_options


@click.command()
@assistant_argument
@change_options
@connection_options
@click.pass_context
def suspend(ctx: click.Context, name: str, options: ChangeOptions) -> None:
    """Suspend an assistant: edits are recorded only.

    No version is activated, published or pruned until `resume`.
    """

    async def plan(_: KubectlClient, found: Found[Assistant]) -> Plan:
        return Plan(patch.suspend(found.document["spec"], on=True), "suspended")

    change(ctx, name, plan, options)
