"""How the operator finds out that nobody looks at what is due any more."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from assistant_operator.runtime.workqueue import WorkQueue
from harness.support.timeless import timeless


async def _nothing_is_due(queue: WorkQueue) -> None:
    waiting = asyncio.create_task(queue.take())
    queue.add("later", 3600)
    await asyncio.sleep(600)
    waiting.cancel()


async def _nobody_ever_came(queue: WorkQueue) -> None:
    queue.add("one")
    await asyncio.sleep(600)


async def _one_takes_long(queue: WorkQueue) -> None:
    queue.add("one")
    await queue.take()
    await asyncio.sleep(600)


async def _others_go_on(queue: WorkQueue) -> None:
    for number in range(60):
        queue.add(number)
    for _ in range(50):
        await queue.take()
        await asyncio.sleep(10)


async def _all_are_stuck(queue: WorkQueue) -> None:
    queue.add("one")
    await queue.take()
    await asyncio.sleep(100)
    queue.add("two")
    await asyncio.sleep(600)


async def _one_comes_again(queue: WorkQueue) -> None:
    await _all_are_stuck(queue)
    await queue.take()
    queue.add("three")


@pytest.mark.parametrize(
    ("story", "seconds"),
    [
        pytest.param(_nothing_is_due, 0, id="not where nothing is due"),
        pytest.param(_nobody_ever_came, 0, id="not on a standby, whose workers do not work yet"),
        pytest.param(_one_takes_long, 0, id="not where one look takes long and nothing else is due"),
        pytest.param(_others_go_on, 10, id="not where much is due and the others go on"),
        pytest.param(_all_are_stuck, 600, id="since something is due and nobody comes"),
        pytest.param(_one_comes_again, 0, id="no longer once one comes again"),
    ],
)
def test_a_queue_stands_still(story: Callable[[WorkQueue], Awaitable[None]], seconds: float) -> None:
    async def stuck_for() -> float:
        queue = WorkQueue(interval=0)
        await story(queue)
        return queue.stuck_for()

    assert timeless(stuck_for()) == pytest.approx(seconds, abs=0.001)
