"""The commands of the container's entry point."""

import asyncio
import gc
import sys
from asyncio import sslproto
from importlib import resources
from pathlib import Path
from typing import Any

import click

from assistant_operator.clients.kubernetes.configuration import ConfigurationLoader, pod_namespace
from assistant_operator.clients.kubernetes.grants import DEFAULT_ROLE, checked_role
from assistant_operator.runtime.logs import configure

from .settings import Settings, identity


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The operator of LangGraph assistants: every edit of an Assistant is an immutable version."""


@main.command(context_settings={"auto_envvar_prefix": "ASSISTANT_OPERATOR", "show_default": True})
@click.option("--namespace", multiple=True, help="Namespace to watch; repeatable. Default: all namespaces.")
@click.option("--cluster-name", default="default", help="Distinguishes clusters that share a LangGraph Server.")
@click.option("--listen", default="0.0.0.0:8080", help="Address of /healthz, /readyz and /metrics.")
@click.option("--leader-elect/--no-leader-elect", default=True, help="One replica works, the others stand by.")
@click.option("--lease-namespace", help="Namespace of the Lease. Default: the pod's namespace, else 'default'.")
@click.option(
    "--server-credentials-role",
    default=DEFAULT_ROLE,
    callback=lambda _context, _parameter, value: _role(value),
    help="The role that grants access to Secrets and ConfigMaps: clusterrole/NAME or role/NAME. Conditions name it.",
)
@click.option(
    "--record-user/--no-record-user",
    default=False,
    help="Copy the user of each edit from the annotation that the policy of deploy/record-user writes.",
)
@click.option("--log-level", type=click.Choice(["debug", "info", "warning", "error"]), default="info")
@click.option("--log-format", type=click.Choice(["text", "json"]), default="text")
def run(namespace: tuple[str, ...], lease_namespace: str | None, **flags: Any) -> None:
    """Run the operator until SIGTERM."""
    settings = Settings(
        namespaces=_namespaces(namespace),
        lease_namespace=lease_namespace or pod_namespace(),
        identity=identity(),
        **flags,
    )
    connect = ConfigurationLoader()
    # kopf imports the package kubernetes where it is installed, 16 MB, to accept objects of that library's classes.
    sys.modules.setdefault("kubernetes", None)  # type: ignore[arg-type]
    # Imported while the process that `connect` started reads the kubeconfig.
    from .manager import Manager  # noqa: PLC0415

    configure(settings.log_level, settings.log_format)
    # The API server accepts JSON with ten thousand levels; Python's default limit of recursion is lower.
    sys.setrecursionlimit(50_000)
    # The objects of the store live long. With the default thresholds, garbage collection takes a sixth of the CPU time
    # of a burst of edits.
    gc.set_threshold(50_000, 20, 20)
    # asyncio reserves 256 KB for what it reads of each TLS connection, and a burst of edits opens dozens.
    sslproto.SSLProtocol.max_size = 2**15
    try:
        code = asyncio.run(Manager(settings, connect).run())
    except (ValueError, OSError) as error:
        raise click.ClickException(str(error)) from error
    sys.exit(code)


@main.command()
@click.option("--directory", type=click.Path(file_okay=False, path_type=Path), help="Write files into it instead.")
def crds(directory: Path | None) -> None:
    """Print the CustomResourceDefinitions."""
    packaged = resources.files("assistant_operator") / "crds"
    if directory is None:
        kinds = ("graphs", "assistants", "assistantversions", "assistantaliases")
        click.echo("---\n".join((packaged / f"{kind}.yaml").read_text() for kind in kinds), nl=False)
        return
    directory.mkdir(parents=True, exist_ok=True)
    for file in packaged.iterdir():
        (directory / file.name).write_text(file.read_text())


def _namespaces(given: tuple[str, ...]) -> tuple[str, ...]:
    """Split values at commas: in the environment, one value holds several namespaces."""
    return tuple(dict.fromkeys(name for values in given for name in values.replace(",", " ").split()))


def _role(given: str) -> str:
    try:
        return checked_role(given)
    except ValueError as error:
        raise click.BadParameter(str(error)) from error


if __name__ == "__main__":
    main()
