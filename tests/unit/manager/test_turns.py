"""The versions of one Assistant are reconciled at a time while edits come, and of several after that."""

import asyncio

import pytest

from assistant_operator.manager.turns import Turns
from harness.support.timeless import timeless
from harness.worlds import KEY, an_assistant

WRITES = 0.1
"""Seconds that reconciling the versions of one Assistant takes."""


async def _edited() -> Turns:
    """Turns, after an edit was captured."""
    turns = Turns()
    async with turns.to_capture(an_assistant()):
        return turns


async def _reconciled(turns: Turns, count: int) -> list[float]:
    """Return when each of so many was done."""
    begun, done = asyncio.get_running_loop().time(), list[float]()

    async def reconcile() -> None:
        async with turns.to_reconcile_versions(KEY):
            await asyncio.sleep(WRITES)
        done.append(round(asyncio.get_running_loop().time() - begun, 3))

    await asyncio.gather(*(reconcile() for _ in range(count)))
    return done


@pytest.mark.parametrize(
    ("since_edit", "expected"),
    [
        pytest.param(None, [0.1, 0.1, 0.1], id="no edit was captured yet"),
        pytest.param(0.0, [0.1, 0.2, 0.3], id="an edit was captured just now"),
        pytest.param(0.25, [0.1, 0.2, 0.3], id="and a moment ago"),
        pytest.param(0.35, [0.1, 0.1, 0.1], id="no edit comes any more"),
    ],
)
def test_beside_edits_one_after_another(since_edit: float | None, expected: list[float]) -> None:
    async def scenario() -> list[float]:
        if since_edit is None:
            return await _reconciled(Turns(), 3)
        turns = await _edited()
        await asyncio.sleep(since_edit)
        return await _reconciled(turns, 3)

    assert timeless(scenario()) == expected


def test_one_that_fails_lets_the_next_begin() -> None:
    async def scenario() -> list[float]:
        turns = await _edited()
        with pytest.raises(ZeroDivisionError):
            async with turns.to_reconcile_versions(KEY):
                raise ZeroDivisionError
        return await _reconciled(turns, 1)

    assert timeless(scenario()) == [0.1]


def test_one_that_takes_long_does_not_keep_the_others_waiting() -> None:
    async def scenario() -> list[float]:
        turns = await _edited()
        async with turns.to_reconcile_versions(KEY):
            return await _reconciled(turns, 2)

    assert timeless(scenario()) == [2.1, 2.1]
