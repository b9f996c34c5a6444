"""The command `kubectl assistants dashboard`."""

import click

from assistant_operator.kubectl.client import KubectlClient
from assistant_operator.kubectl.completion import assistant_names
from assistant_operator.kubectl.errors import MISUSED, CliError
from assistant_operator.kubectl.parameters import connection_options, object_name
from assistant_operator.kubectl.session import session

PORT = 7788


@click.command()
@click.argument("name", metavar="[NAME]", required=False, type=object_name, shell_complete=assistant_names)
@click.option("-A", "--all-namespaces", is_flag=True, help="Show the assistants of all namespaces.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    metavar="N",
    default=PORT,
    show_default=True,
    help="Port on 127.0.0.1; 0: a free one.",
)
@click.option("--open/--no-open", "is_opened", default=True, help="Open the page in a browser.")
@connection_options
@click.pass_context
def dashboard(ctx: click.Context, name: str | None, *, all_namespaces: bool, port: int, is_opened: bool) -> None:
    """Show assistants and their versions in a browser.

    The page is served on this machine with the permissions of your kubeconfig; nothing is installed in the cluster.
    With NAME it opens the page of that assistant.
    """
    if name and all_namespaces:
        raise CliError("error: a name is of one namespace: -A does not go with it", MISUSED)
    from .server import Options, serve  # noqa: PLC0415 (no other command needs the web server)

    async def run(client: KubectlClient, namespace: str) -> None:
        key = (namespace, name) if name else None
        await serve(client, Options("" if all_namespaces else namespace, key, port, is_opened))

    session(ctx).run(run)
