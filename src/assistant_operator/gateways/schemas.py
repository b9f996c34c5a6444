"""The door to JSON Schema: whether a snapshot fits a Graph's schemas. The work is done in a process that may die."""

import asyncio
import json
import signal
import sys
from contextlib import suppress
from typing import Any, TypeVar

from ..resources.assistant import Snapshot
from ..resources.canonical import canonical
from ..resources.fit import Fit, Fits, Misfits, Unusable
from ..resources.graph import Schemas

SECONDS = 1.0
"""Processor time one question may cost."""
TOO_DEAR = f"its schemas take more than {SECONDS:g} s of processor time to apply"
_PATIENCE = 20.0
_BURIAL = 1.0
_MOST_REMEMBERED = 10_000
_MOST_SHUNNED = 1_000
_LONGEST_ANSWER = 2**20


K = TypeVar("K")
V = TypeVar("V")


class SchemaJudge:
    """Asks one worker process at a time; starts it when it is first needed, and again whenever it died."""

    def __init__(self) -> None:
        self._worker: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self._remembered: dict[tuple[bytes, bytes], Fit] = {}
        self._shunned: dict[bytes, Unusable] = {}

    async def fit(self, snapshot: Snapshot, schemas: Schemas) -> Fit:
        """Whether `snapshot` fits `schemas`; an absent context counts as an empty one, as LangGraph takes it."""
        parts = _parts(snapshot, schemas)
        if not parts:
            return Fits()
        texts = b"\n".join(schema.encode() for _, schema, _ in parts)
        key = (texts, canonical([content for _, _, content in parts]))
        if known := self._shunned.get(texts) or self._remembered.get(key):
            return known
        async with self._turn:
            fit = _read(await self._ask({"parts": parts}) or await self._ask({"parts": parts}))
        if isinstance(fit, Unusable):
            _remember(self._shunned, texts, fit, _MOST_SHUNNED)
        else:
            _remember(self._remembered, key, fit, _MOST_REMEMBERED)
        return fit

    async def close(self) -> None:
        if self._worker and self._worker.returncode is None:
            self._worker.kill()
            await self._worker.wait()

    async def _ask(self, question: dict[str, Any]) -> dict[str, Any] | None:
        """The worker's answer; None if it died of something else than the question."""
        worker = self._worker
        if worker is None or worker.returncode is not None:
            worker = self._worker = await _start()
        assert worker.stdin is not None  # noqa: S101 (a pipe)
        assert worker.stdout is not None  # noqa: S101 (a pipe)
        try:
            worker.stdin.write(json.dumps(question).encode() + b"\n")
            await worker.stdin.drain()
            line = await asyncio.wait_for(worker.stdout.readline(), _PATIENCE)
        except (ConnectionError, TimeoutError, ValueError):
            line = b""
        if not line:
            return await self._buried(worker)
        told: dict[str, Any] = json.loads(line)
        return told

    async def _buried(self, worker: asyncio.subprocess.Process) -> dict[str, Any] | None:
        """What to make of a worker that did not answer: the question was too much, or something else ended it."""
        with suppress(TimeoutError):
            await asyncio.wait_for(worker.wait(), _BURIAL)
        await self.close()
        self._worker = None
        return {"unusable": TOO_DEAR} if worker.returncode in (-signal.SIGPROF, -signal.SIGKILL) else None


async def _start() -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable,
        *("-P", "-m", f"{__package__}.schema_worker", str(SECONDS)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,  # a Ctrl-C is for the operator, which then ends the worker
        limit=_LONGEST_ANSWER,
    )


def _parts(snapshot: Snapshot, schemas: Schemas) -> list[tuple[str, str, Any]]:
    configurable = snapshot.config.configurable if snapshot.config else None
    asked = (("/context", schemas.context, snapshot.context), ("/config/configurable", schemas.config, configurable))
    return [
        (place, canonical(schema).decode(), content or {}) for place, schema, content in asked if schema is not None
    ]


def _read(told: dict[str, Any] | None) -> Fit:
    if told is None:
        return Unusable("the process that applies schemas died of it, twice")
    if "unusable" in told:
        return Unusable(told["unusable"])
    return Misfits("; ".join(told["problems"])) if told["problems"] else Fits()


def _remember(memory: dict[K, V], key: K, value: V, most: int) -> None:
    memory[key] = value
    if len(memory) > most:
        del memory[next(iter(memory))]
