"""What a version that was deleted said is found again, however short its life was, with few reads."""

from typing import Any, Literal

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, chained
from assistant_operator.api.meta import Key
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterUnavailable
from assistant_operator.clients.kubernetes.versions import AlreadyExists, Created, Creation, Versions
from assistant_operator.controllers.capture.restoration import MOST_TRIES, VersionRestorer
from assistant_operator.policy.versioning import ContentLost
from assistant_operator.store.store import Store
from harness.support.timeless import timeless
from harness.worlds import UID, a_record, a_status, a_version, an_assistant

BORN, REPORTED, DELETED, NEWEST = 1000, 1002, 1010, 1100


class History(Versions):
    """An API server that holds the past of one version, which is deleted now."""

    def __init__(self, version: AssistantVersion, *, taken: bool = False, cached: bool = False) -> None:
        """`taken`: its name cannot be had again; `cached`: the watch cache still holds its last state."""
        self.asked: list[int] = []
        self.oldest = 1
        """The resource version before which nothing is held."""
        self._cached = cached
        self.tries = 0
        self._version = version
        self._taken = taken
        self.before: AssistantVersion | None = None
        """The version before it, which exists."""

    async def read(self, key: Key) -> AssistantVersion | None:
        return self.before if self.before and self.before.key == key else None

    async def read_at(self, key: Key, resource_version: int) -> AssistantVersion | Literal["Expired"] | None:  # noqa: ARG002 (as its base has it)
        self.asked.append(resource_version)
        if resource_version < self.oldest:
            return "Expired"
        return self._version if BORN <= resource_version < DELETED else None

    async def states(self, key: Key) -> list[AssistantVersion]:  # noqa: ARG002 (as its base has it)
        return [self._version] if self._cached else []

    async def create(self, version: AssistantVersion) -> Creation:
        self.tries += 1
        return AlreadyExists() if self._taken else Created(version)


class Past(Cluster):
    """All of a cluster that matters here."""

    def __init__(self, versions: History, gone: int) -> None:
        """`gone`: the resource version at which the Assistant was deleted."""
        self.gone = gone
        self.versions: History = versions
        self.reads = 0

    async def assistant_at(self, key: Key, resource_version: int) -> Assistant | Literal["Expired"] | None:  # noqa: ARG002 (as its base has it)
        self.reads += 1
        latest = 3 if resource_version >= REPORTED else 2
        if resource_version >= self.gone:
            return None
        return (
            an_assistant(status=a_status(latest_version=latest))
            if resource_version >= self.versions.oldest
            else "Expired"
        )

    async def position(self) -> int:
        return NEWEST


def restored(history: History, store: Store, oldest: int = 1, gone: int = NEWEST + 1) -> Any:
    # An edit came after it, so that the Assistant does not say what it said.
    edited = an_assistant(meta={"generation": 4, "resource_version": str(DELETED + 5)})
    history.oldest = oldest
    gatherer = Past(history, gone)
    back = timeless(VersionRestorer(gatherer, store).restore(edited, 3, None))
    assert gatherer.reads + len(history.asked) <= 25
    return back


def _owned_by(owner: str | None, version: AssistantVersion) -> AssistantVersion:
    """The version with that owner; None for no owner."""
    owners = tuple(each.model_copy(update={"uid": owner}) for each in version.metadata.owner_references if owner)
    return version.model_copy(update={"metadata": version.metadata.model_copy(update={"owner_references": owners})})


def test_a_version_that_existed_for_a_moment_is_found_where_its_deletion_was_seen() -> None:
    history, store = History(a_version(3)), Store()
    store.versions.put(a_record(3, resource_version=str(BORN)))
    store.versions.drop(a_record(3, resource_version=str(DELETED)))
    back = restored(history, store)
    assert isinstance(back, AssistantVersion)
    assert back.spec == a_version(3).spec
    assert history.asked == [DELETED - 1]


def test_where_the_deletion_was_not_seen_the_watch_cache_is_asked_first() -> None:
    history = History(a_version(3), cached=True)
    back = restored(history, Store())
    assert isinstance(back, AssistantVersion)
    assert (back.spec, history.asked) == (a_version(3).spec, [])


@pytest.mark.parametrize("oldest", [1, BORN - 5, REPORTED + 3], ids=["all is held", "from before it", "from after it"])
def test_a_version_that_existed_for_a_moment_is_found_where_the_status_told_of_it(oldest: int) -> None:
    back = restored(History(a_version(3)), Store(), oldest)
    assert isinstance(back, AssistantVersion)
    assert back.spec == a_version(3).spec


def test_it_is_found_though_the_assistant_was_deleted_since() -> None:
    """What exists no longer was read as what did not exist yet."""
    back = restored(History(a_version(3)), Store(), gone=NEWEST - 20)
    assert isinstance(back, AssistantVersion)
    assert back.spec == a_version(3).spec


def test_what_nobody_holds_any_more_is_lost() -> None:
    assert isinstance(restored(History(a_version(3)), Store(), DELETED), ContentLost)


@pytest.mark.parametrize("cached", [True, False], ids=["in the watch cache", "in the exact history"])
@pytest.mark.parametrize(
    ("owner", "is_lost"),
    [
        pytest.param("another", True, id="another's history has that name"),
        pytest.param(None, False, id="it was orphaned before it was deleted"),
    ],
)
def test_only_what_another_does_not_own_is_brought_back(owner: str | None, *, is_lost: bool, cached: bool) -> None:
    found = _owned_by(owner, a_version(3))
    assert isinstance(restored(History(found, cached=cached), Store()), ContentLost) is is_lost


@pytest.mark.parametrize(
    ("owner", "kind", "continues"),
    [
        pytest.param(UID, "Edited", True, id="its own"),
        pytest.param(None, "Edited", True, id="one without an owner"),
        pytest.param("another", "Created", False, id="a deleted predecessor's"),
    ],
)
def test_what_only_the_spec_says_follows_the_version_before_if_that_is_of_this_history(
    owner: str | None, kind: str, *, continues: bool
) -> None:
    history, before = History(a_version(3)), _owned_by(owner, a_version(2, context={"prompt": "before"}))
    history.before, history.oldest = before, NEWEST + 1
    assistant = an_assistant(meta={"generation": 1}, status=a_status(latest_version=3, observed_generation=1))
    back = timeless(VersionRestorer(Past(history, NEWEST + 1), Store()).restore(assistant, 3, None))
    assert isinstance(back, AssistantVersion)
    chain = chained(before.spec.chain if continues else "", 3, back.spec.digest)
    assert (back.spec.chain, back.spec.change.kind) == (chain, kind)


@pytest.mark.parametrize(
    ("uid", "position", "is_made"),
    [
        pytest.param("next", "9000", False, id="another took its name"),
        pytest.param("before", "1", True, id="another had its name before"),
        pytest.param(an_assistant().metadata.uid, "9000", True, id="it was edited"),
    ],
)
def test_nothing_is_made_again_for_an_assistant_whose_name_another_took(
    uid: str, position: str, *, is_made: bool
) -> None:
    history, store = History(a_version(3), cached=True), Store()
    store.upsert_assistant(an_assistant(meta={"uid": uid, "resource_version": position}))
    back = restored(history, store)
    assert (back is not None, history.tries) == (is_made, int(is_made))


def test_a_name_that_stays_taken_by_nothing_is_tried_a_few_times_only() -> None:
    history, store = History(a_version(3), taken=True), Store()
    store.versions.put(a_record(3, resource_version=str(BORN)))
    store.versions.drop(a_record(3, resource_version=str(DELETED)))
    with pytest.raises(ClusterUnavailable, match="bot-v3 is taken time after time") as raised:
        restored(history, store)
    assert history.tries == MOST_TRIES
    assert raised.value.is_answer, "so that the other steps go on"
