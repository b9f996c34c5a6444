"""What was seen: the newest wins, what comes late changes nothing, and the indexes never point at what is gone."""

from collections.abc import Callable
from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant, AssistantStatus, Copy
from assistant_operator.api.assistant_version import VersionRecord
from assistant_operator.policy.publication import FINALIZER
from assistant_operator.policy.stored import Unstored
from assistant_operator.store.store import Store, strip_managed_fields
from worlds import (
    BOT,
    EARLIER,
    GRAPH,
    KEY,
    NAMESPACE,
    OWNED_BY_GRAPH,
    a_default,
    a_digest,
    a_graph,
    a_graph_status,
    a_record,
    a_status,
    an_assistant,
    managed,
)

SUPPORT, BILLING = (NAMESPACE, GRAPH), (NAMESPACE, "billing")
WRITTEN = a_status(active_version=2)


def at(position: int, name: str = BOT, graph: str = GRAPH, **different: Any) -> Assistant:
    """An Assistant as it was at that resource version."""
    meta = {"name": name, "resource_version": str(position), **different.pop("meta", {})}
    return an_assistant(meta=meta, graph_ref={"name": graph}, **different)


def filled(*records: VersionRecord) -> Store:
    store = Store()
    for record in records:
        store.put_version(record)
    return store


def numbers(store: Store) -> list[int]:
    return [record.number for record in store.versions_of(KEY)]


def test_seeing_tells_what_was_seen_before() -> None:
    store = Store()
    assert store.see(at(1)) is None
    assert store.see(at(2)) == at(1)
    assert store.seen == {KEY: at(2)}
    assert store.drop_assistant(KEY) == at(2)
    assert store.seen == {}
    assert store.drop_assistant(KEY) is None


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
    store = Store()
    store.see(at(10))
    state = at(position, meta={"uid": uid})
    assert (store.is_outdated(state), store.is_replaced(state)) == (outdated, succeeded)
    assert not Store().is_outdated(state)


def test_the_assistants_of_a_graph_follow_their_reference() -> None:
    store = Store()
    store.see(at(1))
    store.see(at(1, name="other"))
    assert store.assistants_of(SUPPORT) == {KEY, (NAMESPACE, "other")}
    store.see(at(2, graph="billing"))
    assert store.assistants_of(SUPPORT) == {(NAMESPACE, "other")}
    assert store.assistants_of(BILLING) == {KEY}
    store.drop_assistant(KEY)
    assert store.assistants_of(BILLING) == frozenset()
    assert store.assistants_of(("elsewhere", GRAPH)) == frozenset()


def test_a_graph_concerns_whoever_has_a_version_of_it_for_as_long_as_they_are_there() -> None:
    store = Store()
    store.see(at(1, graph="billing"))
    store.concern(KEY, SUPPORT)
    assert store.validated_by(SUPPORT) == {KEY}
    assert store.assistants_of(SUPPORT) == frozenset()
    assert store.validated_by(BILLING) == {KEY}
    store.drop_assistant(KEY)
    assert store.validated_by(SUPPORT) == frozenset()


def test_the_assistants_a_graph_controls() -> None:
    store = Store()
    store.see(a_default())
    store.see(at(1))
    store.see(at(1, name="dead", meta={"owner_references": (OWNED_BY_GRAPH.model_copy(update={"uid": "dead"}),)}))
    assert store.controlled_by(a_graph()) == [a_default()]
    released = a_default()
    store.see(released.model_copy(update={"metadata": released.metadata.model_copy(update={"owner_references": ()})}))
    assert store.controlled_by(a_graph()) == []


def test_of_recorded_states_the_newest_stays_and_a_new_object_replaces_it() -> None:
    store = Store()
    new = at(15, meta={"uid": "new"})
    for state, kept in ((at(10), at(10)), (at(12), at(12)), (at(11), at(12)), (new, new), (at(14), new)):
        store.record(state)
        assert store.recorded == {KEY: kept}
    store.drop_recorded(at(14))
    assert store.recorded == {KEY: new}, "another object of that name is gone"
    store.drop_recorded(new)
    assert store.recorded == {}


def test_states_from_before_our_write_have_the_status_we_wrote() -> None:
    store = Store()
    store.record(at(10))
    store.reported(at(10), WRITTEN, 20)
    assert store.recorded[KEY].status == WRITTEN
    store.record(at(15))
    assert store.recorded[KEY].status == WRITTEN, "seen before the write"
    store.record(at(20, status=a_status(versions=9)))
    assert store.recorded[KEY].status == a_status(versions=9), "what stands there is what stands there"


def test_another_object_of_that_name_has_a_status_of_its_own() -> None:
    store = Store()
    store.reported(at(10), WRITTEN, 20)
    store.record(at(15, meta={"uid": "new"}))
    assert store.recorded[KEY].status == a_status()


OURS, THEIRS = FINALIZER, "example.com/theirs"


def held(position: int, *finalizers: str, **meta: Any) -> Assistant:
    """An Assistant with these finalizers at that resource version."""
    return at(position, meta={"finalizers": finalizers, **meta})


@pytest.mark.parametrize(
    ("before", "on", "seen", "expected"),
    [
        pytest.param(held(10), True, None, (OURS,), id="added: no event yet"),
        pytest.param(held(10), True, held(15, THEIRS), (THEIRS, OURS), id="added: an event from before it"),
        pytest.param(held(10), True, held(20, OURS), (OURS,), id="added: its event"),
        pytest.param(held(10), True, held(25), (), id="added: somebody took it off since"),
        pytest.param(held(10), True, held(15, uid="another"), (), id="added to another of that name"),
        pytest.param(held(10, OURS, THEIRS), False, None, (THEIRS,), id="removed: no event yet"),
        pytest.param(held(10, OURS), False, held(15, OURS, THEIRS), (THEIRS,), id="removed: an event from before it"),
        pytest.param(held(10, OURS), False, held(25, OURS), (OURS,), id="removed: somebody put it back since"),
    ],
)
def test_states_from_before_our_write_have_the_finalizer_as_we_wrote_it(
    before: Assistant, seen: Assistant | None, expected: tuple[str, ...], *, on: bool
) -> None:
    store = Store()
    store.see(before)
    store.record(before)
    store.finalizer_written(before, 20, on=on)
    if seen:
        store.record(seen)
    assert store.recorded[KEY].metadata.finalizers == expected


def test_a_finalizer_of_what_is_gone_is_not_kept() -> None:
    store = Store()
    store.finalizer_written(at(10), 20, on=True)  # the answer came after the deletion
    store.see(at(10, "other"))
    store.finalizer_written(at(10, "other"), 20, on=True)
    store.drop_assistant((NAMESPACE, "other"))
    for name in (BOT, "other"):
        store.record(at(15, name))
    assert {state.metadata.finalizers for state in store.recorded.values()} == {()}


def test_whoever_is_outrun_forgets_what_it_wrote() -> None:
    store = Store()
    store.reported(at(10), WRITTEN, 20)
    store.outrun(KEY)
    store.record(at(15))
    assert store.recorded[KEY].status == a_status()


def test_what_came_back_of_a_status_is_compared_with_what_was_sent() -> None:
    store = Store()
    store.record(at(10))
    store.reported(at(10), WRITTEN, 20)
    assert store.written.unstored(at(10)) is None, "no event has shown it yet"
    stored = a_status(active_version=2, digest=None)
    assert store.record(at(20, status=stored)), "that is news"
    assert store.written.unstored(at(20)) == Unstored(WRITTEN, stored)
    assert not store.record(at(21, status=stored))
    assert store.written.unstored(at(21, meta={"uid": "new"})) is None
    store.reported(at(21), WRITTEN, 30)
    assert store.record(at(30, status=WRITTEN)), "it is stored now, which is news"
    assert store.written.unstored(at(30)) is None


def test_a_write_that_changed_nothing_is_known_from_its_position() -> None:
    store = Store()
    store.record(at(10))
    store.reported(at(10), WRITTEN, 10)
    assert store.written.unstored(at(10)) == Unstored(WRITTEN, a_status())
    assert store.recorded[KEY].status == a_status()
    store.drop_assistant(KEY)
    assert store.written.unstored(at(10)) is None


def test_a_graph_seen_before_our_write_has_the_status_we_wrote() -> None:
    """An event between two writes must not put the status of the first back."""
    store, written = Store(), a_graph_status(assistants=7)
    graph, later = (a_graph(meta={"resource_version": position}) for position in ("10", "15"))
    store.put_graph(graph)
    now = store.graph_reported(graph, written, 20)
    assert now is not None
    assert now.status == written
    assert store.put_graph(later).status == written
    assert store.graphs[SUPPORT].metadata.resource_version == "15"
    shown = a_graph(meta={"resource_version": "20"}, status=a_graph_status(assistants=8))
    assert store.put_graph(shown) == shown
    assert store.written_graphs.unstored(shown) == Unstored(written, shown.status)
    store.drop_graph(SUPPORT)
    assert store.graph_reported(graph, written, 30) is None


def test_when_a_version_was_deleted_is_remembered_where_an_event_told_of_it() -> None:
    store = filled(a_record(2), a_record(3))
    assert store.drop_version(a_record(3, resource_version="77"))
    assert store.drop_version(a_record(2)), "deleted by the operator itself"
    assert (store.deletion_of(KEY, 3), store.deletion_of(KEY, 2)) == (77, None)


def test_an_answer_from_before_a_deletion_does_not_bring_the_version_back() -> None:
    store = filled(a_record(2))
    store.drop_version(a_record(2, resource_version="77"))
    assert not store.put_version(a_record(2, resource_version="76"))
    assert store.put_version(a_record(2, uid="new", resource_version="78")), "made again since"


def test_versions_are_listed_by_number_and_found_by_digest() -> None:
    same = a_digest(1)
    store = filled(a_record(10, digest=same), a_record(9), a_record(1), a_record(2))
    assert numbers(store) == [1, 2, 9, 10]
    assert store.newest_number(KEY) == 10
    assert [each.number for each in store.versions_like(KEY, same)] == [10, 1]
    assert store.versions_like(KEY, a_digest(7)) == []
    assert (Store().newest_number(KEY), Store().versions_of(KEY), Store().versions_like(KEY, same)) == (0, (), [])


@pytest.mark.parametrize(
    ("late", "is_news"),
    [
        pytest.param(a_record(3, resource_version="31"), True, id="newer"),
        pytest.param(a_record(3), False, id="the same once more"),
        pytest.param(a_record(3, resource_version="29"), False, id="older"),
        pytest.param(a_record(3, uid="new", resource_version="31"), True, id="made again since"),
        pytest.param(a_record(3, uid="dead", resource_version="29"), False, id="late news of one deleted before"),
    ],
)
def test_what_is_seen_late_does_not_replace_what_was_seen_since(late: VersionRecord, *, is_news: bool) -> None:
    store = filled(a_record(3))
    assert store.put_version(late) is is_news
    assert store.versions_of(KEY) == (late if is_news else a_record(3),)


def test_a_version_with_other_content_under_the_same_number_is_found_by_its_own_digest_only() -> None:
    store = filled(a_record(3), a_record(3, uid="new", resource_version="31", digest=a_digest(8)))
    assert store.versions_like(KEY, a_digest(3)) == []
    assert [each.uid for each in store.versions_like(KEY, a_digest(8))] == ["new"]


def test_only_that_very_version_is_dropped() -> None:
    store = filled(a_record(2), a_record(3, uid="new", resource_version="40"))
    assert not store.drop_version(a_record(3))
    assert numbers(store) == [2, 3]
    assert store.drop_version(a_record(3, uid="new"))
    assert not store.drop_version(a_record(3, uid="new"))
    assert (numbers(store), store.newest_number(KEY), store.versions_like(KEY, a_digest(3))) == ([2], 2, [])
    assert store.drop_version(a_record(2))
    assert (numbers(store), store.newest_number(KEY)) == ([], 0)


@pytest.mark.parametrize(
    ("namespace", "listed", "position", "left", "changed"),
    [
        pytest.param("", [1, 2, 3], "99", [1, 2, 3], set(), id="nothing is new"),
        pytest.param("", [1, 3], "99", [1, 3], {KEY}, id="one is gone"),
        pytest.param("", [1, 2, 3, 4], "99", [1, 2, 3, 4], {KEY}, id="one is new"),
        pytest.param("", [1, 2], "25", [1, 2, 3], set(), id="one was made after that listing"),
        pytest.param(NAMESPACE, [], "99", [], {KEY}, id="all of the namespace are gone"),
        pytest.param("elsewhere", [], "99", [1, 2, 3], set(), id="another namespace's listing says nothing"),
    ],
)
def test_a_listing_replaces_what_it_is_newer_than(
    namespace: str, listed: list[int], position: str, left: list[int], changed: set[Any]
) -> None:
    store = filled(a_record(1), a_record(2), a_record(3))
    assert store.replace_versions(namespace, [a_record(number) for number in listed], position) == changed
    assert numbers(store) == left


def test_a_listing_after_the_storage_went_back_replaces_everything() -> None:
    store = filled(a_record(1), a_record(2), a_record(3, resource_version="99"))
    listed = [a_record(1), a_record(3, uid="restored", resource_version="7", digest=a_digest(8))]
    assert store.replace_versions(NAMESPACE, listed, "8", anew=True) == {KEY}
    assert store.versions_of(KEY) == tuple(listed)
    assert store.versions_like(KEY, a_digest(3)) == []
    assert store.replace_versions("", listed, "8", anew=True) == set()
    assert store.replace_versions("elsewhere", [], "8", anew=True) == set()
    assert numbers(store) == [1, 3]


def test_an_unknown_digest_may_be_any() -> None:
    store = filled(a_record(1), a_record(2, digest=""), a_record(3))
    assert [each.number for each in store.versions_like(KEY, a_digest(1))] == [2, 1]
    store.put_version(a_record(2, resource_version="21"))
    assert [each.number for each in store.versions_like(KEY, a_digest(1))] == [1]


def indexes(store: Store) -> dict[str, Any]:
    """What is left in any of them."""
    return {name: kept for name, kept in vars(store).items() if name.startswith("_") and kept}


def test_nothing_is_kept_of_what_is_gone() -> None:
    store = Store()
    for number in range(1, 100):
        store.put_version(a_record(number))
        store.drop_version(a_record(number))
        name = f"bot-{number}"
        store.see(at(1, name=name))
        store.see(at(1, name=f"default-{number}", meta={"owner_references": (OWNED_BY_GRAPH,)}))
        store.concern((NAMESPACE, name), BILLING)
        store.put_graph(a_graph(meta={"name": f"graph-{number}"}))
        store.drop_assistant((NAMESPACE, name))
        store.drop_assistant((NAMESPACE, f"default-{number}"))
        store.drop_graph((NAMESPACE, f"graph-{number}"))
    assert indexes(store) == {}


KUBECTL = (managed("kubectl", "context.prompt"),)


@pytest.mark.parametrize(
    ("assistant", "kept"),
    [
        pytest.param(at(1, meta={"managed_fields": KUBECTL}), False, id="recorded: who owns what is not needed"),
        pytest.param(at(1, meta={"managed_fields": KUBECTL, "generation": 4}), True, id="an edit is to be recorded"),
        pytest.param(a_default(), True, id="its Graph follows its fields"),
    ],
)
def test_who_owns_which_field_is_kept_only_where_it_is_needed(assistant: Assistant, *, kept: bool) -> None:
    slimmed = strip_managed_fields(assistant)
    assert bool(slimmed.metadata.managed_fields) is kept
    assert (slimmed.spec, slimmed.status, slimmed.key) == (assistant.spec, assistant.status, assistant.key)


DELETED = {"deletion_timestamp": EARLIER, "finalizers": ("orphan",)}
HELD = AssistantStatus(copies=(Copy(server="http://one", assistant_id="a"),))


@pytest.mark.parametrize(
    ("live", "is_marked"),
    [
        pytest.param(at(9, meta=DELETED), True, id="its deletion is known, and its content as it is recorded"),
        pytest.param(at(9, meta=DELETED, status=HELD), True, id="its copies as they are written down"),
        pytest.param(at(9, meta={**DELETED, "uid": "another"}), False, id="another of its name"),
        pytest.param(at(9, "other", meta=DELETED), False, id="another name"),
    ],
)
@pytest.mark.parametrize("late", [None, 5], ids=["nothing else", "an earlier edit recorded since"])
def test_a_deletion_that_was_read_is_known_before_its_news(
    live: Assistant, late: int | None, *, is_marked: bool
) -> None:
    store = Store()
    store.see(at(1))
    store.record(at(1))
    store.mark_deletion(live)
    if late:
        store.record(at(late))
    kept, before = store.recorded[KEY], at(late or 1)
    assert kept.metadata.is_being_deleted is is_marked
    assert (kept.spec, kept.metadata.resource_version) == (before.spec, before.metadata.resource_version)
    assert kept.status == (live if is_marked else before).status
    assert list(store.recorded) == [KEY]


ENDED = at(9, meta=DELETED)


@pytest.mark.parametrize(
    ("since", "is_marked"),
    [
        pytest.param((), True, id="an earlier edit is recorded"),
        pytest.param((lambda store: store.see(at(12, meta={"uid": "next"})),), False, id="another took its name"),
        pytest.param((lambda store: store.rewind(),), False, id="the storage went back"),
        pytest.param((lambda store: store.drop_assistant(KEY),), False, id="the news came, and so it is not kept on"),
    ],
)
def test_a_deletion_that_was_read_holds_until_something_else_is_known(
    since: tuple[Callable[[Store], object], ...], *, is_marked: bool
) -> None:
    store = Store()
    store.see(at(1))
    store.record(at(1))
    store.mark_deletion(ENDED)
    for each in since:
        each(store)
    store.record(at(5))
    assert store.recorded[KEY].metadata.is_being_deleted is is_marked


def test_a_later_state_of_what_is_being_deleted_is_as_it_is() -> None:
    store = Store()
    store.see(at(1))
    store.mark_deletion(ENDED)
    last = at(10, meta={**DELETED, "finalizers": ()})
    store.record(last)
    assert store.recorded[KEY] == last


@pytest.mark.parametrize(
    ("since", "is_dropped"),
    [
        pytest.param(at(1), True, id="nothing came since"),
        pytest.param(at(2), True, id="a later state"),
        pytest.param(ENDED, False, id="its deletion, which is to be acted upon"),
        pytest.param(at(2, meta={"uid": "another"}), False, id="another of its name"),
    ],
)
def test_a_state_is_dropped_unless_something_else_is_to_be_done(since: Assistant, *, is_dropped: bool) -> None:
    store = Store()
    store.record(since)
    store.drop_state(at(1))
    assert (not store.recorded) is is_dropped
