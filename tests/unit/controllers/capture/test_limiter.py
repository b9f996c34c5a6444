"""When edits are many, and how long all else waits for them."""

import asyncio

import pytest

from assistant_operator.controllers.capture.limiter import CaptureLimiter
from harness.support.timeless import timeless
from harness.worlds import an_assistant

STEP = 0.05
Change = tuple[float, str]


async def moods(edits: list[tuple[float, int, float]]) -> list[Change]:
    """What the crowd is and since when; of edits that come at that second, so many, and take so many seconds."""
    limiter, told, loop = CaptureLimiter(), list[Change](), asyncio.get_running_loop()
    first = loop.time()

    async def record(at: float, seconds: float) -> None:
        await asyncio.sleep(at)
        async with limiter.turn(an_assistant()):
            await asyncio.sleep(seconds)

    async def look() -> None:
        while True:
            mood = "calm" if limiter.calm.is_set() else "lasting" if limiter.bearable.is_set() else "many"
            assert limiter.bearable.is_set() or mood == "many"
            if mood != (told[-1][1] if told else "calm"):
                told.append((round(loop.time() - first, 2), mood))
            await asyncio.sleep(STEP)

    looking = asyncio.ensure_future(look())
    await asyncio.gather(*(record(at, seconds) for at, count, seconds in edits for _ in range(count)))
    await asyncio.sleep(5)
    looking.cancel()
    return told


@pytest.mark.parametrize(
    ("edits", "told"),
    [
        pytest.param([(0, 4, 1)], "", id="a few are no crowd"),
        pytest.param([(n, 1, 0.01) for n in range(20)], "", id="nor are many one after another"),
        pytest.param([(1.02, 5, 0.01)], "1.05 many, 1.2 calm", id="many at once are, until a little after"),
        pytest.param([(0.02 + 0.1 * n, 5, 0.01) for n in range(10)], "0.05 many, 1.1 calm", id="they come unevenly"),
        pytest.param([(0, 5, 1), (2, 5, 1)], "0.05 many, 1.05 calm, 2.05 many, 3.05 calm", id="once more"),
        pytest.param([(0.02, 40, 2)], "0.05 many, 2.05 lasting, 4.2 calm", id="nobody waits for long"),
        pytest.param([(0, 5, 1), (1.5, 5, 1)], "0.05 many, 1.05 calm, 1.55 many, 2.55 calm", id="each has its time"),
    ],
)
def test_moods(edits: list[tuple[float, int, float]], told: str) -> None:
    assert ", ".join(f"{at:g} {mood}" for at, mood in timeless(moods(edits))) == told
