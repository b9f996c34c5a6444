"""One command's connection to the cluster, and what becomes of its failures."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

import typer

from ..gateways.api_server import ClusterRefused, ClusterUnavailable
from ..gateways.guest import Conflict, Guest
from ..gateways.kubeconfig import Wish, access
from ..resources.meta import NAME_PATTERN
from .trouble import FAILED, Trouble

T = TypeVar("T")
Work = Callable[[Guest, str], Awaitable[T]]
"""What is done with the door, in this namespace."""

_TELLS_REQUESTS = 6


@dataclass(frozen=True, slots=True)
class Session:
    """What was typed about where and as whom."""

    wish: Wish
    namespace: str | None = None
    verbosity: int = 0

    def run(self, work: Work[T], *, failed: int = FAILED) -> T:
        """What comes of the work. Raises Trouble with the code `failed` for all that the cluster may answer."""
        try:
            return asyncio.run(self._visit(work))
        except Trouble as trouble:
            raise Trouble(str(trouble), max(failed, trouble.code)) from trouble
        except Conflict as conflict:
            raise Trouble(
                f"error: it was changed meanwhile, nothing is written: look again ({conflict})", failed
            ) from None
        except ClusterUnavailable as unavailable:
            cause = str(unavailable.__cause__ or "") or unavailable
            raise Trouble(f"Unable to connect to the server: {cause}", failed) from None
        except ClusterRefused as refused:
            raise Trouble(_refusal(refused), failed) from None
        except ValueError as error:
            raise Trouble(f"error: {error}", failed) from None

    async def _visit(self, work: Work[T]) -> T:
        found = await access(self.wish)
        guest = Guest(found.server(hint if self.verbosity >= _TELLS_REQUESTS else None))
        try:
            return await work(guest, self.namespace or found.namespace)
        finally:
            await guest.close()


def valid(name: str) -> str:
    """`name`, if an object can be called so: it becomes part of a path."""
    if not re.fullmatch(NAME_PATTERN, name):
        raise typer.BadParameter(f"nothing can be called {name!r}")
    return name


def session(ctx: typer.Context) -> Session:
    """What the flags before and behind the command say."""
    found: Session = ctx.obj
    return found


def hint(text: str) -> None:
    """For the person, not for the pipe."""
    typer.echo(text, err=True)


def _refusal(refused: ClusterRefused) -> str:
    status = refused.status
    if status.code == 401:  # noqa: PLR2004 (as HTTP has it)
        return "error: You must be logged in to the server (Unauthorized)"
    if status.code == 404 and not status.kind:  # noqa: PLR2004
        return (
            "error: the server knows no assistants: the CustomResourceDefinitions of assistant-operator are not there"
        )
    return f"Error from server ({status.reason}): {status.message}"
