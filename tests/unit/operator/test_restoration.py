"""What a version that was deleted said is found again, however short its life was, with few reads."""

from typing import Any, Literal

import pytest

from assistant_operator.gateways.api_server import ClusterUnavailable
from assistant_operator.gateways.cluster import Cluster
from assistant_operator.gateways.versions import Created, Creation, NameTaken, Versions
from assistant_operator.operator.cache import Cache
from assistant_operator.operator.restoration import MOST_TRIES, Lost, Restoration
from assistant_operator.resources.assistant_version import AssistantVersion
from assistant_operator.resources.meta import Key
from support.timeless import timeless
from worlds import a_record, a_version, an_assistant

BORN, DELETED, NEWEST = 1000, 1010, 1100


class History(Versions):
    """An API server that holds the past of one version, which is deleted now."""

    def __init__(self, version: AssistantVersion, *, taken: bool = False) -> None:
        self.asked: list[int] = []
        self.tries = 0
        self._version = version
        self._taken = taken

    async def read(self, key: Key) -> AssistantVersion | None:  # noqa: ARG002 (as its base has it)
        return None

    async def read_at(self, key: Key, resource_version: int) -> AssistantVersion | Literal["Expired"] | None:  # noqa: ARG002 (as its base has it)
        self.asked.append(resource_version)
        return self._version if BORN <= resource_version < DELETED else None

    async def create(self, version: AssistantVersion) -> Creation:
        self.tries += 1
        return NameTaken() if self._taken else Created(version)


class Past(Cluster):
    """All of a cluster that matters here."""

    def __init__(self, versions: History) -> None:
        self.versions = versions

    async def position(self) -> int:
        return NEWEST


def restored(history: History, cache: Cache) -> Any:
    # An edit came after it, so that the Assistant does not say what it said.
    edited = an_assistant(meta={"generation": 4})
    return timeless(Restoration(Past(history), cache).restore(edited, 3, None))


def test_a_version_that_existed_for_a_moment_is_found_where_its_deletion_was_seen() -> None:
    history, cache = History(a_version(3)), Cache()
    cache.put_version(a_record(3, resource_version=str(BORN)))
    cache.drop_version(a_record(3, resource_version=str(DELETED)))
    back = restored(history, cache)
    assert isinstance(back, AssistantVersion)
    assert back.spec == a_version(3).spec
    assert history.asked == [DELETED - 1]


def test_where_the_deletion_was_not_seen_the_reads_are_few_and_may_step_over_it() -> None:
    history = History(a_version(3))
    assert isinstance(restored(history, Cache()), Lost)
    assert len(history.asked) <= 11


def test_a_name_that_stays_taken_by_nothing_is_tried_a_few_times_only() -> None:
    history, cache = History(a_version(3), taken=True), Cache()
    cache.put_version(a_record(3, resource_version=str(BORN)))
    cache.drop_version(a_record(3, resource_version=str(DELETED)))
    with pytest.raises(ClusterUnavailable, match="bot-v3 is taken time after time") as raised:
        restored(history, cache)
    assert history.tries == MOST_TRIES
    assert raised.value.is_answer, "so that the other steps go on"
