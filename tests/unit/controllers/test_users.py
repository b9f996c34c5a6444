"""The user of an edit is believed only with the flag, and only where the API server protects the annotation."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

import pytest

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.meta import Key, Resource
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.transport import ClusterRefused, ClusterUnavailable, Status
from assistant_operator.controllers.users import AuthenticatedUsers
from assistant_operator.policy.versioning import CHANGED_BY
from harness.support.timeless import timeless
from harness.worlds import an_assistant

FORBIDDEN = ClusterRefused("PATCH", Status(403, "Forbidden", "no"))
GONE = ClusterRefused("PATCH", Status(404, "NotFound", "gone"))


class Server(Cluster):
    """An API server that reverts the annotation, or not, or fails; it notes how often it was tried."""

    def __init__(self, *, is_protected: bool = True, fails: Exception | None = None) -> None:
        self.is_protected, self.fails, self.tried = is_protected, fails, 0

    async def reverts_annotation(self, kind: type[Resource], key: Key, annotation: str) -> bool:
        assert (kind, annotation) == (Assistant, CHANGED_BY), key
        self.tried += 1
        await asyncio.sleep(0.01)
        if self.fails:
            raise self.fails
        return self.is_protected


def by(user: str | None, namespace: str = "team") -> Assistant:
    annotations = {CHANGED_BY: user} if user else {}
    return an_assistant(meta={"annotations": annotations, "namespace": namespace})


async def user_of(users: AuthenticatedUsers, state: Assistant) -> str | None:
    await users.check(state)
    return users.of(state)


Story = Callable[[Server, AuthenticatedUsers], Awaitable[None]]


def told(server: Server, story: Story, *, is_recorded: bool = True) -> None:
    async def scenario() -> None:
        await story(server, AuthenticatedUsers(server, is_recorded=is_recorded))

    timeless(scenario())


@pytest.mark.parametrize(
    ("server", "is_recorded", "state", "user", "tried"),
    [
        pytest.param(Server(), True, by("alice"), "alice", 1, id="protected"),
        pytest.param(Server(), False, by("alice"), None, 0, id="without the flag"),
        pytest.param(Server(is_protected=False), True, by("eve"), None, 1, id="anyone can write it"),
        pytest.param(Server(), True, by(None), None, 0, id="no annotation"),
        pytest.param(Server(fails=FORBIDDEN), True, by("eve"), None, 1, id="the dry run is refused"),
        pytest.param(Server(fails=GONE), True, by("eve"), None, 1, id="the Assistant is gone"),
    ],
)
def test_who_is_believed(server: Server, state: Assistant, user: str | None, tried: int, *, is_recorded: bool) -> None:
    async def story(server: Server, users: AuthenticatedUsers) -> None:
        assert await user_of(users, state) == user
        assert server.tried == tried

    told(server, story, is_recorded=is_recorded)


def test_an_api_server_that_does_not_answer_is_asked_again_by_the_capture_of_the_edit() -> None:
    async def story(server: Server, users: AuthenticatedUsers) -> None:
        with pytest.raises(ClusterUnavailable):
            await users.check(by("alice"))
        server.fails = None
        assert await user_of(users, by("alice")) == "alice"

    told(Server(fails=ClusterUnavailable("PATCH: no answer")), story)


def test_each_namespace_is_tried_once_a_minute() -> None:
    async def story(server: Server, users: AuthenticatedUsers) -> None:
        for name in ("alice", "bob", "carol"):
            assert await user_of(users, by(name)) == name
        assert await user_of(users, by("dave", "other")) == "dave"
        assert server.tried == 2
        await asyncio.sleep(61)
        server.is_protected = False
        assert await user_of(users, by("eve")) is None
        assert server.tried == 3

    told(Server(), story)


def test_many_edits_at_once_cost_one_dry_run() -> None:
    async def story(server: Server, users: AuthenticatedUsers) -> None:
        found = await asyncio.gather(*(user_of(users, by(f"user-{number}")) for number in range(50)))
        assert found == [f"user-{number}" for number in range(50)]
        assert server.tried == 1

    told(Server(), story)


def test_a_result_holds_until_the_edit_that_it_was_checked_for_is_captured() -> None:
    async def story(server: Server, users: AuthenticatedUsers) -> None:
        await users.check(by("alice"))
        await asyncio.sleep(59)
        await users.check(by("bob"))
        await asyncio.sleep(5)
        assert users.of(by("bob")) == "bob"
        assert server.tried == 1

    told(Server(), story)


def test_a_policy_that_is_installed_later_takes_effect_within_a_second() -> None:
    async def story(server: Server, users: AuthenticatedUsers) -> None:
        assert [await user_of(users, by("eve")) for _ in range(3)] == [None] * 3
        assert server.tried == 1
        server.is_protected = True
        await asyncio.sleep(1.1)
        assert await user_of(users, by("alice")) == "alice"

    told(Server(is_protected=False), story)


@pytest.mark.parametrize(
    ("server", "state", "problem"),
    [
        pytest.param(Server(), by(None), "it has no annotation", id="no annotation"),
        pytest.param(Server(is_protected=False), by("eve"), "anyone can write the annotation", id="no policy"),
        pytest.param(Server(fails=FORBIDDEN), by("eve"), "Kubernetes refused PATCH: 403 Forbidden", id="refused"),
    ],
)
def test_a_warning_says_why_the_user_is_not_known_once_in_ten_minutes(
    server: Server, state: Assistant, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def story(_: Server, users: AuthenticatedUsers) -> None:
        for _number in range(100):
            await users.check(state)
            await asyncio.sleep(2)

    with caplog.at_level(logging.WARNING):
        told(server, story)
    (message,) = [record.getMessage() for record in caplog.records]
    assert problem in message
    assert "eve" not in message
    assert "deploy/record-user" in message
