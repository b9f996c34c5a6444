"""Validates snapshots against the schemas of a Graph, in worker processes: a schema can make its worker crash."""

import asyncio
import json
import logging
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
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

Applied = list[tuple[str, str]]
"""For each configuration that has a schema: its JSON Pointer, and the schema as canonical JSON."""
Contents = list[list[Any]]
"""For each snapshot: the content of each of those configurations."""


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
        return (await self.fit_all([snapshot], schemas, tenant))[0]

    async def fit_all(self, snapshots: Sequence[Snapshot], schemas: Schemas, tenant: str) -> list[Fit]:
        """Return the same for each of some snapshots. Together they cost little more than one."""
        applied = _applied(schemas)
        if not applied:
            return [Valid() for _ in snapshots]
        schemas_key = digest(canonical(applied))
        contents = [_content(snapshot, applied) for snapshot in snapshots]
        keys = [digest(canonical([schemas_key, content])) for content in contents]
        by_key = dict(zip(keys, contents, strict=True))
        fits = self._cached(schemas_key, by_key)
        if len(fits) < len(by_key):
            async with self._worker(tenant) as worker:
                fits |= self._cached(schemas_key, by_key)  # another task may have validated some during the wait
                fits |= await self._validated(worker, applied, schemas_key, _without(by_key, fits))
        return [fits[key] for key in keys]

    async def _validated(
        self, worker: "SchemaWorker", applied: Applied, schemas_key: str, contents: dict[str, list[Any]]
    ) -> dict[str, Fit]:
        """Validate contents, by key, and keep the results."""
        found = await worker.validate(applied, list(contents.values())) if contents else []
        if rejection := next((fit for fit, is_independent in found if is_independent), None):
            self._rejected_schemas.put(schemas_key, rejection)
        return {key: self._results.put(key, fit) for key, (fit, _) in zip(contents, found, strict=True)}

    async def close(self) -> None:
        for worker in self._workers:
            await worker.close()

    def _cached(self, schemas_key: str, keys: Iterable[str]) -> dict[str, Fit]:
        """The results that are known, by key."""
        rejected = self._rejected_schemas.get(schemas_key)
        found = ((key, rejected or self._results.get(key)) for key in keys)
        return {key: fit for key, fit in found if fit}

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

    async def validate(self, applied: Applied, contents: Contents) -> list[tuple[Fit, bool]]:
        """Return the result for each content, and whether it is independent of it: the schemas fail with any content.

        All are validated at once. If that fails, one of them may be the cause, and each is validated by itself.
        """
        answers = await self._ask(applied, contents) if len(contents) > 1 else None
        if isinstance(answers, list):
            fits = [_fit(answer) for answer in answers]
            is_rejected = any(isinstance(fit, SchemaError) for fit in fits) and await self._rejects_all(applied)
            return [(fit, is_rejected and isinstance(fit, SchemaError)) for fit in fits]
        found: list[tuple[Fit, bool]] = []
        for content in contents:
            is_rejected = bool(found) and found[-1][1]
            found.append(found[-1] if is_rejected else await self._validate_alone(applied, content))
        return found

    async def _validate_alone(self, applied: Applied, content: list[Any]) -> tuple[Fit, bool]:
        fit = await self._validate_patiently(applied, content)
        if not isinstance(fit, SchemaError) or fit.is_transient:
            return fit, False  # the schema is not the cause
        return fit, await self._rejects_all(applied)

    async def _rejects_all(self, applied: Applied) -> bool:
        """Return whether the schemas fail with empty content, too."""
        outcome = await self._validate_patiently(applied, [{} for _ in applied])
        return isinstance(outcome, SchemaError) and not outcome.is_transient

    async def _validate_patiently(self, applied: Applied, content: list[Any]) -> Fit:
        """Repeat after a crash: the schema need not be its cause."""
        contents = [content]
        answer = (
            await self._ask(applied, contents)
            or await self._ask(applied, contents)
            or SchemaError(CRASHED, _LONGEST_RETRY)
        )
        return answer if isinstance(answer, SchemaError) else _fit(answer[0])

    async def _ask(self, applied: Applied, contents: Contents) -> list[dict[str, Any]] | SchemaError | None:
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
                process.stdin.write(json.dumps({"schemas": applied, "contents": contents}).encode() + b"\n")
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
        answers: list[dict[str, Any]] = json.loads(line)
        return answers

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


def _applied(schemas: Schemas) -> Applied:
    candidates = (("/context", schemas.context), ("/config/configurable", schemas.config))
    return [(pointer, canonical(schema).decode()) for pointer, schema in candidates if schema is not None]


def _content(snapshot: Snapshot, applied: Applied) -> list[Any]:
    configurable = snapshot.config.configurable if snapshot.config else None
    found = {"/context": snapshot.context, "/config/configurable": configurable}
    return [found[pointer] or {} for pointer, _ in applied]


def _fit(answer: dict[str, Any]) -> Fit:
    if "unusable" in answer:
        return SchemaError(answer["unusable"])
    return Invalid("; ".join(answer["problems"])) if answer["problems"] else Valid()


def _without(contents: dict[str, list[Any]], fits: dict[str, Fit]) -> dict[str, list[Any]]:
    return {key: content for key, content in contents.items() if key not in fits}
