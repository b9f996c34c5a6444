"""One controller: what it does with the result of a reconcile, and with each kind of error."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import nullcontext

import pytest

from assistant_operator.api.meta import Key
from assistant_operator.runtime.controller import LONGEST_STANDSTILL, Controller, Workers
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.runtime.workqueue import WorkQueue
from harness.support.timeless import timeless

ONE, TWO = ("team", "one"), ("team", "two")


class Temporary(Exception):
    """The error that is known to be transient."""


class Story:
    """A controller whose reconciles are written down."""

    def __init__(self, *, workers: int = 1, turn: asyncio.Lock | None = None) -> None:
        self.metrics, self.queue = Metrics(), WorkQueue(interval=0)
        self.synced = {"team"}
        self.began: list[tuple[Key, float]] = []
        self.reconcile: Callable[[Key], Awaitable[float | None]] = self.done
        self.controller = Controller(
            "assistant",
            "Assistant",
            self.queue,
            self._reconcile,
            workers=Workers(workers, lambda _: turn or nullcontext()),
            is_synced=self.synced.__contains__,
            transient=(Temporary,),
            metrics=self.metrics,
        )

    async def done(self, _: Key) -> float | None:
        return None

    async def _reconcile(self, key: Key) -> float | None:
        self.began.append((key, asyncio.get_running_loop().time()))
        return await self.reconcile(key)

    async def run(self, seconds: float) -> None:
        task = asyncio.create_task(self.controller.run())
        await asyncio.sleep(seconds)
        assert not task.done()
        task.cancel()

    def count(self, name: str, **labels: str) -> float | None:
        labels = {"controller": "assistant", **labels}
        return self.metrics.registry.get_sample_value(f"assistant_operator_{name}", labels)


def test_a_key_is_reconciled_once_and_again_after_the_seconds_that_were_returned() -> None:
    async def story() -> None:
        it, answers = Story(), iter([5.0, None])

        async def reconcile(_: Key) -> float | None:
            return next(answers)

        it.reconcile = reconcile
        it.queue.add(ONE)
        await it.run(60)
        assert [(key, round(at - it.began[0][1])) for key, at in it.began] == [(ONE, 0), (ONE, 5)]
        assert it.count("reconcile_total", result="requeue_after") == it.count("reconcile_total", result="success") == 1

    timeless(story())


@pytest.mark.parametrize(
    ("error", "level", "panics"),
    [
        pytest.param(Temporary("busy"), logging.WARNING, 0, id="a transient error is a warning"),
        pytest.param(KeyError("bug"), logging.ERROR, 1, id="any other is a bug, with a traceback"),
    ],
)
def test_an_error_is_counted_and_tried_again_later_each_time_while_others_go_on(
    error: Exception, level: int, panics: float, caplog: pytest.LogCaptureFixture
) -> None:
    async def story() -> None:
        it = Story()

        async def reconcile(key: Key) -> float | None:
            if key == ONE and len(it.began) < 4:
                raise error
            return None

        it.reconcile = reconcile
        it.queue.add(ONE)
        it.queue.add(TWO)
        await it.run(60)
        pauses = [at for key, at in it.began if key == ONE]
        assert [key for key, _ in it.began] == [ONE, TWO, ONE, ONE]
        assert pauses[2] - pauses[1] > pauses[1] - pauses[0] > 0
        assert it.count("reconcile_total", result="error") == it.count("reconcile_errors_total") == len(pauses) - 1
        assert it.count("reconcile_panics_total") == panics * (len(pauses) - 1)

    timeless(story())
    assert {(each.levelno, bool(each.exc_info)) for each in caplog.records} == {(level, bool(panics))}


def test_nothing_is_reconciled_before_its_namespace_is_synced() -> None:
    async def story() -> None:
        it = Story()
        it.synced.clear()
        it.queue.add(ONE)
        await it.run(10)
        assert it.began == []
        it.synced.add("team")
        await it.run(2)
        assert [key for key, _ in it.began] == [ONE]

    timeless(story())


def test_it_reports_a_standstill_only_when_keys_are_due_and_all_workers_are_busy() -> None:
    async def story() -> None:
        it = Story(workers=2)

        async def reconcile(_: Key) -> float | None:
            await asyncio.sleep(1000)
            return None

        it.reconcile = reconcile
        it.queue.add(ONE)
        it.queue.add(TWO)
        task = asyncio.create_task(it.controller.run())
        await asyncio.sleep(400)
        assert it.controller.standstill() is None, "nothing is due"
        it.queue.add(("team", "three"))
        await asyncio.sleep(LONGEST_STANDSTILL + 1)
        assert it.controller.standstill() == "the queue 'assistant' has not turned for 301 s"
        await asyncio.sleep(500)
        assert it.controller.standstill() is None, "a worker is free again"
        task.cancel()

    timeless(story())


def test_a_key_is_reconciled_when_it_has_its_turn() -> None:
    async def story() -> None:
        turn = asyncio.Lock()
        it = Story(turn=turn)
        it.queue.add(ONE)
        async with turn:
            task = asyncio.create_task(it.controller.run())
            await asyncio.sleep(10)
            assert it.began == []
        await asyncio.sleep(1)
        assert [key for key, _ in it.began] == [ONE]
        task.cancel()

    timeless(story())
