"""The health of watches: what is reported and logged, and when the process is not ready."""

import logging

import pytest

from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, Status
from assistant_operator.runtime.watch_health import TOLERANCE, WatchHealth

ONE, TWO, ALL = ("Assistant", "one"), ("Graph", "two"), ("AssistantVersion", "")
FORBIDDEN = ClusterRefused("GET /assistants", Status(403, "Forbidden", "assistants is forbidden"))
MISSING = ClusterRefused("GET /assistants", Status(404, "NotFound", "the server could not find it"))
UNAVAILABLE = ClusterUnavailable("GET /assistants: no answer")


class Watches:
    """Watch health with a clock that the test sets."""

    def __init__(self) -> None:
        self.now = 0.0
        self.health = WatchHealth((ONE, TWO, ALL), clock=lambda: self.now)


@pytest.fixture
def watches() -> Watches:
    return Watches()


def listed(watches: Watches) -> WatchHealth:
    for place in (ONE, TWO, ALL):
        watches.health.listed(place)
    return watches.health


def test_it_is_ready_once_everything_was_listed(watches: Watches) -> None:
    for place, left in ((ONE, 2), (TWO, 1), (ALL, 0)):
        assert not watches.health.is_ready()
        watches.health.listed(place)
        assert len(watches.health.problems()) == left
    assert watches.health.is_ready()


def test_what_is_not_listed_is_named_with_the_reason_and_what_to_do(watches: Watches) -> None:
    watches.health.fails(ONE, FORBIDDEN)
    watches.health.fails(ALL, MISSING)
    assert watches.health.problems() == [
        f"assistants in namespace 'one': {FORBIDDEN} (are the roles of deploy/ applied?)",
        "graphs in namespace 'two': not listed yet",
        f"assistantversions in all namespaces: {MISSING} (are the CustomResourceDefinitions of crds/ applied?)",
    ]


def test_a_short_failure_is_named_and_a_long_one_makes_it_unready(watches: Watches) -> None:
    health = listed(watches)
    health.fails(ONE, UNAVAILABLE)
    assert health.is_ready()
    assert health.problems() == ["assistants in namespace 'one': GET /assistants: no answer"]
    assert [health.is_failing(place) for place in (ONE, TWO, ALL)] == [True, False, False]
    watches.now = TOLERANCE + 1
    assert not health.is_ready()
    health.works(ONE)
    assert health.is_ready()
    assert health.problems() == []


def test_listing_alone_does_not_end_a_failure(watches: Watches) -> None:
    health = listed(watches)
    health.fails(ONE, FORBIDDEN)
    health.listed(ONE)
    assert health.is_failing(ONE)


def test_each_cause_of_a_failure_is_logged_once(watches: Watches, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    health = listed(watches)
    health.works(ONE)
    for error in (FORBIDDEN, FORBIDDEN, UNAVAILABLE, UNAVAILABLE, FORBIDDEN):
        health.fails(ONE, error)
    watches.now = 12.0
    health.works(ONE)
    health.works(ONE)
    assert [record.levelname for record in caplog.records] == ["WARNING"] * 3 + ["INFO"]
    assert caplog.messages[-1] == "resumed watch of assistants in namespace 'one' failed_for=12s"


def test_a_definition_that_lacks_columns_is_named_until_it_is_brought_up_to_date(
    watches: Watches, caplog: pytest.LogCaptureFixture
) -> None:
    health = listed(watches)
    for _ in range(2):
        health.set_missing_columns(ALL, ("Digest", "Valid"))
    (line,) = health.problems()
    assert line.startswith("the CustomResourceDefinition of assistantversions is older than this operator")
    assert "Digest, Valid" in line
    assert caplog.messages == [line], "logged once"
    assert health.missing_columns() == 2
    assert health.is_ready(), "an outdated definition does not affect readiness"
    health.set_missing_columns(ALL, ())
    assert (health.problems(), health.missing_columns()) == ([], 0)


def test_on_recovery_is_called_after_a_listing_and_when_a_failed_watch_works_again(watches: Watches) -> None:
    places: list[tuple[str, str]] = []
    watches.health.on_recovery = places.append
    watches.health.listed(ONE)
    watches.health.works(ONE)
    watches.health.fails(TWO, UNAVAILABLE)
    watches.health.works(TWO)
    assert places == [ONE, TWO]


def test_a_kind_that_an_upgrade_added_is_named_and_not_missed() -> None:
    added, now = ("AssistantAlias", ""), 0.0
    health = WatchHealth((ONE, added), clock=lambda: now, optional=("AssistantAlias",))
    health.listed(ONE)
    assert not health.is_ready(), "it is not known yet whether it is served"
    health.fails(added, MISSING)
    now = TOLERANCE + 1
    assert health.is_ready()
    (problem,) = health.problems()
    assert problem.startswith("assistantaliases in all namespaces: ")
    assert problem.endswith("(are the CustomResourceDefinitions of crds/ applied?)")
    health.listed(added)
    assert (health.is_ready(), health.problems()) == (True, [])
    health.fails(added, FORBIDDEN)
    now += TOLERANCE + 1
    assert not health.is_ready(), "forbidden is not missing"


def test_a_kind_that_is_not_optional_is_missed() -> None:
    health = WatchHealth((ONE,), optional=("AssistantAlias",))
    health.fails(ONE, MISSING)
    assert not health.is_ready()
