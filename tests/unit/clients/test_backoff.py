"""Delays of an exponential backoff."""

import pytest

from assistant_operator.clients.backoff import Backoff


@pytest.mark.parametrize(
    ("backoff", "failures", "retry_after", "delay"),
    [
        pytest.param(Backoff(0.5, 30.0), 1, None, 0.5, id="the first delay"),
        pytest.param(Backoff(0.5, 30.0), 2, None, 1.0, id="the factor is 2 by default"),
        pytest.param(Backoff(0.5, 30.0), 6, None, 16.0, id="the last delay below the longest"),
        pytest.param(Backoff(0.5, 30.0), 7, None, 30.0, id="the longest delay"),
        pytest.param(Backoff(0.5, 30.0), 10**6, None, 30.0, id="a number of failures that would overflow"),
        pytest.param(Backoff(1.0, 100.0, factor=3.0), 3, None, 9.0, id="another factor"),
        pytest.param(Backoff(60.0, 30.0), 1, None, 30.0, id="a first delay above the longest"),
        pytest.param(Backoff(0.5, 30.0), 3, 10.0, 10.0, id="the server asks for more"),
        pytest.param(Backoff(0.5, 30.0), 6, 10.0, 16.0, id="the server asks for less"),
        pytest.param(Backoff(0.5, 30.0), 1, 300.0, 300.0, id="the server asks for more than the longest"),
        pytest.param(Backoff(0.5, 30.0), 1, 0.0, 0.5, id="the server asks for nothing"),
    ],
)
def test_delay(backoff: Backoff, failures: int, retry_after: float | None, delay: float) -> None:
    assert backoff.delay(failures, retry_after) == delay


def test_jitter_spreads_the_delays_in_both_directions() -> None:
    delays = [Backoff(1.0, 4.0, jitter=0.2).delay(9) for _ in range(1000)]
    assert 3.2 <= min(delays) < 3.4
    assert 4.6 < max(delays) <= 4.8


def test_jitter_never_shortens_what_the_server_asks_for() -> None:
    assert min(Backoff(1.0, 4.0, jitter=0.2).delay(1, 1.1) for _ in range(1000)) == 1.1
