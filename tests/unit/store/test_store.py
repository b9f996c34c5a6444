"""What was seen: one record an object, the newest state wins, and no index points at what is gone."""

from collections.abc import Callable
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.policy.stored import Unstored
from assistant_operator.store.records import AppliedDefault
from assistant_operator.store.store import Store
from harness.worlds import (
    BOT,
    EARLIER,
    GRAPH,
    KEY,
    NAMESPACE,
    OWNED_BY_GRAPH,
    a_default,
    a_graph,
    a_graph_status,
    a_record,
    an_assistant,
)

SUPPORT, BILLING = (NAMESPACE, GRAPH), (NAMESPACE, "billing")
DELETED = {"deletion_timestamp": EARLIER, "finalizers": ("orphan",)}


def at(position: int, name: str = BOT, graph: str = GRAPH, **different: Any) -> Assistant:
    """An Assistant as it was at that resource version."""
    meta = {"name": name, "resource_version": str(position), **different.pop("meta", {})}
    return an_assistant(meta=meta, graph_ref={"name": graph}, **different)


def seen(*assistants: Assistant) -> Store:
    store = Store()
    for each in assistants:
        store.upsert_assistant(each)
    return store


def test_a_record_holds_the_newest_state_until_the_object_is_gone() -> None:
    store = seen(at(1))
    record = store.assistants[KEY]
    assert store.upsert_assistant(at(2)) is None
    assert (store.assistants[KEY], store.latest(KEY)) == (record, at(2))
    assert store.record_of(at(1)) is record
    assert store.drop_assistant(KEY) is record
    assert record.is_gone
    assert (store.latest(KEY), store.captured(KEY), store.drop_assistant(KEY)) == (None, None, None)


def test_another_object_of_the_same_name_has_a_record_of_its_own() -> None:
    store = seen(at(1))
    record, successor = store.assistants[KEY], at(2, meta={"uid": "new"})
    assert store.upsert_assistant(successor) is record
    assert record.is_gone
    assert store.record_of(successor) is store.assistants[KEY] is not record


def test_what_is_written_of_an_object_that_is_gone_is_kept_nowhere() -> None:
    store = seen(at(2, meta={"uid": "new"}))
    late = store.record_of(at(1))
    assert late.is_gone
    late.lost_versions |= {3}
    store.add_validating_graph(late, BILLING)
    assert store.assistants[KEY].lost_versions == frozenset()
    assert store.validated_by(BILLING) == frozenset()


@pytest.mark.parametrize(
    ("position", "uid", "outdated", "succeeded"),
    [
        pytest.param(9, "uid-of-bot", True, False, id="an older state"),
        pytest.param(10, "uid-of-bot", False, False, id="the same state"),
        pytest.param(11, "uid-of-bot", False, False, id="a newer state"),
        pytest.param(9, "uid-of-a-predecessor", True, True, id="an object before it of the same name"),
        pytest.param(11, "uid-of-a-successor", False, False, id="one made since"),
    ],
)
def test_older_states_are_told_by_their_position(position: int, uid: str, *, outdated: bool, succeeded: bool) -> None:
    store = seen(at(10))
    state = at(position, meta={"uid": uid})
    assert (store.is_outdated(state), store.is_replaced(state)) == (outdated, succeeded)
    assert not Store().is_outdated(state)


def test_the_assistants_of_a_graph_follow_their_reference() -> None:
    store = Store()
    store.upsert_assistant(at(1))
    store.upsert_assistant(at(1, name="other"))
    assert store.assistants_of(SUPPORT) == {KEY, (NAMESPACE, "other")}
    store.upsert_assistant(at(2, graph="billing"))
    assert store.assistants_of(SUPPORT) == {(NAMESPACE, "other")}
    assert store.assistants_of(BILLING) == {KEY}
    store.drop_assistant(KEY)
    assert store.assistants_of(BILLING) == frozenset()
    assert store.assistants_of(("elsewhere", GRAPH)) == frozenset()


def test_a_graph_concerns_whoever_has_a_version_of_it_for_as_long_as_they_are_there() -> None:
    store = Store()
    store.upsert_assistant(at(1, graph="billing"))
    store.add_validating_graph(store.assistants[KEY], SUPPORT)
    assert store.validated_by(SUPPORT) == {KEY}
    assert store.assistants_of(SUPPORT) == frozenset()
    assert store.validated_by(BILLING) == {KEY}
    store.drop_assistant(KEY)
    assert store.validated_by(SUPPORT) == frozenset()


def test_the_assistants_a_graph_controls() -> None:
    store = Store()
    store.upsert_assistant(a_default())
    store.upsert_assistant(at(1))
    store.upsert_assistant(
        at(1, name="dead", meta={"owner_references": (OWNED_BY_GRAPH.model_copy(update={"uid": "dead"}),)})
    )
    assert list(store.controlled_by(a_graph())) == [a_default()]
    released = a_default()
    store.upsert_assistant(
        released.model_copy(update={"metadata": released.metadata.model_copy(update={"owner_references": ()})})
    )
    assert list(store.controlled_by(a_graph())) == []


def test_a_graph_seen_before_a_write_has_the_status_that_was_written() -> None:
    """An event between two writes must not put the status of the first back."""
    store, written = Store(), a_graph_status(assistants=7)
    graph, later = (a_graph(meta={"resource_version": position}) for position in ("10", "15"))
    store.upsert_graph(graph)
    now = store.assume_graph_status(graph, written, 20)
    assert now is not None
    assert now.status == written
    assert store.upsert_graph(later).latest.status == written
    latest = store.graph(SUPPORT)
    assert latest
    assert latest.metadata.resource_version == "15"
    shown = a_graph(meta={"resource_version": "20"}, status=a_graph_status(assistants=8))
    record = store.upsert_graph(shown)
    assert record.latest == shown
    assert record.writes.unstored == Unstored(written, shown.status)
    store.drop_graph(SUPPORT)
    assert store.assume_graph_status(graph, written, 30) is None


@pytest.mark.parametrize(
    ("change", "is_kept"),
    [
        pytest.param(lambda store: store.upsert_graph(with_default(GRAPH, "2")), True, id="nothing that concerns it"),
        pytest.param(
            lambda store: store.drop_assistant((NAMESPACE, GRAPH)), False, id="the default Assistant was deleted"
        ),
        pytest.param(lambda store: store.upsert_graph(with_default("x", "2")), False, id="another one is the default"),
        pytest.param(
            lambda store: (store.rewind(), store.upsert_graph(with_default(GRAPH, "1"))),
            False,
            id="the storage went back",
        ),
        pytest.param(
            lambda store: store.upsert_graph(with_default(GRAPH, "2", uid="new")),
            False,
            id="another Graph of that name",
        ),
    ],
)
def test_what_was_applied_to_a_default_assistant(change: Callable[[Store], object], *, is_kept: bool) -> None:
    store = seen(a_default())
    store.upsert_graph(with_default(GRAPH, "1")).applied = AppliedDefault(GRAPH, 9, {})
    change(store)
    assert (store.graphs[SUPPORT].applied is not None) is is_kept


def with_default(name: str, position: str, uid: str = "uid-of-graph") -> Any:
    return a_graph(meta={"resource_version": position, "uid": uid}, default_assistant={"name": name})


def test_the_last_assistant_that_is_validated_is_told_from_the_others() -> None:
    store = seen(at(1), at(1, name="other"))
    store.upsert_graph(a_graph())
    store.await_validation(SUPPORT, store.assistants_of(SUPPORT))
    records = [store.assistants[KEY], store.assistants[NAMESPACE, "other"]]
    assert store.finish_validation(records[0]) == []
    assert store.finish_validation(records[0]) == [], "once more"
    assert store.graphs[SUPPORT].unvalidated == {(NAMESPACE, "other")}
    assert store.finish_validation(records[1]) == [SUPPORT]
    assert not records[1].validation.awaiting_graphs


def test_nothing_is_kept_of_what_is_gone() -> None:
    store = Store()
    for number in range(1, 100):
        name = f"bot-{number}"
        store.upsert_assistant(at(1, name=name))
        store.upsert_assistant(at(1, name=f"default-{number}", meta={"owner_references": (OWNED_BY_GRAPH,)}))
        store.add_validating_graph(store.assistants[NAMESPACE, name], BILLING)
        store.upsert_graph(a_graph(meta={"name": f"graph-{number}"}))
        store.drop_assistant((NAMESPACE, name))
        store.drop_assistant((NAMESPACE, f"default-{number}"))
        store.drop_graph((NAMESPACE, f"graph-{number}"))
    assert [name for name, kept in vars(store).items() if kept and name != "versions"] == []


@pytest.mark.parametrize(
    ("since", "is_marked"),
    [
        pytest.param((), True, id="an earlier edit is captured"),
        pytest.param(
            (lambda store: store.upsert_assistant(at(12, meta={"uid": "next"})),), False, id="another took its name"
        ),
        pytest.param(
            (lambda store: store.rewind(), lambda store: store.upsert_assistant(at(5))),
            False,
            id="the storage went back",
        ),
        pytest.param(
            (lambda store: store.drop_assistant(KEY), lambda store: store.upsert_assistant(at(5))),
            False,
            id="the watch showed the deletion",
        ),
    ],
)
def test_a_deletion_that_was_read_holds_until_something_else_is_known(
    since: tuple[Callable[[Store], object], ...], *, is_marked: bool
) -> None:
    store = seen(at(1))
    store.assistants[KEY].capture_up_to(at(1))
    store.assistants[KEY].assume_deletion(at(9, meta=DELETED))
    for each in since:
        each(store)
    record = store.assistants[KEY]
    record.capture_up_to(at(5))
    assert record.captured
    assert record.captured.metadata.is_being_deleted is is_marked


def test_nothing_is_known_of_a_lost_storage() -> None:
    store = seen(at(1))
    store.upsert_graph(a_graph())
    store.synced.add("")
    record = store.assistants[KEY]
    store.rewind()
    assert (record.is_gone, record.is_lost) == (True, True)
    assert [name for name, kept in vars(store).items() if kept and name != "versions"] == []


@pytest.mark.parametrize(
    ("change", "are_read"),
    [
        pytest.param(lambda store: store.upsert_assistant(at(2)), True, id="another state"),
        pytest.param(lambda store: store.upsert_assistant(at(2, meta={"uid": "next"})), False, id="another object"),
        pytest.param(lambda store: store.upsert_assistant(at(1, name="other")), True, id="one without versions"),
        pytest.param(lambda store: store.rewind(), False, id="the storage went back"),
        pytest.param(
            lambda store: (store.drop_assistant(KEY), store.upsert_assistant(at(2))), False, id="it was deleted"
        ),
    ],
)
def test_whether_the_graph_of_each_version_is_known(change: Callable[[Store], object], *, are_read: bool) -> None:
    store = seen(at(1))
    store.versions.put(a_record(1))
    assert not store.are_versions_read(NAMESPACE), "not all was listed"
    store.synced.add("")
    store.versions.set_read(NAMESPACE)
    assert store.are_versions_read(NAMESPACE)
    change(store)
    assert store.are_versions_read(NAMESPACE) is are_read


def test_another_graph_of_that_name_waits_for_what_the_former_one_waited_for() -> None:
    store = seen(at(1))
    store.upsert_graph(a_graph()).validated_anew = frozenset()
    store.upsert_graph(a_graph(meta={"uid": "next", "resource_version": "2"}))
    assert store.graphs[SUPPORT].is_revalidating
