"""Events: told once, in order, not too fast, cut to what the API server takes, and never in the way of anything."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.reason import Reason
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading, Status
from assistant_operator.runtime.event_recorder import EventRecorder
from support.timeless import timeless
from worlds import GRAPH, GRAPH_UID, a_graph, an_assistant

FAILURES = [
    pytest.param(ClusterUnavailable("no answer"), id="no answer"),
    pytest.param(ClusterRefused("POST", Status(403, "Forbidden", "the namespace is being deleted")), id="refused"),
    pytest.param(ClusterRefused("POST", Status(404, "NotFound", kind="namespaces")), id="the namespace is gone"),
    pytest.param(NotLeading("the Lease is not held"), id="not leading"),
]


class Pinboard(Cluster):
    """Takes events and notes when; everything else of a cluster is missing."""

    def __init__(self, fails: Exception | None = None) -> None:
        self.posted: list[tuple[float, str, dict[str, Any]]] = []
        self._fails = fails

    async def post_event(self, namespace: str, event: dict[str, Any]) -> None:
        if fails := self._fails:
            self._fails = None
            raise fails
        self.posted.append((asyncio.get_running_loop().time(), namespace, event))


def posted(
    tell: Callable[[EventRecorder], None],
    *,
    fails: Exception | None = None,
    within: float = 600,
    per_second: float = 20,
) -> list[tuple[float, str, dict[str, Any]]]:
    """What is posted within that time of what is told at once."""

    async def scenario() -> list[tuple[float, str, dict[str, Any]]]:
        board = Pinboard(fails)
        events = EventRecorder(board, instance="operator-0_1234", per_second=per_second)
        tell(events)
        running = asyncio.ensure_future(events.run())
        await asyncio.sleep(within)
        assert not running.done()
        running.cancel()
        return board.posted

    return timeless(scenario())


def notes(tell: Callable[[EventRecorder], None], **how: Any) -> list[str]:
    return [event["note"] for _, _, event in posted(tell, **how)]


def activated(events: EventRecorder, note: str, about: Assistant | None = None) -> None:
    events.normal(about or an_assistant(), Reason.ACTIVATED, "Activate", note)


def test_an_event_says_what_happened_to_which_object() -> None:
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
        activated(events, f"told of {uid}", an_assistant(meta={"uid": uid}))


def for_two_reasons(events: EventRecorder) -> None:
    activated(events, "one")
    events.warning(an_assistant(), Reason.VERSION_LOST, "Restore", "lost")
    activated(events, "one")


@pytest.mark.parametrize(
    ("tell", "told"),
    [
        pytest.param(same_twice, ["one", "two", "one"], id="not twice in a row"),
        pytest.param(about_two_objects, ["told of first", "told of second"], id="of each object"),
        pytest.param(for_two_reasons, ["one", "lost"], id="for each reason"),
    ],
)
def test_nothing_is_told_twice_in_a_row(tell: Callable[[EventRecorder], None], told: list[str]) -> None:
    assert notes(tell) == told


def many(count: int) -> Callable[[EventRecorder], None]:
    def tell(events: EventRecorder) -> None:
        for number in range(count):
            activated(events, str(number))

    return tell


def test_a_flood_is_slowed_down_and_its_end_is_dropped() -> None:
    told = posted(many(5_000))
    assert [event["note"] for _, _, event in told] == [str(number) for number in range(500)]
    times = [when for when, _, _ in told]
    assert times[-1] - times[0] == pytest.approx(499 / 20)
    assert len(posted(many(5_000), within=10, per_second=5)) in (50, 51)


def test_a_flood_in_one_namespace_keeps_no_event_of_another_waiting() -> None:
    def tell(events: EventRecorder) -> None:
        many(5_000)(events)
        activated(events, "elsewhere", an_assistant(meta={"namespace": "other", "uid": "other"}))

    told = posted(tell)
    assert [event["note"] for _, _, event in told][:3] == ["0", "elsewhere", "1"]


@pytest.mark.parametrize(
    ("note", "shown"),
    [
        pytest.param("x" * 2000, "x" * 1024, id="a long one"),
        pytest.param("€" * 2000, "€" * 341, id="bytes count, and no character is cut in two"),
        pytest.param("x" * 1024, "x" * 1024, id="one that just fits"),
    ],
)
def test_a_note_is_cut_to_what_the_api_server_takes(note: str, shown: str) -> None:
    assert notes(lambda events: activated(events, note)) == [shown]


def test_the_name_it_gets_is_cut_too() -> None:
    long = an_assistant(meta={"name": "x" * 253})
    ((_, _, event),) = posted(lambda events: activated(events, "one", long))
    assert event["metadata"]["generateName"] == "x" * 200 + "-"


@pytest.mark.parametrize("failure", FAILURES)
def test_an_event_that_cannot_be_posted_stops_no_other(failure: Exception, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "assistant_operator")
    assert notes(many(3), fails=failure) == ["1", "2"]
    assert caplog.messages == [f"dropped event: {failure}"]


class Closed(Pinboard):
    """Takes no event of one namespace for a while."""

    def __init__(self, opens: float) -> None:
        super().__init__()
        self._opens = opens
        self.tries = 0

    async def post_event(self, namespace: str, event: dict[str, Any]) -> None:
        if namespace == "team" and asyncio.get_running_loop().time() < self._opens:
            self.tries += 1
            raise ClusterRefused("POST", Status(403, "Forbidden", "no events here"))
        await super().post_event(namespace, event)


def test_events_that_are_refused_in_a_namespace_wait_there_and_are_told_when_they_may_be() -> None:
    async def scenario() -> tuple[Closed, list[str], int]:
        began, lost = asyncio.get_running_loop().time(), []
        board = Closed(began + 20)
        events = EventRecorder(board, instance="x", count_lost=lambda: lost.append(1))
        many(8)(events)
        activated(events, "elsewhere", an_assistant(meta={"namespace": "other", "uid": "other"}))
        running = asyncio.ensure_future(events.run())
        await asyncio.sleep(60)
        running.cancel()
        assert board.posted[0][0] - began < 1, "another namespace does not wait"
        return board, [event["note"] for _, _, event in board.posted], len(lost)

    board, told, lost = timeless(scenario())
    assert 3 <= board.tries == lost <= 6, "each try is one event, and the pauses grow"
    assert told == ["elsewhere", *(str(number) for number in range(lost, 8))]


def test_whoever_observes_hears_of_what_is_told_and_not_of_what_is_not() -> None:
    async def scenario() -> list[tuple[str, str]]:
        heard: list[tuple[str, str]] = []
        events = EventRecorder(Pinboard(), instance="x", count=lambda kind, reason: heard.append((kind, reason)))
        for_two_reasons(events)
        return heard

    assert timeless(scenario()) == [("Normal", "Activated"), ("Warning", "VersionLost")]
