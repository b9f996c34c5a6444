"""The door to JSON Schema: whether a snapshot fits a Graph's schemas. The work is done in a process that may die."""

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any
from weakref import WeakValueDictionary

from assistant_operator.api.assistant import Snapshot
from assistant_operator.api.canonical import canonical, digest
from assistant_operator.api.graph import Schemas
from assistant_operator.api.schema_result import Fit, Invalid, SchemaError, Valid

from .result_cache import FitMemory

log = logging.getLogger(__name__)

SECONDS = 1.0
"""Processor time one question may cost."""
PATIENCE = 20.0
"""Seconds of wall-clock time one question may take: a throttled process takes many for its one of processor time."""
TOO_DEAR = f"its schemas take more than {SECONDS:g} s of processor time to apply"
TOO_SLOW = "schema validation did not finish in time, for want of processor time; the operator tries again"
DIED = "schema validation crashed twice on this schema"
NOT_STARTED = "the process for schema validation cannot be started; the operator tries again"
_WORKERS = 3
_BURIAL = 1.0
_LONGEST_ANSWER = 2**20
_LONGEST_RETRY, _LONGEST_PASSING = 3_600.0, 300.0
"""Seconds after which a question is asked again at the latest: one that the schema made too dear, and any other."""


Parts = list[tuple[str, str, Any]]
"""Of each configuration that has a schema: its place, the schema as canonical text, the content."""


class SchemaValidator:
    """Judges for each tenant one snapshot at a time, by one of a few worker processes."""

    def __init__(self, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        """`patience`: seconds of wall-clock time for one question."""
        self._workers = [SchemaWorker(patience) for _ in range(_WORKERS)]
        self._idle = list(self._workers)
        self._free = asyncio.Semaphore(_WORKERS)
        # One question of a tenant at a time: whose schemas are dear waits for himself.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._remembered = FitMemory(most=10_000, most_characters=10_000_000, clock=clock)
        self._rejected_schemas = FitMemory(most=1_000, most_characters=1_000_000, clock=clock)
        """Of schemas that no content can be validated by, whatever it is."""

    async def fit(self, snapshot: Snapshot, schemas: Schemas, tenant: str) -> Fit:
        """Whether `snapshot` fits `schemas`; an absent context counts as an empty one, as LangGraph takes it.

        `tenant`: whose they are, a namespace.
        """
        parts = _parts(snapshot, schemas)
        if not parts:
            return Valid()
        asked = digest(canonical([[place, schema] for place, schema, _ in parts]))
        key = digest(canonical([asked, [content for _, _, content in parts]]))
        if known := self._known(asked, key):
            return known
        async with self._turn(tenant) as worker:
            if known := self._known(asked, key):  # found out while we waited
                return known
            fit, is_hopeless = await worker.validate_version(parts)
        if is_hopeless:
            self._rejected_schemas.put(asked, fit)
        return self._remembered.put(key, fit)

    async def close(self) -> None:
        for worker in self._workers:
            await worker.close()

    def _known(self, asked: str, key: str) -> Fit | None:
        return self._rejected_schemas.get(asked) or self._remembered.get(key)

    @asynccontextmanager
    async def _turn(self, tenant: str) -> AsyncIterator["SchemaWorker"]:
        """The worker that was idle last, so that the others are started only where many are needed."""
        mine = self._turns.setdefault(tenant, asyncio.Lock())
        async with mine, self._free:
            worker = self._idle.pop()
            try:
                yield worker
            finally:
                self._idle.append(worker)


class SchemaWorker:
    """A process, started when it is first needed, and again whenever it died."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None

    async def close(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def validate_version(self, parts: Parts) -> tuple[Fit, bool]:
        """What the process says, and whether it would say so of any content."""
        problems = await self._put(parts)
        if isinstance(problems, SchemaError):
            if problems.is_transient:
                return problems, False  # that tells nothing of the schema
            nothing: Parts = [(place, schema, {}) for place, schema, _ in parts]
            other = await self._put(nothing)
            return problems, isinstance(other, SchemaError) and not other.is_transient
        return Invalid("; ".join(problems)) if problems else Valid(), False

    async def _put(self, parts: Parts) -> list[str] | SchemaError:
        """The problems it finds, or what it died of: asked twice if that need not have been the question."""
        told = await self._ask(parts) or await self._ask(parts) or SchemaError(DIED, _LONGEST_RETRY)
        if isinstance(told, SchemaError):
            return told
        if "unusable" in told:
            return SchemaError(told["unusable"])
        problems: list[str] = told["problems"]
        return problems

    async def _ask(self, parts: Parts) -> dict[str, Any] | SchemaError | None:
        process = self._process
        if process is None or process.returncode is not None:
            try:
                process = self._process = await _start()
            except OSError as error:
                log.warning("%s: %s", NOT_STARTED, error)
                return SchemaError(NOT_STARTED, _LONGEST_PASSING, is_transient=True)
        assert process.stdin is not None  # noqa: S101 (a pipe)
        assert process.stdout is not None  # noqa: S101 (a pipe)
        try:
            async with asyncio.timeout(self._patience):
                process.stdin.write(json.dumps({"parts": parts}).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            return await self._given_up(process)
        except (ConnectionError, ValueError):
            line = b""
        except asyncio.CancelledError:
            process.kill()  # or the next question would get this answer
            self._process = None
            raise
        if not line.endswith(b"\n"):  # nothing, or the part of an answer that it still sent
            return await self._buried(process)
        told: dict[str, Any] = json.loads(line)
        return told

    async def _given_up(self, process: asyncio.subprocess.Process) -> SchemaError:
        """What to say of a process that neither answered nor used up its processor time: no fault of the schema."""
        process.kill()
        self._process = None
        await process.wait()
        if process.returncode == -signal.SIGPROF:  # it did, at the last moment
            return SchemaError(TOO_DEAR, _LONGEST_RETRY)
        return SchemaError(TOO_SLOW, _LONGEST_PASSING, is_transient=True)

    async def _buried(self, process: asyncio.subprocess.Process) -> SchemaError | None:
        """What a process that closed its output died of; None if it may have been something else than the question."""
        try:
            await asyncio.wait_for(process.wait(), _BURIAL)
        except TimeoutError:
            await self.close()
        finally:
            self._process = None
        return SchemaError(TOO_DEAR, _LONGEST_RETRY) if process.returncode == -signal.SIGPROF else None


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", f"{__package__}.worker", str(SECONDS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is for the operator, which then ends the worker
        limit=_LONGEST_ANSWER,
    )


def _parts(snapshot: Snapshot, schemas: Schemas) -> Parts:
    configurable = snapshot.config.configurable if snapshot.config else None
    asked = (("/context", schemas.context, snapshot.context), ("/config/configurable", schemas.config, configurable))
    return [
        (place, canonical(schema).decode(), content or {}) for place, schema, content in asked if schema is not None
    ]
