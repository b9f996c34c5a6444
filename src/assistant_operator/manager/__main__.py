"""The composition root: what there is, who knows whom, and the commands."""

import asyncio
import gc
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import click

from assistant_operator.clients.kubernetes.grants import DEFAULT_ROLE, checked_role
from assistant_operator.runtime.logs import configure

from .manager import Manager
from .settings import Settings, identity, pod_namespace


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The operator of LangGraph assistants: every edit of an Assistant is an immutable version."""


@main.command(context_settings={"auto_envvar_prefix": "ASSISTANT_OPERATOR", "show_default": True})
@click.option("--namespace", multiple=True, help="Where to look; may be repeated. Default: everywhere.")
@click.option("--cluster-name", default="default", help="Tells clusters apart that share a server.")
@click.option("--listen", default="0.0.0.0:8080", help="Address of /healthz, /readyz and /metrics.")
@click.option("--leader-elect/--no-leader-elect", default=True, help="Let one replica lead.")
@click.option("--lease-namespace", help="Where the Lease is. Default: the pod's namespace, else 'default'.")
@click.option(
    "--server-credentials-role",
    default=DEFAULT_ROLE,
    callback=lambda _context, _parameter, value: _role(value),
    help="The role that allows to read Secrets and ConfigMaps: clusterrole/NAME or role/NAME. Conditions name it.",
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
def run(namespace: tuple[str, ...], lease_namespace: str | None, **flags: Any) -> None:
    """Watch, record, activate, prune, until SIGTERM."""
    settings = Settings(
        namespaces=_namespaces(namespace),
        lease_namespace=lease_namespace or pod_namespace(),
        identity=identity(),
        **flags,
    )
    configure(settings.log_level, settings.log_format)
    # JSON may be nested deeper than Python's frames usually may; the API server allows ten thousand levels.
    sys.setrecursionlimit(50_000)
    # What the store holds lives long, and looking through it for garbage takes a sixth of the time of a burst.
    gc.set_threshold(50_000, 20, 20)
    try:
        code = asyncio.run(Manager(settings).run())
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(code)


@main.command()
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), help="Write files there instead.")
def crds(directory: Path | None) -> None:
    """Print the CustomResourceDefinitions."""
    packaged = resources.files("assistant_operator") / "crds"
    if directory is None:
        kinds = ("graphs", "assistants", "assistantversions")
        click.echo("---\n".join((packaged / f"{kind}.yaml").read_text() for kind in kinds), nl=False)
        return
    directory.mkdir(parents=True, exist_ok=True)
    for file in packaged.iterdir():
        (directory / file.name).write_text(file.read_text())


def _namespaces(given: tuple[str, ...]) -> tuple[str, ...]:
    """Repeated on the command line, separated by commas in the environment."""
    return tuple(dict.fromkeys(name for each in given for name in each.replace(",", " ").split()))


def _role(given: str) -> str:
    try:
        return checked_role(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


if __name__ == "__main__":
    main()
