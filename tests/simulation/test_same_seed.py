"""The same seed gives the same schedule: what a seed finds can be looked at again."""

import pytest

from simulation.chaos import run_seed
from simulation.programs import python


@pytest.mark.parametrize("seed", [0, 3, 8])
def test_a_seed_gives_the_same_trace_twice_in_one_process(seed: int) -> None:
    first, second = (run_seed(seed).simulation.trace.text() for _ in range(2))
    assert first == second


def test_a_seed_gives_the_same_trace_in_two_processes() -> None:
    first, second = (python("-m", "simulation", "--seed", "3", "--trace").stdout for _ in range(2))
    assert first == second
    assert "all faults end" in first
