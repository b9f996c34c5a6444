"""When no request is sent to a server, in virtual time."""

import asyncio

import pytest

from assistant_operator.clients.langgraph.circuit_breaker import CircuitBreaker
from harness.support.timeless import timeless

KEY, OTHER = b"one", b"other"


async def left(steps: str) -> float:
    """Return for how long the circuit is open after these steps: `fail`, `fail:<Retry-After>`, `succeed`, seconds."""
    breaker = CircuitBreaker()
    for step in steps.split():
        name, _, retry_after = step.partition(":")
        match name:
            case "fail":
                breaker.failed(KEY, f"error of {step}", float(retry_after) if retry_after else None)
            case "succeed":
                breaker.succeeded(KEY)
            case seconds:
                await asyncio.sleep(float(seconds))
    state = breaker.is_open(KEY)
    assert breaker.is_open(OTHER) is None
    return round(state[1], 3) if state else 0.0


@pytest.mark.parametrize(
    ("steps", "seconds"),
    [
        pytest.param("", 0.0, id="no request yet"),
        pytest.param("succeed", 0.0, id="no failure"),
        pytest.param("fail", 0.5, id="one failure"),
        pytest.param("fail 0.2", 0.3, id="time passes"),
        pytest.param("fail 0.5", 0.0, id="the time is over"),
        pytest.param("fail fail fail", 0.5, id="concurrent requests count as one failure"),
        pytest.param("fail 0.5 fail", 1.0, id="the second failure in a row"),
        pytest.param("fail 0.5 fail 1 fail 2 fail", 4.0, id="the delay doubles"),
        pytest.param("fail 1 fail 2 fail 4 fail 8 fail 16 fail 30 fail 30 fail", 30.0, id="the longest delay"),
        pytest.param("fail 0.5 fail 1 succeed fail", 0.5, id="a success resets the delay"),
        pytest.param("fail succeed", 0.5, id="a success of a concurrent request leaves the circuit open"),
        pytest.param("fail:60", 60.0, id="the server asks for a minute"),
        pytest.param("fail:60 fail", 60.0, id="a concurrent failure does not shorten it"),
        pytest.param("fail:60 succeed", 60.0, id="a concurrent success does not shorten it"),
        pytest.param("fail 0.5 fail 1 fail:0.1", 0.1, id="the server asks for less than the backoff"),
        pytest.param("fail 0.5 fail 301 fail", 0.5, id="a circuit is forgotten after five minutes"),
    ],
)
def test_how_long_a_circuit_is_open(steps: str, seconds: float) -> None:
    assert timeless(left(steps)) == seconds


def test_an_open_circuit_keeps_the_newest_error() -> None:
    async def error() -> str:
        breaker = CircuitBreaker()
        breaker.failed(KEY, "first")
        breaker.failed(KEY, "second")
        state = breaker.is_open(KEY)
        return state[0] if state else ""

    assert timeless(error()) == "second"
