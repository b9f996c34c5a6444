"""What waits to be recorded: in order, each edit, bounded where the API server refuses to record it."""

from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.policy.versioning import with_control_of
from assistant_operator.store.capture_state import CaptureState, Pending
from harness.worlds import a_status, an_assistant


def at(generation: int, position: int = 0, **different: Any) -> Pending:
    meta = {"generation": generation, "resource_version": str(position or generation)}
    return Pending(an_assistant(meta=meta, **different), since=float(generation))


def a_ledger(*pending: Pending, observed: int = 0) -> CaptureState:
    capture_state = CaptureState(observed=observed)
    for each in pending:
        capture_state.add(each)
    return capture_state


def generations(capture_state: CaptureState) -> list[int]:
    return [each.generation for each in capture_state.pending]


def test_each_edit_waits_in_order_and_of_each_the_first_and_the_newest_state() -> None:
    capture_state = a_ledger(at(1), at(2), at(2, 20), at(2, 21), at(2, 22), at(3))
    assert [(each.generation, each.state.metadata.resource_version) for each in capture_state.pending] == [
        (1, "1"),
        (2, "2"),
        (2, "22"),
        (3, "3"),
    ]
    assert capture_state.newest == at(3).state


def test_the_oldest_edit_that_is_not_recorded_tells_since_when_it_waits() -> None:
    assert a_ledger(at(3), at(4), at(5), observed=3).edit_since == 4.0
    assert a_ledger(at(3), observed=3).edit_since is None
    assert a_ledger().newest is None


@pytest.mark.parametrize(
    ("state", "number", "is_in_spec"),
    [
        pytest.param(CaptureState(is_open=True, observed=2, latest=2), 2, True, id="it is captured"),
        pytest.param(CaptureState(is_open=True, observed=2, latest=2), 1, False, id="an older version"),
        pytest.param(CaptureState(is_open=True, observed=1, latest=2), 2, False, id="adopted, and the edit is refused"),
        pytest.param(CaptureState(observed=2, latest=2), 2, False, id="it is not known how far it is captured"),
        pytest.param(
            CaptureState(is_open=True, observed=2, latest=2, is_too_large=True), 2, False, id="the edit is too large"
        ),
    ],
)
def test_the_spec_has_the_content_of_the_latest_version_if_it_is_captured(
    state: CaptureState, number: int, *, is_in_spec: bool
) -> None:
    assert state.is_in_spec(at(2).state, number) is is_in_spec


@pytest.mark.parametrize(
    ("most", "size", "left"),
    [
        pytest.param(9, 10**9, [1, 2, 3, 4, 5], id="within both bounds"),
        pytest.param(3, 10**9, [1, 4, 5], id="too many: the first, which is being recorded, and the newest stay"),
        pytest.param(9, 0, [1, 5], id="no bytes left: still the first and the last"),
        pytest.param(0, 10**9, [1, 5], id="no states left: still the first and the last"),
    ],
)
def test_what_waits_is_bounded(most: int, size: int, left: list[int]) -> None:
    capture_state = a_ledger(*map(at, range(1, 6)))
    kept = capture_state.trim(most, size)
    assert generations(capture_state) == left
    assert kept == sum(each.size for each in capture_state.pending)


def test_bytes_count_too() -> None:
    capture_state = a_ledger(*(at(number, context={"prompt": "x" * 1000}) for number in range(1, 6)))
    assert capture_state.trim(9, 3_500) <= 3_500
    assert generations(capture_state) == [1, 4, 5]


def test_while_edits_are_refused_what_stands_beside_the_content_is_acted_upon() -> None:
    recorded = an_assistant(meta={"annotations": {"kubernetes.io/change-cause": "old"}})
    meta = {"generation": 9, "resource_version": "90", "annotations": {"kubernetes.io/change-cause": "new", "x": "y"}}
    newest = an_assistant(pin=2, suspend=True, context={"prompt": "four"}, meta=meta, status=a_status(versions=7))
    seen: Assistant = with_control_of(recorded, newest)
    assert (seen.pin, seen.spec.suspend, seen.status.versions) == (2, True, 7)
    assert seen.spec.snapshot.canonical == recorded.spec.snapshot.canonical
    assert (seen.metadata.generation, seen.metadata.resource_version) == (recorded.metadata.generation, "90")
    assert seen.metadata.annotations == {"kubernetes.io/change-cause": "old", "x": "y"}


@pytest.mark.parametrize(("said", "is_ahead"), [(0, True), (8, True), (9, False), (12, False)])
def test_it_is_ahead_of_a_status_from_before_the_edits_that_were_recorded_since(said: int, *, is_ahead: bool) -> None:
    capture_state = a_ledger(observed=9)
    seen = an_assistant(status=a_status(observed_generation=said), meta={"generation": 12})
    assert not capture_state.is_ahead_of(seen), "it was not opened yet"
    capture_state.is_open = True
    assert capture_state.is_ahead_of(seen) == is_ahead
