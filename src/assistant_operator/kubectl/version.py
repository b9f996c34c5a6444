"""`kubectl assistants version`: the release of the plugin."""

from importlib.metadata import version as release

import click

from assistant_operator.api.meta import API_VERSION


@click.command()
def version() -> None:
    """Print the release, and the API version it uses."""
    click.echo(f"kubectl-assistants {release('assistant-operator')}, API {API_VERSION}")
