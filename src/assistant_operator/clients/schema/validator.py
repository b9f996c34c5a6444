"""Validates snapshots against the schemas of a Graph, in worker processes: a schema can make its worker crash."""

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

from .result_cache import ResultCache

log = logging.getLogger(__name__)

SECONDS = 1.0
"""CPU seconds that one validation may use."""
PATIENCE = 20.0
"""Seconds of wall-clock time for one validation. A throttled process needs many of them for one second of CPU time."""
TOO_EXPENSIVE = f"its schemas take more than {SECONDS:g} s of processor time to apply"
TOO_SLOW = "schema validation did not finish in time, for want of processor time; the operator tries again"
CRASHED = "schema validation crashed twice on this schema"
NOT_STARTED = "the process for schema validation cannot be started; the operator tries again"
_WORKERS = 3
_EXIT_TIMEOUT = 1.0
"""Seconds within which a worker that closed its output must exit."""
_LONGEST_ANSWER = 2**20
_LONGEST_RETRY, _LONGEST_TRANSIENT_RETRY = 3_600.0, 300.0
"""Longest backoff in seconds: if the schema is the cause, and in all other cases."""

Parts = list[tuple[str, str, Any]]
"""For each configuration that has a schema: its JSON Pointer, the schema as canonical JSON, the content."""


class SchemaValidator:
    """Distributes validations over a few worker processes, one at a time for each tenant."""

    def __init__(self, *, patience: float = PATIENCE, clock: Callable[[], float] = time.monotonic) -> None:
        """`patience`: seconds of wall-clock time for one validation."""
        self._workers = [SchemaWorker(patience) for _ in range(_WORKERS)]
        self._idle = list(self._workers)
        self._free = asyncio.Semaphore(_WORKERS)
        # One validation at a time for each tenant: a tenant with expensive schemas delays no other tenant.
        self._tenant_locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._results = ResultCache(most=10_000, most_characters=10_000_000, clock=clock)
        self._rejected_schemas = ResultCache(most=1_000, most_characters=1_000_000, clock=clock)
        """Results for schemas that fail with any content, by the digest of the schemas."""

    async def fit(self, snapshot: Snapshot, schemas: Schemas, tenant: str) -> Fit:
        """Return whether `snapshot` fits `schemas`. An absent context is validated as `{}`, as in LangGraph.

        `tenant`: the namespace of the Assistant.
        """
        parts = _parts(snapshot, schemas)
        if not parts:
            return Valid()
        schemas_key = digest(canonical([[pointer, schema] for pointer, schema, _ in parts]))
        key = digest(canonical([schemas_key, [content for _, _, content in parts]]))
        if known := self._cached(schemas_key, key):
            return known
        async with self._worker(tenant) as worker:
            if known := self._cached(schemas_key, key):  # another task validated it during the wait
                return known
            fit, is_independent = await worker.validate_version(parts)
        if is_independent:
            self._rejected_schemas.put(schemas_key, fit)
        return self._results.put(key, fit)

    async def close(self) -> None:
        for worker in self._workers:
            await worker.close()

    def _cached(self, schemas_key: str, key: str) -> Fit | None:
        return self._rejected_schemas.get(schemas_key) or self._results.get(key)

    @asynccontextmanager
    async def _worker(self, tenant: str) -> AsyncIterator["SchemaWorker"]:
        """Yield the worker that became idle last: the other processes start only if several are needed."""
        lock = self._tenant_locks.setdefault(tenant, asyncio.Lock())
        async with lock, self._free:
            worker = self._idle.pop()
            try:
                yield worker
            finally:
                self._idle.append(worker)


class SchemaWorker:
    """A worker process: started for the first validation, and again after it has exited."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._process: asyncio.subprocess.Process | None = None

    async def close(self) -> None:
        if self._process and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    async def validate_version(self, parts: Parts) -> tuple[Fit, bool]:
        """Return the result, and whether it is independent of the content: the schemas fail with empty content, too."""
        problems = await self._put(parts)
        if isinstance(problems, SchemaError):
            if problems.is_transient:
                return problems, False  # the schema is not the cause
            empty: Parts = [(pointer, schema, {}) for pointer, schema, _ in parts]
            outcome = await self._put(empty)
            return problems, isinstance(outcome, SchemaError) and not outcome.is_transient
        return Invalid("; ".join(problems)) if problems else Valid(), False

    async def _put(self, parts: Parts) -> list[str] | SchemaError:
        """Return the problems, or why there are none. Repeats after a crash: the schema need not be its cause."""
        answer = await self._ask(parts) or await self._ask(parts) or SchemaError(CRASHED, _LONGEST_RETRY)
        if isinstance(answer, SchemaError):
            return answer
        if "unusable" in answer:
            return SchemaError(answer["unusable"])
        problems: list[str] = answer["problems"]
        return problems

    async def _ask(self, parts: Parts) -> dict[str, Any] | SchemaError | None:
        process = self._process
        if process is None or process.returncode is not None:
            try:
                process = self._process = await _start()
            except OSError as error:
                log.warning("failed start of schema validation process: %s", error)
                return SchemaError(NOT_STARTED, _LONGEST_TRANSIENT_RETRY, is_transient=True)
        assert process.stdin is not None  # noqa: S101 (a pipe)
        assert process.stdout is not None  # noqa: S101 (a pipe)
        try:
            async with asyncio.timeout(self._patience):
                process.stdin.write(json.dumps({"parts": parts}).encode() + b"\n")
                await process.stdin.drain()
                line = await process.stdout.readline()
        except TimeoutError:
            return await self._killed(process)
        except (ConnectionError, ValueError):
            line = b""
        except asyncio.CancelledError:
            process.kill()  # or the next validation would read this answer
            self._process = None
            raise
        if not line.endswith(b"\n"):  # the worker exited: the line is empty, or a part of an answer
            return await self._exited(process)
        answer: dict[str, Any] = json.loads(line)
        return answer

    async def _killed(self, process: asyncio.subprocess.Process) -> SchemaError:
        """Kill a process that did not answer in time, and return the error."""
        process.kill()
        self._process = None
        await process.wait()
        if process.returncode == -signal.SIGPROF:  # it reached its CPU limit before the kill
            return SchemaError(TOO_EXPENSIVE, _LONGEST_RETRY)
        return SchemaError(TOO_SLOW, _LONGEST_TRANSIENT_RETRY, is_transient=True)

    async def _exited(self, process: asyncio.subprocess.Process) -> SchemaError | None:
        """Return the error of a process that closed its output; None if the schema need not be the cause."""
        try:
            await asyncio.wait_for(process.wait(), _EXIT_TIMEOUT)
        except TimeoutError:
            await self.close()
        finally:
            self._process = None
        return SchemaError(TOO_EXPENSIVE, _LONGEST_RETRY) if process.returncode == -signal.SIGPROF else None


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", f"{__package__}.worker", str(SECONDS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # Ctrl-C must reach only the operator, which then ends the worker
        limit=_LONGEST_ANSWER,
    )


def _parts(snapshot: Snapshot, schemas: Schemas) -> Parts:
    configurable = snapshot.config.configurable if snapshot.config else None
    candidates = (
        ("/context", schemas.context, snapshot.context),
        ("/config/configurable", schemas.config, configurable),
    )
    return [
        (pointer, canonical(schema).decode(), content or {})
        for pointer, schema, content in candidates
        if schema is not None
    ]
