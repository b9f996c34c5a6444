"""Random faults: two thousand seeds here, as many as you like with `make simulate SEEDS=10000`."""

import pytest

from simulation.programs import simulate

SEEDS, AT_ONCE = 2_000, 500


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_the_laws_hold_whatever_fails_at_random(first: int) -> None:
    simulate("--one-in", "0", "--first", str(first), "--seeds", str(AT_ONCE))
