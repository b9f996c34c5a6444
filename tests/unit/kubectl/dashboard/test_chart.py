"""Which version was in force when, to scale."""

from datetime import timedelta

import pytest

from assistant_operator.kubectl.dashboard.chart import chart
from assistant_operator.kubectl.dashboard.rows import ActivationRow
from harness.worlds import NOW


def ago(number: int, hours: float, **different: str) -> ActivationRow:
    return ActivationRow(number, NOW - timedelta(hours=hours), **different)


def test_without_activations_there_is_no_chart() -> None:
    assert chart((), NOW) is None


def test_widths_are_to_scale_and_a_version_has_one_lane() -> None:
    found = chart((ago(1, 1), ago(2, 4), ago(1, 10)), NOW)
    assert found
    lanes = [
        (lane.number, [(bar.start, bar.width, bar.is_now) for bar in lane.bars], lane.total) for lane in found.lanes
    ]
    assert lanes == [(2, [(60, 30, False)], "3h"), (1, [(0, 60, False), (90, 10, True)], "7h")]


def test_of_two_activations_within_a_second_the_first_of_the_status_is_the_newer_one() -> None:
    found = chart((ago(2, 1), ago(1, 1)), NOW)
    assert found
    assert [(lane.number, lane.bars[0].is_now) for lane in found.lanes] == [(2, True), (1, False)]


def test_a_short_time_stays_visible_and_inside() -> None:
    found = chart((ago(2, 0), ago(1, 1000)), NOW)
    assert found
    bar = found.lanes[0].bars[0]
    assert (bar.start, bar.width) == (99.6, 0.4)


def test_a_bar_says_when_and_why() -> None:
    found = chart((ago(2, 1, user="ann", cause="legal"), ago(1, 3)), NOW)
    assert found
    assert [lane.bars[0].title for lane in found.lanes] == [
        "v2: 2026-03-01 11:00:00 to now (60m) · ann · legal",
        "v1: 2026-03-01 09:00:00 to 2026-03-01 11:00:00 (120m)",
    ]


@pytest.mark.parametrize(
    ("hours", "labels"),
    [
        (0.001, ["11:59:57", "11:59:58", "11:59:59", "12:00:00"]),
        (2, ["10:00", "10:30", "11:00", "11:30", "12:00"]),
        (24, ["12:00", "18:00", "00:00", "06:00", "12:00"]),
        (24 * 20, ["2026-02-12", "2026-02-19", "2026-02-26"]),
        (24 * 365 * 3, ["2023-12-19", "2024-12-18", "2025-12-18"]),
    ],
)
def test_ticks_are_at_round_times(hours: float, labels: list[str]) -> None:
    found = chart((ago(1, hours),), NOW)
    assert found
    assert [tick.label for tick in found.ticks] == labels


def test_a_clock_that_is_behind_the_cluster_is_no_error() -> None:
    found = chart((ago(1, -1),), NOW)
    assert found
    assert found.lanes[0].bars[0].start == 0
