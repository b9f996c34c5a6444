"""Edits are taken in at once and recorded in order in the background, whatever stands in the way."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext
from typing import Any, Literal

import pytest

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key, Resource
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, NotLeading, Status
from assistant_operator.clients.kubernetes.versions import AlreadyExists, Created, Creation, Rejected, Versions
from assistant_operator.controllers.capture import capture
from assistant_operator.controllers.capture.capture import EditCapture
from assistant_operator.controllers.capture.restoration import MOST_TRIES
from assistant_operator.controllers.capture.writer import MOST_STATES
from assistant_operator.policy.assistant_input import Selection
from assistant_operator.policy.versioning import CHANGED_BY, Edit, version
from assistant_operator.runtime.event_recorder import EventRecorder
from assistant_operator.runtime.metrics import Metrics
from assistant_operator.store.store import Store
from harness.simulated_world.leftovers import leftovers
from harness.support.timeless import timeless
from harness.worlds import KEY, UID, a_status, an_assistant

REFUSED = ClusterRefused("POST versions", Status(403, "Forbidden", "exceeded quota"))
BROKEN = ClusterUnavailable("POST versions: 500 InternalError: failed calling webhook")
BROKEN.is_answer = True
SILENT = ClusterUnavailable("POST versions: no answer")


class Made(Versions):
    """Makes versions, or fails as it is told, and notes when it was asked."""

    def __init__(self) -> None:
        self.fails: Exception | None = None
        self.is_ending = False
        """Whether their namespace is being deleted."""
        self.is_taken = False
        """Whether each name is taken, though no version can be read there."""
        self.takes = 0.0
        self.made: list[AssistantVersion] = []
        self.asked: list[float] = []
        self.reads = 0

    async def create(self, version: AssistantVersion) -> Creation:
        self.asked.append(asyncio.get_running_loop().time())
        await asyncio.sleep(self.takes)
        if self.fails:
            raise self.fails
        if self.is_ending:
            return Rejected("NamespaceTerminating", REFUSED)
        if self.is_taken:
            return AlreadyExists()
        self.made.append(version)
        meta = {"uid": f"uid-of-v{version.number}", "resource_version": str(1000 + version.number)}
        return Created(version.model_copy(update={"metadata": version.metadata.model_copy(update=meta)}))

    async def read(self, key: Key) -> AssistantVersion | None:
        self.reads += 1
        return next((each for each in self.made if each.key == key), None)


class Server(Cluster):
    """An API server that holds no past."""

    versions: Made

    def __init__(self) -> None:
        self.versions = Made()
        self.is_silent = False
        """Whether it answers no dry run."""

    async def reverts_annotation(self, kind: type[Resource], key: Key, annotation: str) -> bool:  # noqa: ARG002 (as its base has it)
        if self.is_silent:
            raise SILENT
        return True

    async def assistant_at(self, key: Key, resource_version: int) -> Literal["Expired"]:  # noqa: ARG002 (as its base has it)
        return "Expired"

    async def replay(self, key: Key, since: int, until: int) -> Literal["Expired"]:  # noqa: ARG002 (as its base has it)
        return "Expired"

    async def post_event(self, namespace: str, event: dict[str, Any]) -> None:
        """Nobody reads it."""


def no_turn(_: Assistant) -> AbstractAsyncContextManager[None]:
    return nullcontext()


class Bench:
    """A recorder that runs."""

    def __init__(self) -> None:
        self.server = Server()
        self.store = Store()
        self.woken: list[Key] = []
        events = EventRecorder(self.server, instance="x")
        self.edit_capture = EditCapture(
            self.server,
            self.store,
            enqueue_assistant=self.woken.append,
            events=events,
            metrics=Metrics(),
            turn=no_turn,
            record_user=True,
        )

    async def see(self, generation: int, *, deleted: bool = False, meta: Any = None, **different: Any) -> Assistant:
        """An edit, as the watch shows it."""
        meta = {"generation": generation, "resource_version": str(10 * generation), **(meta or {})}
        if deleted:
            meta["deletion_timestamp"] = "2026-03-01T12:00:00Z"
        state = an_assistant(meta=meta, status=AssistantStatus(), **{"context": {"n": generation}, **different})
        self.store.upsert_assistant(state)
        await self.edit_capture.observe(state)
        return state

    @property
    def captured(self) -> Assistant:
        state = self.store.captured(KEY)
        assert state
        return state

    def selection(self) -> Selection | None:
        recorded = self.store.record_of(self.captured).capture.result()
        return recorded.selection if recorded else None

    @property
    def users(self) -> list[str | None]:
        return [each.spec.change.user for each in self.server.versions.made]

    @property
    def contents(self) -> list[Any]:
        return [(each.spec.snapshot.context or {})["n"] for each in self.server.versions.made]


def running(work: Callable[[Bench], Awaitable[None]]) -> None:
    async def scenario() -> None:
        bench = Bench()
        task = asyncio.ensure_future(bench.edit_capture.run())
        await work(bench)
        assert not task.done()
        task.cancel()

    timeless(scenario())


@contextmanager
def at_once() -> Iterator[None]:
    began = asyncio.get_running_loop().time()
    yield
    assert asyncio.get_running_loop().time() == began, "nothing is waited for"


def test_each_edit_is_a_version_in_order() -> None:
    async def work(bench: Bench) -> None:
        with at_once():
            for generation in range(1, 200):
                await bench.see(generation)
        await asyncio.sleep(1)
        assert bench.contents == list(range(1, 200))
        assert bench.woken[-1] == KEY
        assert bench.captured.metadata.generation == 199

    running(work)


def test_a_status_from_before_an_edit_that_is_being_recorded_says_nothing_of_it_afterwards() -> None:
    """The history was taken to end before that edit, and the edit was recorded once more if its version was gone."""

    async def work(bench: Bench) -> None:
        await bench.see(1)
        await asyncio.sleep(1)
        bench.server.versions.takes = 5.0
        edited = await bench.see(2)
        await asyncio.sleep(1)
        told = AssistantStatus(observed_generation=1, latest_version=1)
        reads = bench.server.versions.reads
        await bench.edit_capture.observe(edited.model_copy(update={"status": told}), anew=True)
        await asyncio.sleep(60)
        assert bench.contents == [1, 2]
        recorded = bench.store.record_of(edited).capture.result()
        assert recorded is not None
        assert (recorded.generation, recorded.latest) == (2, 2)
        assert (len(bench.server.versions.asked), bench.server.versions.reads) == (2, reads), "it is known already"

    running(work)


def test_while_versions_are_refused_it_is_told_and_tried_with_growing_pauses_and_nobody_waits() -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.fails = REFUSED
        with at_once():
            first = await bench.see(1)
            await bench.see(2)
        await asyncio.sleep(60)
        recorded = bench.store.record_of(first).capture.result()
        assert recorded is not None
        assert (recorded.generation, recorded.refusal) == (0, str(REFUSED))
        assert bench.woken == [KEY]
        assert 5 <= len(bench.server.versions.asked) <= 7
        await asyncio.sleep(3_000)
        pauses = [b - a for a, b in zip(bench.server.versions.asked, bench.server.versions.asked[1:], strict=False)]
        assert max(pauses) == pytest.approx(300)
        bench.server.versions.fails = None
        await asyncio.sleep(301)
        assert bench.contents == [1, 2]
        recorded = bench.store.record_of(first).capture.result()
        assert recorded is not None
        assert (recorded.generation, recorded.refusal) == (2, None)

    running(work)


def test_in_a_namespace_that_is_being_deleted_an_edit_is_tried_once_and_never_counts_as_captured() -> None:
    async def work(bench: Bench) -> None:
        await bench.see(1)
        await asyncio.sleep(1)
        bench.server.versions.is_ending = True
        state = await bench.see(2)
        await asyncio.sleep(1_000)
        capture = bench.store.record_of(state).capture
        assert len(bench.server.versions.asked) == 2
        assert not capture.lags_behind(2)
        recorded = capture.result()
        assert recorded is not None
        assert (recorded.generation, recorded.latest, recorded.refusal) == (1, 1, str(REFUSED))
        await bench.see(2, deleted=True, meta={"resource_version": "30"})
        await asyncio.sleep(1_000)
        assert len(bench.server.versions.asked) == 2
        assert bench.captured.metadata.is_being_deleted, "its copies are to be withdrawn"
        assert bench.captured.spec.context == {"n": 1}

    running(work)


def test_nothing_is_kept_of_an_assistant_that_went_with_its_namespace() -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.is_ending = True
        await bench.see(1)
        await asyncio.sleep(1)
        await bench.see(1, deleted=True, meta={"resource_version": "20"})
        await asyncio.sleep(1)
        bench.store.drop_assistant(KEY)
        assert leftovers(bench.edit_capture, frozenset({UID}), frozenset()) == []

    running(work)


@pytest.mark.parametrize("is_first_state", [True, False])
def test_after_a_restart_a_deletion_in_such_a_namespace_is_acted_upon(*, is_first_state: bool) -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.is_ending = True
        if not is_first_state:
            await bench.see(2)
            await asyncio.sleep(1)
        await bench.see(2, deleted=True, meta={"resource_version": "30"})
        await asyncio.sleep(1)
        assert bench.captured.metadata.is_being_deleted

    running(work)


def by(user: str) -> Any:
    return {"annotations": {CHANGED_BY: user}}


def test_each_version_has_the_user_of_its_own_edit() -> None:
    async def work(bench: Bench) -> None:
        bench.server.is_silent = True
        for generation, user in enumerate(("alice", "bob", "alice"), 1):
            await bench.see(generation, meta=by(user))
        await asyncio.sleep(1)
        assert bench.contents == []
        bench.server.is_silent = False
        await asyncio.sleep(20)
        assert (bench.contents, bench.users) == ([1, 2, 3], ["alice", "bob", "alice"])

    running(work)


@pytest.mark.parametrize(
    ("owner", "cause"),
    [
        pytest.param(UID, None, id="the annotation stayed as it was then"),
        pytest.param("a-predecessor", "a ticket", id="it was another Assistant's"),
    ],
)
def test_after_a_restart_the_cause_before_is_that_of_the_newest_version_of_this_history(
    owner: str, cause: str | None
) -> None:
    async def work(bench: Bench) -> None:
        annotations = {"kubernetes.io/change-cause": "a ticket"}
        earlier = an_assistant(meta={"uid": owner, "generation": 1, "annotations": annotations}, context={"n": 1})
        first = version(Edit(earlier, 1, None, is_first=True))
        second = version(Edit(an_assistant(meta={"generation": 2}, context={"n": 2}), 2, first))
        bench.server.versions.made = [first, second]
        for each in (first, second):
            bench.store.versions.put(each.record())
        status = a_status(latest_version=2, observed_generation=2)
        state = an_assistant(meta={"annotations": annotations}, status=status, context={"n": 3})
        bench.store.upsert_assistant(state)
        await bench.edit_capture.observe(state)
        await asyncio.sleep(1)
        assert bench.contents == [1, 2, 3]
        assert bench.server.versions.made[-1].spec.change.cause == cause

    running(work)


def test_who_pins_a_version_is_known_also_while_an_edit_before_is_refused() -> None:
    async def work(bench: Bench) -> None:
        await bench.see(1, meta=by("alice"))
        await asyncio.sleep(1)
        assert bench.selection() is None
        bench.server.versions.fails = REFUSED
        await bench.see(2, meta=by("bob"))
        await asyncio.sleep(1)
        await bench.see(3, pin=1, context={"n": 2}, meta=by("carol"))
        assert bench.captured.pin == 1
        assert bench.selection() == Selection(3, is_pin=True, user="carol")
        bench.server.versions.fails = None
        await asyncio.sleep(10)
        assert (bench.contents, bench.users) == ([1, 2], ["alice", "bob"])
        assert bench.selection() == Selection(3, is_pin=True, user="carol")
        await bench.see(4, pin=1, context={"n": 4}, meta=by("dave"))
        await asyncio.sleep(1)
        assert (bench.users[-1], bench.selection()) == ("dave", Selection(3, is_pin=True, user="carol"))

    running(work)


def test_a_pin_and_a_deletion_are_acted_upon_while_an_edit_before_them_is_refused() -> None:
    async def work(bench: Bench) -> None:
        await bench.see(1)
        await asyncio.sleep(1)
        bench.server.versions.fails = REFUSED
        await bench.see(2)
        await asyncio.sleep(1)
        bench.woken.clear()
        await bench.see(3, pin=1, deleted=True, context={"n": 2})
        assert bench.woken == [KEY]
        seen = bench.captured
        assert (seen.pin, seen.metadata.is_being_deleted, seen.spec.context) == (1, True, {"n": 1})
        bench.server.versions.fails = None
        await asyncio.sleep(10)
        assert bench.contents == [1, 2]
        assert (bench.captured.metadata.generation, bench.captured.pin) == (3, 1)

    running(work)


def test_what_waits_is_bounded_and_what_nobody_holds_any_more_is_counted() -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.fails = REFUSED
        for generation in range(1, 301):
            state = await bench.see(generation)
        await asyncio.sleep(1)
        bench.server.versions.fails = None
        await asyncio.sleep(600)
        assert bench.contents[0] == 1
        assert bench.contents[-1] == 300
        assert len(bench.contents) == MOST_STATES
        recorded = bench.store.record_of(state).capture.result()
        assert recorded is not None
        assert recorded.missed == 300 - MOST_STATES

    running(work)


@pytest.mark.parametrize(
    ("bound", "fitting", "assistants", "kept"),
    [
        pytest.param("MOST_BYTES", 5, 1, 5, id="of one Assistant"),
        pytest.param("MOST_BYTES", 5, 3, 15, id="of each Assistant"),
        pytest.param("MOST_BYTES_IN_ALL", 9, 3, 9, id="of all together"),
        pytest.param("MOST_BYTES_IN_ALL", 1, 3, 6, id="but never the first and the last of each"),
    ],
)
def test_the_bytes_that_wait_are_bounded(
    bound: str, fitting: int, assistants: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`fitting`: so many contents of a thousand characters each are within the bound."""
    monkeypatch.setattr(capture, bound, fitting * 1_100)

    async def work(bench: Bench) -> None:
        bench.server.versions.fails = REFUSED
        for generation in range(1, 31):
            for number in range(assistants):
                meta = {"name": f"bot{number}", "uid": f"uid-{number}"}
                await bench.see(generation, meta=meta, context={"n": generation, "text": "x" * 1_000})
            await asyncio.sleep(0.01)
        await asyncio.sleep(5)
        bench.server.versions.fails = None
        await asyncio.sleep(900)
        assert len(bench.server.versions.made) == kept
        assert bench.contents.count(1) == assistants
        assert bench.contents.count(30) == assistants

    running(work)


def test_a_name_that_is_taken_by_nothing_is_tried_a_few_times_and_later_again() -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.is_taken = True
        await bench.see(1)
        await asyncio.sleep(0.01)
        assert len(bench.server.versions.asked) == MOST_TRIES, "no loop without a pause"
        bench.server.versions.is_taken = False
        await asyncio.sleep(30)
        assert bench.contents == [1]

    running(work)


def test_what_is_refused_of_an_assistant_that_is_gone_is_given_up() -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.fails = REFUSED
        await bench.see(1)
        await bench.see(2)
        await asyncio.sleep(20)
        bench.store.drop_assistant(KEY)
        tries = len(bench.server.versions.asked)
        await asyncio.sleep(1_000)
        assert len(bench.server.versions.asked) == tries
        assert KEY not in bench.store.assistants

    running(work)


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        pytest.param(BROKEN, str(BROKEN), id="errors of the API server are told once they last"),
        pytest.param(SILENT, None, id="no answer says nothing of this object"),
        pytest.param(NotLeading("the Lease is not held"), None, id="the Lease is in doubt"),
        pytest.param(RuntimeError("a bug"), None, id="a bug"),
    ],
)
def test_whatever_fails_for_a_while_loses_no_edit(failure: Exception, told: str | None) -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.fails = failure
        state = await bench.see(1)
        await asyncio.sleep(20)
        recorded = bench.store.record_of(state).capture.result()
        assert recorded is not None
        assert recorded.refusal is None
        await asyncio.sleep(40)
        recorded = bench.store.record_of(state).capture.result()
        assert recorded is not None
        assert recorded.refusal == told
        await bench.see(2)
        bench.server.versions.fails = None
        await asyncio.sleep(30)
        assert bench.contents == [1, 2]
        recorded = bench.store.record_of(state).capture.result()
        assert recorded is not None
        assert (recorded.generation, recorded.refusal) == (2, None)

    running(work)


def test_another_operators_status_is_taken_in_at_once_though_a_version_is_refused() -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.fails = REFUSED
        await bench.see(1)
        await asyncio.sleep(200)
        with at_once():
            meta = {"generation": 1, "resource_version": "99"}
            status = AssistantStatus(observed_generation=1, latest_version=1, active_version=1)
            await bench.edit_capture.observe(an_assistant(meta=meta, status=status, context={"n": 1}), anew=True)
        bench.woken.clear()
        await asyncio.sleep(0.1)
        assert bench.woken == [KEY]
        assert bench.captured.status.active_version == 1

    running(work)


def test_the_longest_wait_is_that_of_the_oldest_edit() -> None:
    async def work(bench: Bench) -> None:
        bench.server.versions.fails = REFUSED
        await bench.see(1)
        await asyncio.sleep(40)
        await bench.see(2)
        assert bench.edit_capture._longest() == pytest.approx(40)  # noqa: SLF001 (read by a gauge)

    running(work)
