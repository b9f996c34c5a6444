"""What the user may change."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from assistant_operator.api.meta import Key, Resource
from assistant_operator.kubectl.dashboard.permissions import Permissions
from assistant_operator.kubectl.dashboard.site import Site

MISSING = (
    "You may not move aliases in namespace team: the permission patch on assistantaliases.assistant-operator.dev is"
    " missing."
)
ALL, ONE = ("assistantaliases", ""), ("assistantaliases", "staging")


class Cluster:
    """Answers access reviews. `allowed`: plural and name; an empty name is all objects."""

    def __init__(self, *allowed: tuple[str, str]) -> None:
        self._allowed = allowed
        self.asked: list[tuple[str, str]] = []

    async def may_change(self, key: Key, kind: type[Resource]) -> bool:
        self.asked.append((kind.plural, key[1]))
        return (kind.plural, "") in self._allowed or (kind.plural, key[1]) in self._allowed


def permissions(cluster: Cluster) -> Permissions:
    return Permissions(cast("Site", SimpleNamespace(client=cluster)))


@pytest.mark.parametrize(
    ("allowed", "names", "denial", "asked"),
    [
        pytest.param((), [], "", 0, id="without an alias nothing is asked"),
        pytest.param((ALL,), ["production", "staging"], "", 1, id="all"),
        pytest.param((ONE,), ["production", "staging"], "", 3, id="one, by its name"),
        pytest.param((ONE,), ["production"], MISSING, 2, id="another one"),
        pytest.param((("assistants", ""),), ["production"], MISSING, 2, id="the assistants only"),
    ],
)
async def test_whether_some_alias_may_be_moved(allowed: Any, names: list[str], denial: str, asked: int) -> None:
    cluster = Cluster(*allowed)
    assert await permissions(cluster).moves_denied("team", names) == denial
    assert len(cluster.asked) == asked


async def test_an_answer_is_remembered_for_each_kind_and_name() -> None:
    cluster = Cluster(ONE)
    asked = permissions(cluster)
    for _ in range(2):
        assert await asked.move_denied(("team", "staging")) == ""
        assert await asked.move_denied(("team", "production")) == MISSING
        assert "patch on assistants.assistant-operator.dev" in await asked.denied(("team", "staging"))
    assert len(cluster.asked) == 3
