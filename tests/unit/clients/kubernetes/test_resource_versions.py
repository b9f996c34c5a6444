"""Whether the storage of the cluster went back: found by reads that were sent after newer ones were answered."""

import pytest

from assistant_operator.api.meta import position
from assistant_operator.clients.kubernetes.resource_versions import ResourceVersions


@pytest.mark.parametrize(
    ("resource_version", "number"), [("7", 7), ("10", 10), ("0", 0), ("", 0), ("opaque", 0), ("²", 0)]
)
def test_a_resource_version_as_a_number(resource_version: str, number: int) -> None:
    assert position(resource_version) == number


@pytest.mark.parametrize(
    ("before", "after", "epoch"),
    [
        pytest.param([], "5", 0, id="the first read"),
        pytest.param(["5"], "5", 0, id="nothing happened"),
        pytest.param(["5"], "10", 0, id="newer, though smaller as a text"),
        pytest.param(["5", "9", "7"], "9", 0, id="events of several objects need not come in order"),
        pytest.param(["5", "9"], "8", 1, id="older than what was seen before it was sent"),
    ],
)
def test_a_read_that_is_older_than_what_was_seen_begins_an_epoch(before: list[str], after: str, epoch: int) -> None:
    resource_versions = ResourceVersions()
    for each in before:
        resource_versions.record(each, 0)
    mark = resource_versions.mark()
    assert resource_versions.compare("Assistant", mark, after) == epoch
    assert resource_versions.mark().newest == max(map(int, [*before, after] if not epoch else [after]))


def test_what_is_seen_after_a_read_was_sent_says_nothing_about_it() -> None:
    resource_versions = ResourceVersions()
    mark = resource_versions.mark()
    resource_versions.record("9", 0)
    assert resource_versions.compare("Assistant", mark, "8") == 0


def test_all_kinds_have_one_storage() -> None:
    resource_versions = ResourceVersions()
    resource_versions.record("9", 0)
    assert resource_versions.compare("Graph", resource_versions.mark(), "1") == 1


def test_one_restore_is_one_epoch_whoever_finds_it() -> None:
    resource_versions = ResourceVersions()
    resource_versions.record("9", 0)
    marks = {kind: resource_versions.mark() for kind in ("Assistant", "Graph")}
    for kind, mark in marks.items():
        assert resource_versions.compare(kind, mark, "5") == 1
    resource_versions.record("9", 0)
    assert resource_versions.compare("Graph", resource_versions.mark(), "6") == 1, "an event from before was late"


def test_watches_are_ended_and_what_is_known_is_dropped() -> None:
    told: list[str] = []
    resource_versions = ResourceVersions()
    resource_versions.rewound = lambda: told.append("dropped")
    with resource_versions.ending(lambda: told.append("ended")):
        resource_versions.rewind("for a test")
    resource_versions.rewind("for a test")
    assert told == ["dropped", "ended", "dropped"]
    assert resource_versions.epoch == 2


def test_an_interruption_is_over_once_any_kind_is_read() -> None:
    resource_versions = ResourceVersions()
    assert resource_versions.is_confirmed()
    early = resource_versions.mark()
    resource_versions.interrupt()
    mark = resource_versions.mark()
    resource_versions.compare("Graph", early, "5")
    assert not resource_versions.is_confirmed(), "the read was sent before"
    resource_versions.compare("Assistant", mark, "5")
    assert resource_versions.is_confirmed()
    resource_versions.compare("Graph", early, "5")
    assert resource_versions.is_confirmed(), "an earlier read says nothing against it"
    resource_versions.interrupt()
    assert not resource_versions.is_confirmed()
