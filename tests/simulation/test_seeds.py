"""Random faults: eight hundred seeds here, as many as you like with `make simulate SEEDS=10000`."""

import pytest

from simulation.programs import simulate

SEEDS, AT_ONCE = 800, 200


@pytest.mark.parametrize("first", range(0, SEEDS, AT_ONCE))
def test_the_laws_hold_whatever_fails_at_random(first: int) -> None:
    simulate("--one-in", "0", "--first", str(first), "--seeds", str(AT_ONCE))
