"""Versions as a listing shows them: the newest wins, and what comes late changes nothing."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_operator.api.assistant_version import AssistantVersion, VersionRecord
from assistant_operator.policy.kept_versions import KeptVersions
from assistant_operator.store.version_index import VersionIndex
from harness.worlds import KEY, NAMESPACE, UID, a_digest, a_record, a_version


def filled(*records: VersionRecord) -> VersionIndex:
    index = VersionIndex()
    for record in records:
        index.put(record)
    return index


def stored(number: int, **spec: Any) -> AssistantVersion:
    """A version with its content, as the API server has it."""
    version = a_version(number, **spec)
    meta = version.metadata.model_copy(update={"uid": f"uid-{number}", "resource_version": str(number)})
    return version.model_copy(update={"metadata": meta})


def numbers(index: VersionIndex) -> list[int]:
    return [record.number for record in index.of(KEY)]


def kept(index: VersionIndex, uid: str = UID) -> list[int]:
    return [record.number for record in index.kept(KEY, uid)]


def test_kept_are_those_of_one_owner_and_those_of_none() -> None:
    index = filled(a_record(1, owner="other"), a_record(2, owner=None), a_record(3))
    assert (kept(index), kept(index, "other"), kept(index, "new")) == ([2, 3], [1, 2], [2])
    assert kept(filled(a_record(10), a_record(2), a_record(1))) == [1, 2, 10]
    assert kept(VersionIndex()) == []


def test_what_was_returned_stays_as_it_was() -> None:
    index = filled(a_record(1), a_record(2))
    before = index.kept(KEY, UID)
    index.put(a_record(3))
    index.drop(a_record(1))
    assert [record.number for record in before] == [1, 2]
    assert kept(index) == [2, 3]


@given(st.lists(st.tuples(st.integers(1, 12), st.sampled_from(["put", "drop"]), st.integers(0, 4))))
def test_the_index_knows_what_a_look_at_all_versions_would_find(changes: list[tuple[int, str, int]]) -> None:
    index, there = VersionIndex(), dict[int, VersionRecord]()
    states: list[dict[str, Any]] = [{}, {"owner": None}, {"owner": "other"}, {"valid": ""}, {"active": "True"}]
    for position, (number, change, state) in enumerate(changes, 100):
        if change == "put":
            there[number] = a_record(number, resource_version=str(position), **states[state])
            index.put(there[number])
        elif number in there:
            index.drop(there.pop(number))
        wanted = KeptVersions.of(record for record in there.values() if record.owner in (UID, None))
        assert index.kept(KEY, UID) == wanted
        assert list(index.kept(KEY, UID)) == list(wanted), "in order"
        assert index.newest_number(KEY) == max(there, default=0)


def test_when_a_version_was_deleted_is_remembered_where_an_event_told_of_it() -> None:
    index = filled(a_record(2), a_record(3))
    assert index.drop(a_record(3, resource_version="77"))
    assert index.drop(a_record(2)), "deleted by the operator itself"
    assert (index.deletion_of(KEY, 3), index.deletion_of(KEY, 2)) == (77, None)


def test_an_answer_from_before_a_deletion_does_not_bring_the_version_back() -> None:
    index = filled(a_record(2))
    index.drop(a_record(2, resource_version="77"))
    assert not index.put(a_record(2, resource_version="76"))
    assert index.put(a_record(2, uid="new", resource_version="78")), "made again since"


def test_versions_are_listed_by_number_and_found_by_digest() -> None:
    same = a_digest(1)
    index = filled(a_record(10, digest=same), a_record(9), a_record(1), a_record(2))
    assert numbers(index) == [1, 2, 9, 10]
    assert index.newest_number(KEY) == 10
    assert [each.number for each in index.with_digest(KEY, same)] == [10, 1]
    assert index.with_digest(KEY, a_digest(7)) == []
    assert (VersionIndex().newest_number(KEY), VersionIndex().of(KEY), VersionIndex().with_digest(KEY, same)) == (
        0,
        (),
        [],
    )


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
    index = filled(a_record(3))
    assert index.put(late) is is_news
    assert index.of(KEY) == (late if is_news else a_record(3),)


def test_a_version_with_other_content_under_the_same_number_is_found_by_its_own_digest_only() -> None:
    index = filled(a_record(3), a_record(3, uid="new", resource_version="31", digest=a_digest(8)))
    assert index.with_digest(KEY, a_digest(3)) == []
    assert [each.uid for each in index.with_digest(KEY, a_digest(8))] == ["new"]


def test_only_that_very_version_is_dropped() -> None:
    index = filled(a_record(2), a_record(3, uid="new", resource_version="40"))
    assert not index.drop(a_record(3))
    assert numbers(index) == [2, 3]
    assert index.drop(a_record(3, uid="new"))
    assert not index.drop(a_record(3, uid="new"))
    assert (numbers(index), index.newest_number(KEY), index.with_digest(KEY, a_digest(3))) == ([2], 2, [])
    assert index.drop(a_record(2))
    assert (numbers(index), index.newest_number(KEY)) == ([], 0)


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
    index = filled(a_record(1), a_record(2), a_record(3))
    assert index.replace(namespace, [a_record(number) for number in listed], position) == changed
    assert numbers(index) == left


def test_a_listing_after_the_storage_went_back_replaces_everything() -> None:
    index = filled(a_record(1), a_record(2), a_record(3, resource_version="99"))
    listed = [a_record(1), a_record(3, uid="restored", resource_version="7", digest=a_digest(8))]
    assert index.replace(NAMESPACE, listed, "8", anew=True) == {KEY}
    assert index.of(KEY) == tuple(listed)
    assert index.with_digest(KEY, a_digest(3)) == []
    assert index.replace("", listed, "8", anew=True) == set()
    assert index.replace("elsewhere", [], "8", anew=True) == set()
    assert numbers(index) == [1, 3]


def test_an_unknown_digest_may_be_any() -> None:
    index = filled(a_record(1), a_record(2, digest=""), a_record(3))
    assert [each.number for each in index.with_digest(KEY, a_digest(1))] == [2, 1]
    index.put(a_record(2, resource_version="21"))
    assert [each.number for each in index.with_digest(KEY, a_digest(1))] == [1]


def test_nothing_is_kept_of_what_is_gone() -> None:
    index = VersionIndex()
    for number in range(1, 100):
        index.put(a_record(number))
        index.set_read(NAMESPACE)
        index.drop(a_record(number))
    index.set_read(NAMESPACE)
    assert [kept for kept in vars(index).values() if kept] == []


def test_the_content_of_a_version_that_is_to_be_validated_is_kept_and_taken_once() -> None:
    index, version = VersionIndex(), stored(1)
    record = version.record()
    index.put(record)
    index.keep_content(version)
    assert [index.take_content(record), index.take_content(record)] == [version, None]


def _replaced(index: VersionIndex, record: VersionRecord) -> None:
    index.put(replace(record, uid="another", resource_version="1000"))


def _dropped(index: VersionIndex, record: VersionRecord) -> None:
    index.drop(record)


def _listed_anew(index: VersionIndex, record: VersionRecord) -> None:
    index.replace(NAMESPACE, [], "1000")


@pytest.mark.parametrize("change", [_replaced, _dropped, _listed_anew])
def test_the_content_of_what_is_gone_is_not_kept(change: Callable[[VersionIndex, VersionRecord], None]) -> None:
    index, version = VersionIndex(), stored(1)
    index.put(version.record())
    index.keep_content(version)
    change(index, version.record())
    assert index.take_content(version.record()) is None


@pytest.mark.parametrize("known", [{"valid": "True"}, {"uid": "another"}, None], ids=str)
def test_the_content_of_no_other_version_is_kept(known: dict[str, Any] | None) -> None:
    index, version = VersionIndex(), stored(1)
    if known:
        index.put(replace(version.record(), **known))
    index.keep_content(version)
    assert index.take_content(version.record()) is None


def test_so_much_content_is_kept_and_not_more() -> None:
    index, versions = VersionIndex(), [stored(number, context={"prompt": "a" * 2**20}) for number in range(1, 7)]
    for version in versions:
        index.put(version.record())
        index.keep_content(version)
    kept = [each.number for each in versions if index.take_content(each.record())]
    assert kept == [4, 5, 6]
    index.keep_content(stored(1, context={"prompt": "a" * 5 * 2**20}))
    assert not index.take_content(versions[0].record())


@pytest.mark.parametrize(
    ("change", "is_read"),
    [
        pytest.param(lambda index: index.put(a_record(2)), True, id="a version that this process validates"),
        pytest.param(lambda index: index.drop(a_record(2)), True, id="one version less"),
        pytest.param(lambda index: index.set_unread(NAMESPACE), False, id="an Assistant has the name of a former one"),
        pytest.param(lambda index: index.replace("", [a_record(7)], "9", anew=True), False, id="the storage went back"),
        pytest.param(lambda index: index.replace("", [], "999"), True, id="no versions at all"),
    ],
)
def test_a_namespace_stays_read(change: Callable[[VersionIndex], object], *, is_read: bool) -> None:
    index = filled(a_record(1), a_record(2))
    assert not index.is_read(NAMESPACE)
    index.set_read(NAMESPACE)
    change(index)
    assert index.is_read(NAMESPACE) is is_read
