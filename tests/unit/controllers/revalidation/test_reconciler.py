"""Versions that are validated by a listing: which get a result, and when their Assistant is released."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Any, cast

import pytest

from assistant_operator.api.assistant import GraphRef, Snapshot
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.api.meta import Key
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterUnavailable
from assistant_operator.clients.schema.validator import SchemaValidator
from assistant_operator.controllers.revalidation import reconciler
from assistant_operator.controllers.revalidation.reconciler import RevalidationReconciler
from assistant_operator.controllers.validation import VersionValidator
from assistant_operator.store.store import Store
from harness.support.timeless import timeless
from harness.worlds import KEY, a_graph, a_version, an_assistant

GRAPH = a_graph().key


class Listing:
    """A cluster whose versions are these. It can be interrupted after the first one."""

    def __init__(self, *versions: AssistantVersion, meanwhile: Callable[[], object] = lambda: None) -> None:
        self._versions = versions
        self._meanwhile = meanwhile
        self.listed = 0

    @property
    def versions(self) -> Any:
        return self

    async def contents(self, namespace: str) -> AsyncGenerator[AssistantVersion, None]:
        assert namespace == KEY[0]
        for number, version in enumerate(self._versions):
            if number:
                self._meanwhile()
            await asyncio.sleep(0)
            self.listed += 1
            yield version


class Place:
    """One Assistant with two versions, which waits for a listing."""

    def __init__(self) -> None:
        self.store = Store()
        self.store.upsert_assistant(an_assistant())
        self.store.upsert_graph(a_graph())
        for number in (1, 2):
            self.store.versions.put(_listed(number).record())
        self.store.versions.set_read(KEY[0])
        self.record = self.store.assistants[KEY]
        self.record.validation.invalidate(include_kept_versions=True)
        self.record.validation.awaits_listing = True
        self.released: list[Key] = []
        self.read: list[Key] = []

    def has_another(self) -> None:
        """Another Assistant waits, whose version is not listed."""
        assistant = an_assistant(meta={"name": "another", "uid": "another"})
        self.store.upsert_assistant(assistant)
        self.store.versions.put(replace(_listed(1).record(), key=assistant.key))
        self.store.assistants[assistant.key].validation.awaits_listing = True

    def reconcile(self, listing: Listing) -> None:
        cluster = cast("Cluster", listing)
        validator = VersionValidator(cluster, self.store, SchemaValidator(), enqueue_assistant=lambda key: None)
        timeless(RevalidationReconciler(cluster, self.store, validator, self).reconcile(GRAPH))

    def enqueue_assistant(self, assistant: Key) -> None:
        self.released.append(assistant)

    def enqueue_former_assistants(self, graph: Key) -> None:
        self.read.append(graph)

    @property
    def results(self) -> dict[int, bool | None]:
        return {number: each.holds for number, each in self.record.validation.results.items()}

    @property
    def is_waiting(self) -> bool:
        return self.record.validation.awaits_listing


def _listed(number: int, uid: str = "", **spec: Any) -> AssistantVersion:
    version = a_version(number)
    version = version.model_copy(update={"spec": version.spec.model_copy(update=spec)})
    meta = version.metadata.model_copy(update={"uid": uid or f"uid-{number}", "resource_version": "7"})
    return version.model_copy(update={"metadata": meta})


@pytest.fixture
def place() -> Place:
    return Place()


def test_all_are_validated_and_the_assistant_is_released_once(place: Place) -> None:
    place.reconcile(Listing(_listed(1), _listed(2)))
    assert (place.results, place.released, place.is_waiting) == ({1: True, 2: True}, [KEY], False)


@pytest.mark.parametrize(
    ("most", "most_bytes", "expected"),
    [
        pytest.param(1, 10**6, [[], [KEY]], id="one after another"),
        pytest.param(2, 10**6, [[], [KEY]], id="two at once"),
        pytest.param(100, 10**6, [[], []], id="all at once"),
        pytest.param(100, 1, [[], [KEY]], id="large ones"),
    ],
)
def test_the_assistant_is_released_as_soon_as_all_its_versions_are_validated(
    place: Place, monkeypatch: pytest.MonkeyPatch, most: int, most_bytes: int, expected: list[list[Key]]
) -> None:
    monkeypatch.setattr(reconciler, "_MOST_AT_ONCE", most)
    monkeypatch.setattr(reconciler, "_MOST_BYTES_AT_ONCE", most_bytes)
    place.has_another()
    seen: list[list[Key]] = []
    place.reconcile(Listing(_listed(1), _listed(2), _listed(3), meanwhile=lambda: seen.append(list(place.released))))
    assert seen == expected
    assert (place.released[0], place.results) == (KEY, {1: True, 2: True})


def test_a_content_that_does_not_match_its_digest_is_refused(place: Place) -> None:
    place.reconcile(Listing(_listed(1, digest="sha256:" + "0" * 64), _listed(2)))
    assert place.results == {1: False, 2: True}


def test_another_version_under_the_same_name_gets_no_result(place: Place) -> None:
    place.reconcile(Listing(_listed(1, uid="another"), _listed(2)))
    assert (place.results, place.released) == ({2: True}, [KEY])


def test_a_version_that_is_not_listed_keeps_nobody_waiting(place: Place) -> None:
    place.reconcile(Listing(_listed(2)))
    assert (place.results, place.released, place.is_waiting) == ({2: True}, [KEY], False)


def test_a_listing_that_fails_keeps_nobody_waiting(place: Place) -> None:
    def fail() -> None:
        raise ClusterUnavailable("down")

    with pytest.raises(ClusterUnavailable):
        place.reconcile(Listing(_listed(1), _listed(2), meanwhile=fail))
    assert (place.results, place.released, place.is_waiting) == ({}, [KEY], False)


def test_a_schema_that_changes_again_makes_it_wait_for_the_next_listing(place: Place) -> None:
    def change() -> None:
        place.record.validation.invalidate(include_kept_versions=True)
        place.record.validation.awaits_listing = True

    place.reconcile(Listing(_listed(1), _listed(2), meanwhile=change))
    assert (place.results, place.released, place.is_waiting) == ({}, [], True)


def test_an_assistant_whose_graph_is_deleted_meanwhile_waits_no_more(place: Place) -> None:
    place.reconcile(
        Listing(
            _listed(1),
            _listed(2),
            meanwhile=lambda: place.record.validation.invalidate(include_kept_versions=False),
        )
    )
    assert (place.results, place.released, place.is_waiting) == ({}, [], False)


def test_nothing_is_listed_for_nobody(place: Place) -> None:
    place.record.validation.awaits_listing = False
    listing = Listing(_listed(1), _listed(2))
    place.reconcile(listing)
    assert (place.released, listing.listed) == ([], 0)


def test_the_listing_ends_when_nobody_waits_any_more(place: Place) -> None:
    listing = Listing(_listed(1), _listed(2), _listed(3), _listed(4))
    place.reconcile(listing)
    assert (place.released, listing.listed) == ([KEY], 2)


@pytest.mark.parametrize("is_read", [True, False])
def test_a_namespace_is_read_once_to_the_end(place: Place, *, is_read: bool) -> None:
    place.record.validation.awaits_listing = False
    listing = Listing(_listed(1, snapshot=Snapshot(graph_ref=GraphRef(name="writer"))), _listed(2))
    if not is_read:
        place.store.versions.set_unread(KEY[0])
    place.reconcile(listing)
    place.reconcile(listing)
    assert (listing.listed, place.read, place.results) == (0 if is_read else 2, [GRAPH, GRAPH], {})
    assert (KEY in place.store.validated_by((KEY[0], "writer"))) is not is_read


def test_a_namespace_counts_as_read_when_the_listing_came_to_its_end(place: Place) -> None:
    def fail() -> None:
        raise ClusterUnavailable("down")

    place.store.versions.set_unread(KEY[0])
    with pytest.raises(ClusterUnavailable):
        place.reconcile(Listing(_listed(1), _listed(2), meanwhile=fail))
    assert (place.store.versions.is_read(KEY[0]), place.read) == (False, [])


def test_a_version_whose_assistant_is_gone_is_not_noted(place: Place) -> None:
    place.store.versions.set_unread(KEY[0])
    place.store.drop_assistant(KEY)
    place.reconcile(Listing(_listed(1), _listed(2)))
    assert place.store.validated_by(GRAPH) == frozenset()
