"""`kubectl assistants status`: wait until an Assistant is ready or stalled."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import click

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.condition_types import SECRET_SUSPECTED
from assistant_operator.api.meta import ConditionStatus, Key, condition
from assistant_operator.clients.kubernetes.transport import ClusterUnavailable

from .client import KubectlClient
from .conditions import is_observed, not_ready_reason
from .errors import FAILED, MISUSED, CliError, not_found
from .parameters import assistant_argument, connection_options
from .session import hint, session

_RECONNECT_PAUSE = 1.0
_UNITS = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class Progress:
    """`is_ready`: None while the operator reconciles, False if it is stalled."""

    message: str
    is_ready: bool | None = None
    warning: str = ""
    """A problem that does not depend on readiness."""


@click.command()
@assistant_argument
@click.option("-w/-W", "--watch/--no-watch", default=True, help="Wait until it is ready or stalled.")
@click.option("--timeout", metavar="TIME", default="0", help="Time limit, such as 30s or 5m; 0: no limit.")
@connection_options
@click.pass_context
def status(ctx: click.Context, name: str, *, watch: bool, timeout: str) -> None:
    """Wait until an assistant is ready or stalled.

    The exit code is 0 if the assistant is ready, and 1 if it is not, or if the time limit has passed.
    """
    seconds = parse_duration(timeout)

    async def wait(client: KubectlClient, namespace: str) -> Progress:
        last = Progress("no state received")
        try:
            async with asyncio.timeout(seconds or None), aclosing(_states(client, (namespace, name))) as states:
                async for last in states:
                    if last.is_ready is not None or not watch:
                        return last
        except TimeoutError:
            raise CliError(f"error: timed out waiting for assistant {name!r}: {last.message}") from None
        return last

    result = session(ctx).run(wait)
    if result.warning:
        hint(f"Warning: {result.warning}")
    if result.is_ready is False:
        raise CliError(f"error: assistant {name!r} is not ready: {result.message}")
    state = "is ready" if result.is_ready else "is not ready yet"
    click.echo(f"assistant.assistant-operator.dev/{name} {state}: {result.message}")
    if not result.is_ready:
        ctx.exit(FAILED)


async def _states(client: KubectlClient, key: Key) -> AsyncGenerator[Progress, None]:
    """The progress, each time it changes. A state after which the caller goes on is also printed."""
    if await client.assistant(key) is None:
        raise not_found("assistants", key[1])
    last: Progress | None = None
    while True:
        try:
            async for found in client.watch(key):
                current = progress(found.resource if found else None, key[1])
                if current != last:
                    yield current
                    hint(f"Waiting: {current.message}")
                last = current
        except ClusterUnavailable:
            if last is None:
                raise
            await asyncio.sleep(_RECONNECT_PAUSE)


def progress(assistant: Assistant | None, name: str) -> Progress:
    """`assistant`: None after its deletion."""
    if assistant is None:
        return Progress(f"{name} was deleted", is_ready=False)
    if assistant.metadata.is_being_deleted:
        return Progress(f"{name} is being deleted", is_ready=False)
    ready = condition(assistant.status.conditions, "Ready")
    if ready is None or not is_observed(assistant):
        return Progress("the operator has not observed the newest edit yet")
    suspected = condition(assistant.status.conditions, SECRET_SUSPECTED)
    warning = f"{suspected.reason}: {suspected.message}" if suspected else ""
    if ready.status == ConditionStatus.TRUE:
        return Progress(ready.message, not _has_pending_version(assistant), warning)
    stalled = condition(assistant.status.conditions, "Stalled")
    is_stalled = stalled is not None and stalled.status == ConditionStatus.TRUE
    return Progress(not_ready_reason(assistant), False if is_stalled else None, warning)


def _has_pending_version(assistant: Assistant) -> bool:
    """Whether a suspended assistant, which keeps its Ready, would activate another version."""
    active, versioning = assistant.status.active_version, assistant.spec.versioning
    latest = active if versioning.activation == "Manual" else assistant.status.latest_version
    return assistant.spec.suspend and active != (assistant.pin or latest)


def parse_duration(text: str) -> float:
    """Seconds in `90`, `90s`, `1.5m`, `2h`. Raises CliError."""
    number, unit = (text[:-1], text[-1]) if text[-1:] in _UNITS else (text, "s")
    try:
        seconds = float(number) * _UNITS[unit]
    except ValueError:
        raise CliError(f"error: --timeout is a time such as 30s or 5m, not {text!r}", MISUSED) from None
    return max(seconds, 0.0)
