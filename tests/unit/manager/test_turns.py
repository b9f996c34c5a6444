"""While edits come, one Assistant that was not edited is reconciled at a time, and the versions of one."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager

import pytest

from assistant_operator.api.meta import Key
from assistant_operator.manager.turns import Turns
from harness.support.timeless import timeless
from harness.worlds import KEY, an_assistant

Turn = Callable[[Turns, Key], AbstractAsyncContextManager[None]]
WRITES = 0.1
"""Seconds that a reconcile takes."""
OTHER = KEY[0], "other"
"""An Assistant that was not edited."""


async def _edited() -> Turns:
    """Turns, after an edit was captured."""
    turns = Turns()
    async with turns.to_capture(an_assistant()):
        return turns


async def _reconciled(turns: Turns, turn: Turn, keys: Sequence[Key]) -> list[float]:
    """Return when each of these was done."""
    begun, done = asyncio.get_running_loop().time(), list[float]()

    async def reconcile(key: Key) -> None:
        async with turn(turns, key):
            await asyncio.sleep(WRITES)
        done.append(round(asyncio.get_running_loop().time() - begun, 3))

    await asyncio.gather(*(reconcile(key) for key in keys))
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
@pytest.mark.parametrize(
    ("turn", "key"),
    [(Turns.to_reconcile_versions, KEY), (Turns.to_reconcile_assistant, OTHER)],
    ids=["versions", "other"],
)
def test_beside_edits_one_after_another(turn: Turn, key: Key, since_edit: float | None, expected: list[float]) -> None:
    async def scenario() -> list[float]:
        turns = Turns()
        if since_edit is not None:
            turns = await _edited()
            await asyncio.sleep(since_edit)
        return await _reconciled(turns, turn, [key] * 3)

    assert timeless(scenario()) == expected


@pytest.mark.parametrize(
    ("since_edit", "expected"),
    [
        pytest.param(1.0, [0.1, 0.1, 0.2], id="a moment ago"),
        pytest.param(6.0, [0.1, 0.2, 0.3], id="some time ago"),
    ],
)
def test_an_assistant_that_was_edited_waits_for_no_other(since_edit: float, expected: list[float]) -> None:
    async def scenario() -> list[float]:
        turns = await _edited()
        await asyncio.sleep(since_edit)
        async with turns.to_capture(an_assistant(meta={"name": "third"})):
            return await _reconciled(turns, Turns.to_reconcile_assistant, [OTHER, OTHER, KEY])

    assert timeless(scenario()) == expected


def test_a_graph_waits_for_no_assistant() -> None:
    async def scenario() -> list[float]:
        return await _reconciled(await _edited(), Turns.to_reconcile, [OTHER, OTHER])

    assert timeless(scenario()) == [0.1, 0.1]


@pytest.mark.parametrize("turn", [Turns.to_reconcile_versions, Turns.to_reconcile_assistant])
def test_one_that_fails_lets_the_next_begin(turn: Turn) -> None:
    async def scenario() -> list[float]:
        turns = await _edited()
        with pytest.raises(ZeroDivisionError):
            async with turn(turns, OTHER):
                raise ZeroDivisionError
        return await _reconciled(turns, turn, [OTHER])

    assert timeless(scenario()) == [0.1]


@pytest.mark.parametrize("turn", [Turns.to_reconcile_versions, Turns.to_reconcile_assistant])
def test_one_that_takes_long_does_not_keep_the_others_waiting(turn: Turn) -> None:
    async def scenario() -> list[float]:
        turns = await _edited()
        async with turn(turns, OTHER):
            return await _reconciled(turns, turn, [OTHER, OTHER])

    assert timeless(scenario()) == [2.1, 2.1]
