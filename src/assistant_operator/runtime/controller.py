"""One controller: a queue of keys, and workers that reconcile them. It knows no kinds."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from typing import cast

from assistant_operator.api.meta import Key

from .logs import bind_object
from .metrics import Metrics
from .workqueue import WorkQueue

log = logging.getLogger(__name__)

LONGEST_STANDSTILL = 300.0
"""Seconds without a worker that takes a key, though one is due, after which the process counts as broken."""
_NOT_SYNCED = 1.0


def _no_turn(_: Key) -> AbstractAsyncContextManager[None]:
    return nullcontext()


@dataclass(frozen=True, slots=True)
class Workers:
    """How many keys are reconciled at a time."""

    count: int
    turn: Callable[[Key], AbstractAsyncContextManager[None]] = _no_turn
    """Returns what is held while a key is reconciled: work of lower priority waits for it."""


class Controller:
    """Reconciles each key that is due, by one worker at a time."""

    def __init__(
        self,
        name: str,
        kind: str,
        queue: WorkQueue,
        reconcile: Callable[[Key], Awaitable[float | None]],
        *,
        workers: Workers,
        is_synced: Callable[[str], bool],
        transient: tuple[type[Exception], ...],
        metrics: Metrics,
    ) -> None:
        """`kind`: of the objects whose keys these are, for the log.

        `reconcile`: returns the seconds until the key is enqueued again; None if it is not.
        `is_synced`: whether all objects of a namespace were listed. Before, absence proves nothing.
        `transient`: errors that another try may not meet. All others are bugs, and are logged with a traceback.
        """
        self._name = name
        self._kind = kind
        self._queue = queue
        self._reconcile = reconcile
        self._workers = workers
        self._is_synced = is_synced
        self._transient = transient
        self._metrics = metrics
        metrics.controllers(name)
        metrics.workers(name, workers.count, queue)

    def standstill(self) -> str | None:
        """Why this process should be restarted: keys are due, and no worker takes one. None while they do."""
        seconds = self._queue.stuck_for()
        return f"the queue '{self._name}' has not turned for {seconds:.0f} s" if seconds > LONGEST_STANDSTILL else None

    async def run(self) -> None:
        """Reconcile what is due, until cancelled."""
        async with asyncio.TaskGroup() as workers:
            for _ in range(self._workers.count):
                workers.create_task(self._work())

    async def _work(self) -> None:
        while True:
            key = cast("Key", await self._queue.take())
            async with self._workers.turn(key):
                await self._process(key)

    async def _process(self, key: Key) -> None:
        """Reconcile a key once, and enqueue it again if that is due or failed."""
        if not self._is_synced(key[0]):
            self._queue.done(key)
            self._queue.add(key, _NOT_SYNCED)
            return
        bind_object(self._kind, key)
        started = asyncio.get_running_loop().time()
        try:
            requeue_after = await self._reconcile(key)
        except self._transient as error:
            delay = self._queue.failed(key)
            log.warning(
                "failed reconcile controller=%s namespace=%s name=%s retry_after=%.1fs: %s",
                self._name,
                *key,
                delay,
                error,
            )
            result = "error"
        except Exception:  # a bug that one object brings out must not stop the others
            delay = self._queue.failed(key)
            log.exception(
                "failed reconcile controller=%s namespace=%s name=%s retry_after=%.1fs", self._name, *key, delay
            )
            result = "panic"
        else:
            self._queue.done(key)
            result = "success" if requeue_after is None else "requeue_after"
            if requeue_after is not None:
                self._queue.add(key, requeue_after)
        self._metrics.reconciled(self._name, result, asyncio.get_running_loop().time() - started)
