"""What is remembered of schema validation: how much, and for how long."""

import pytest

from assistant_operator.api.schema_result import Fit, Invalid, SchemaError, Valid
from assistant_operator.clients.schema.result_cache import ResultCache


class Clock:
    """Goes on when it is told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.mark.parametrize("fit", [Valid(), Invalid("/context: no"), SchemaError("no schema")], ids=str)
def test_what_is_final_stays(clock: Clock, fit: Fit) -> None:
    memory = ResultCache(most=2, most_characters=100, clock=clock)
    assert memory.get("a") is None
    assert memory.put("a", fit) == fit
    clock.now += 1e9
    assert memory.get("a") == fit


def test_what_is_not_final_is_asked_again_later_each_time(clock: Clock) -> None:
    memory = ResultCache(most=2, most_characters=100, clock=clock)
    delays = []
    for _ in range(9):
        put = memory.put("a", SchemaError("crashed", 3600.0))
        assert isinstance(put, SchemaError)
        assert put.retry_after is not None
        delays.append(put.retry_after)
        clock.now += put.retry_after - 1
        known = memory.get("a")
        assert isinstance(known, SchemaError)
        assert known.retry_after == 1
        clock.now += 1
        assert memory.get("a") is None
    assert delays == [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]
    memory.put("a", Valid())
    assert memory.get("a") == Valid()
    after_a_success = memory.put("a", SchemaError("crashed", 3600.0))
    assert isinstance(after_a_success, SchemaError)
    assert after_a_success.retry_after == 120


def test_the_oldest_is_dropped_for_a_new_one() -> None:
    memory = ResultCache(most=2, most_characters=100)
    for key in "abc":
        memory.put(key, Invalid(key))
    assert [memory.get(key) for key in "abc"] == [None, Invalid("b"), Invalid("c")]


def test_long_messages_are_bounded_together() -> None:
    memory = ResultCache(most=100, most_characters=100)
    for number in range(10):
        memory.put(str(number), Invalid(str(number) * 40))
        memory.put("same", Invalid("x" * 40))
    assert [number for number in range(10) if memory.get(str(number))] == [9]
    memory.put("huge", Invalid("x" * 1000))
    assert memory.get("huge") == Invalid("x" * 1000), "the newest is kept, whatever its length"
    assert memory.get("same") is None
