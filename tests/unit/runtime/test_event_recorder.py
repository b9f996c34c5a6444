"""The event recorder: deduplication, order, rate, limits of the API server, and failures."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading, Status
from assistant_operator.runtime.event_recorder import EventRecorder
from harness.support.timeless import timeless
from harness.worlds import GRAPH, GRAPH_UID, a_graph, an_assistant

FAILURES = [
    pytest.param(ClusterUnavailable("no answer"), id="no answer"),
    pytest.param(ClusterRefused("POST", Status(403, "Forbidden", "the namespace is being deleted")), id="refused"),
    pytest.param(ClusterRefused("POST", Status(404, "NotFound", kind="namespaces")), id="the namespace does not exist"),
    pytest.param(NotLeading("the Lease is not held"), id="not leading"),
]


class Posts(Cluster):
    """Records posted events with their times; it implements nothing else of a Cluster."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.posted: list[tuple[float, str, dict[str, Any]]] = []
        self._fails = fails

    async def post_event(self, namespace: str, event: dict[str, Any]) -> None:
        if fails := self._fails:
            self._fails = None
            raise fails
        self.posted.append((asyncio.get_running_loop().time(), namespace, event))


def posted(
    record: Callable[[EventRecorder], None],
    *,
    fails: Exception | None = None,
    within: float = 600,
    per_second: float = 20,
) -> list[tuple[float, str, dict[str, Any]]]:
    """Return what is posted within that time after `record`."""

    async def scenario() -> list[tuple[float, str, dict[str, Any]]]:
        cluster = Posts(fails)
        events = EventRecorder(cluster, instance="operator-0_1234", per_second=per_second)
        record(events)
        running = asyncio.ensure_future(events.run())
        await asyncio.sleep(within)
        assert not running.done()
        running.cancel()
        return cluster.posted

    return timeless(scenario())


def notes(record: Callable[[EventRecorder], None], **options: Any) -> list[str]:
    return [event["note"] for _, _, event in posted(record, **options)]


def activated(events: EventRecorder, note: str, about: Assistant | None = None) -> None:
    events.normal(about or an_assistant(), Reason.ACTIVATED, "Activate", note)


def test_the_fields_of_an_event() -> None:
    ((_, namespace, event),) = posted(lambda events: activated(events, "Activated bot-v3 in place of bot-v2"))
    assert namespace == "team"
    assert event.pop("eventTime").endswith("Z")
    assert event == {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "bot-", "namespace": "team"},
        "reportingController": "assistant-operator.dev/assistant-operator",
        "reportingInstance": "operator-0_1234",
        "type": "Normal",
        "reason": "Activated",
        "action": "Activate",
        "note": "Activated bot-v3 in place of bot-v2",
        "regarding": {
            "apiVersion": "assistant-operator.dev/v1alpha1",
            "kind": "Assistant",
            "name": "bot",
            "namespace": "team",
            "uid": "uid-of-bot",
            "resourceVersion": "30",
        },
    }


def test_a_warning_about_a_graph() -> None:
    ((_, _, event),) = posted(lambda events: events.warning(a_graph(), Reason.NAME_CONFLICT, "Decide", "taken"))
    assert (event["type"], event["reason"], event["note"]) == ("Warning", "NameConflict", "taken")
    assert (event["regarding"]["kind"], event["regarding"]["name"], event["regarding"]["uid"]) == (
        "Graph",
        GRAPH,
        GRAPH_UID,
    )


def same_twice(events: EventRecorder) -> None:
    for note in ("one", "one", "two", "two", "one"):
        activated(events, note)


def about_two_objects(events: EventRecorder) -> None:
    for uid in ("first", "second", "first"):
        activated(events, f"about {uid}", an_assistant(meta={"uid": uid}))


def for_two_reasons(events: EventRecorder) -> None:
    activated(events, "one")
    events.warning(an_assistant(), Reason.VERSION_LOST, "Restore", "lost")
    activated(events, "one")


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        pytest.param(same_twice, ["one", "two", "one"], id="not twice in a row"),
        pytest.param(about_two_objects, ["about first", "about second"], id="of each object"),
        pytest.param(for_two_reasons, ["one", "lost"], id="for each reason"),
    ],
)
def test_the_same_note_is_not_posted_twice_in_a_row(
    record: Callable[[EventRecorder], None], expected: list[str]
) -> None:
    assert notes(record) == expected


def many(count: int) -> Callable[[EventRecorder], None]:
    def record(events: EventRecorder) -> None:
        for number in range(count):
            activated(events, str(number))

    return record


def test_a_burst_is_slowed_down_and_events_beyond_the_limit_are_dropped() -> None:
    posts = posted(many(5_000))
    assert [event["note"] for _, _, event in posts] == [str(number) for number in range(500)]
    times = [when for when, _, _ in posts]
    assert times[-1] - times[0] == pytest.approx(499 / 20)
    assert len(posted(many(5_000), within=10, per_second=5)) in (50, 51)


def test_a_burst_in_one_namespace_does_not_delay_events_of_another() -> None:
    def record(events: EventRecorder) -> None:
        many(5_000)(events)
        activated(events, "elsewhere", an_assistant(meta={"namespace": "other", "uid": "other"}))

    posts = posted(record)
    assert [event["note"] for _, _, event in posts][:3] == ["0", "elsewhere", "1"]


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        pytest.param("x" * 2000, "x" * 1024, id="a long one"),
        pytest.param("€" * 2000, "€" * 341, id="bytes count, and no character is cut in two"),
        pytest.param("x" * 1024, "x" * 1024, id="one that just fits"),
    ],
)
def test_a_note_is_cut_to_the_limit_of_the_api_server(note: str, shown: str) -> None:
    assert notes(lambda events: activated(events, note)) == [shown]


def test_the_prefix_of_its_name_is_cut() -> None:
    long = an_assistant(meta={"name": "x" * 253})
    ((_, _, event),) = posted(lambda events: activated(events, "one", long))
    assert event["metadata"]["generateName"] == "x" * 200 + "-"


@pytest.mark.parametrize("failure", FAILURES)
def test_an_event_that_cannot_be_posted_stops_no_other(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "assistant_operator")
    assert notes(many(3), fails=failure) == ["1", "2"]
    assert caplog.messages == [f"dropped event: {failure}"]


class Refusing(Posts):
    """Refuses the events of one namespace until a time."""

    def __init__(self, until: float) -> None:
        super().__init__()
        self._until = until
        self.tries = 0

    async def post_event(self, namespace: str, event: dict[str, Any]) -> None:
        if namespace == "team" and asyncio.get_running_loop().time() < self._until:
            self.tries += 1
            raise ClusterRefused("POST", Status(403, "Forbidden", "no events here"))
        await super().post_event(namespace, event)


def test_events_of_a_namespace_that_refuses_them_are_posted_when_it_accepts_them() -> None:
    async def scenario() -> tuple[Refusing, list[str], int]:
        began, lost = asyncio.get_running_loop().time(), []
        cluster = Refusing(began + 20)
        events = EventRecorder(cluster, instance="x", count_lost=lambda: lost.append(1))
        many(8)(events)
        activated(events, "elsewhere", an_assistant(meta={"namespace": "other", "uid": "other"}))
        running = asyncio.ensure_future(events.run())
        await asyncio.sleep(60)
        running.cancel()
        assert cluster.posted[0][0] - began < 1, "another namespace does not wait"
        return cluster, [event["note"] for _, _, event in cluster.posted], len(lost)

    cluster, posts, lost = timeless(scenario())
    assert 3 <= cluster.tries == lost <= 6, "each try is one event, and the pauses grow"
    assert posts == ["elsewhere", *(str(number) for number in range(lost, 8))]


def test_queued_events_are_counted_and_dropped_duplicates_are_not() -> None:
    async def scenario() -> list[tuple[str, str]]:
        counted: list[tuple[str, str]] = []
        events = EventRecorder(Posts(), instance="x", count=lambda kind, reason: counted.append((kind, reason)))
        for_two_reasons(events)
        return counted

    assert timeless(scenario()) == [("Normal", "Activated"), ("Warning", "VersionLost")]
