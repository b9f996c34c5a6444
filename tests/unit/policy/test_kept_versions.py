"""The versions that exist, as decisions need them."""

from typing import Any

import pytest

from assistant_operator.policy.kept_versions import NO_VERSIONS, KeptVersions
from harness.worlds import a_record, records

KEPT = KeptVersions.of(records(7, 2, 10))


def test_they_are_in_order_of_their_numbers() -> None:
    assert [each.number for each in KEPT] == [2, 7, 10]
    assert [each.number for each in reversed(KEPT)] == [10, 7, 2]
    assert (len(KEPT), KEPT.newest, set(KEPT.numbers)) == (3, 10, {2, 7, 10})
    assert (len(NO_VERSIONS), NO_VERSIONS.newest, set(NO_VERSIONS.numbers)) == (0, 0, set())


@pytest.mark.parametrize(("number", "newer"), [(0, [10, 7, 2]), (2, [10, 7]), (3, [10, 7]), (10, [])])
def test_newer_ones_come_newest_first(number: int, newer: list[int]) -> None:
    assert [each.number for each in KEPT.newer_than(number)] == newer


@pytest.mark.parametrize(("limit", "beyond"), [(1, [2, 7]), (2, [2]), (3, []), (100, [])])
def test_beyond_a_limit_are_the_oldest(limit: int, beyond: list[int]) -> None:
    assert [each.number for each in KEPT.beyond(limit)] == beyond


@pytest.mark.parametrize("number", [None, 0, 3])
def test_there_is_no_other(number: int | None) -> None:
    assert KEPT.get(number) is None


@pytest.mark.parametrize(
    ("state", "is_settled"),
    [
        ({}, True),
        ({"valid": "False"}, True),
        ({"owner": None}, False),
        ({"is_labelled": False}, False),
        ({"is_being_deleted": True}, False),
        ({"valid": ""}, False),
        ({"active": ""}, False),
        ({"active": "True"}, False),
    ],
    ids=str,
)
def test_what_needs_a_decision_is_not_settled(state: dict[str, Any], is_settled: bool) -> None:  # noqa: FBT001
    record = a_record(1, **state)
    assert tuple(KeptVersions.of([record]).unsettled) == (() if is_settled else (record,))
