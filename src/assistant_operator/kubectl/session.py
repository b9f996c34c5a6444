"""The connection of one command to the cluster, and the translation of its errors for the user."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import click

from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable

from .client import Conflict, KubectlClient
from .errors import FAILED, CliError
from .kubeconfig import ConnectionFlags, access

T = TypeVar("T")
Work = Callable[[KubectlClient, str], Awaitable[T]]
"""What a command does with the client, in the namespace that is the second argument."""

_LOGS_REQUESTS = 6
"""Verbosity from which on each request is logged, as kubectl does."""


@dataclass(frozen=True, slots=True)
class Session:
    """The values of the connection flags."""

    flags: ConnectionFlags
    namespace: str | None = None
    verbosity: int = 0

    def run(self, work: Work[T], *, failed: int = FAILED) -> T:
        """Connect and return the result of the work. Raises CliError with at least the exit code `failed`."""
        try:
            return asyncio.run(self.connect(work))
        except CliError as error:
            raise CliError(error.message, max(failed, error.exit_code)) from error
        except Conflict as conflict:
            message = f"error: the object was changed meanwhile, nothing is written: try again ({conflict})"
            raise CliError(message, failed) from None
        except ClusterUnavailable as unavailable:
            cause = str(unavailable.__cause__ or "") or unavailable
            raise CliError(f"Unable to connect to the server: {cause}", failed) from None
        except ClusterRefused as refused:
            raise CliError(refusal_text(refused), failed) from None
        except ValueError as error:
            raise CliError(f"error: {error}", failed) from None

    async def connect(self, work: Work[T]) -> T:
        """Like `run`, within an event loop. Raises the errors of the client."""
        cluster = await access(self.flags)
        client = KubectlClient(cluster.server(hint if self.verbosity >= _LOGS_REQUESTS else None))
        try:
            return await work(client, self.namespace or cluster.namespace)
        finally:
            await client.close()


def session(ctx: click.Context) -> Session:
    """The session that the connection flags describe, before and after the name of the command."""
    values = ctx.find_object(dict) or {}
    flags = ConnectionFlags(values.get("kubeconfig"), values.get("context"), values.get("as"))
    return Session(flags, values.get("namespace"), values.get("verbosity", 0))


def hint(text: str) -> None:
    """Print a message for the user to stderr: it is not part of the output."""
    click.echo(text, err=True)


def refusal_text(refused: ClusterRefused) -> str:
    """The refusal in the words of kubectl."""
    status = refused.status
    if status.code == 401:
        return "error: You must be logged in to the server (Unauthorized)"
    if status.code == 404 and not status.kind:
        return "error: the server has no assistants: the CustomResourceDefinitions of assistant-operator are missing"
    reason = f" ({status.reason})" if status.reason else ""
    return f"Error from server{reason}: {status.message}"
