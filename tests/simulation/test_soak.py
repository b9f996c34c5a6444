"""An hour of edits is for `make soak`; here is what it measures with."""

from typing import Any

import pytest

from assistant_operator.store.store import Store
from harness.simulated_world.leftovers import weight
from harness.worlds import an_assistant
from simulation.soak import Sample, growth, soak


def test_each_minute_is_a_sample_of_recorded_edits() -> None:
    shown: list[Sample] = []
    samples = soak(2, 1.0, shown.append)
    assert samples == shown
    assert [each.edits for each in samples] == [60, 120]
    assert all(each.size > 100_000 and each.objects > 1_000 for each in samples)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        pytest.param([(10, 10), (20, 10), (20, 10), (20, 10)], 1.0, id="filled up, then flat"),
        pytest.param([(10, 10), (20, 10), (30, 10), (40, 10)], 2.0, id="ever more bytes"),
        pytest.param([(10, 10), (20, 10), (20, 10), (20, 30)], 3.0, id="ever more objects"),
    ],
)
def test_growth_is_the_end_beside_half_of_the_time(samples: list[tuple[int, int]], expected: Any) -> None:
    assert growth([Sample(0, size, objects) for size, objects in samples]) == expected


def test_what_the_store_keeps_weighs() -> None:
    store = Store()
    before = weight(store)
    store.upsert_assistant(an_assistant(context={"prompt": "x" * 100_000}))
    assert weight(store) - before > 100_000
    store.drop_assistant(an_assistant().key)
    assert weight(store) - before < 10_000
