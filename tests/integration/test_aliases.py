"""An alias stands for one version, is moved by an edit, and records each move; on a real API server."""

from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace
from harness.support.walk import comes_to, events

SCHEMA: dict[str, Any] = {"properties": {"temperature": {"type": "number", "maximum": 2}}}
PRODUCTION = "production"


def moves(workspace: Workspace, name: str = PRODUCTION) -> list[tuple[int | None, int]]:
    """From which version to which, newest first."""
    return [(each.get("from"), each["to"]) for each in of(workspace, name).get("moves", [])]


def of(workspace: Workspace, name: str = PRODUCTION) -> dict[str, Any]:
    return workspace.status(name, "assistantaliases")


def move(workspace: Workspace, number: int, **annotations: str) -> None:
    body = {"metadata": {"annotations": annotations}, "spec": {"version": number, "digest": None}}
    workspace.patch("assistantaliases", PRODUCTION, body)


def stands_for(workspace: Workspace, number: int, name: str = PRODUCTION) -> dict[str, Any]:
    """The status, once it stands for that version and is ready as of its present generation."""
    workspace.until_ready(name, "assistantaliases")
    comes_to(lambda: of(workspace, name).get("version"), number)
    return of(workspace, name)


@pytest.fixture
def three(operator: OperatorProcess, workspace: Workspace) -> Workspace:
    """An Assistant with three versions."""
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "1"})
    for number in (2, 3):
        workspace.edit(context={"prompt": str(number)})
        workspace.until_active(number)
    return workspace


def test_it_is_moved_and_says_who_moved_it_and_why(three: Workspace) -> None:
    three.alias(PRODUCTION, version=1)
    status = stands_for(three, 1)
    assert status["digest"] == three.versions()[0]["spec"]["digest"]
    move(three, 3, **{"kubernetes.io/change-cause": "tested in staging"})
    status = stands_for(three, 3)
    assert moves(three) == [(1, 3), (None, 1)]
    newest = status["moves"][0]
    assert newest["cause"] == "tested in staging"
    assert newest["manager"]
    assert "user" not in newest, "nothing protects the annotation here"
    comes_to(
        lambda: [note for _, reason, note in events(three, PRODUCTION) if reason == "Moved"],
        ["Moved 'production' to bot-v1", "Moved 'production' from bot-v1 to bot-v3"],
    )
    assert len(three.versions()) == 3, "a move makes no version"
    assert three.status()["activeVersion"] == 3
    move(three, 3)
    stands_for(three, 3)
    assert moves(three) == [(1, 3), (None, 1)], "the same again is no move"


def test_moves_within_a_second_are_all_recorded(three: Workspace) -> None:
    three.alias(PRODUCTION, version=1)
    stands_for(three, 1)
    asked = [2, 3, 1, 3, 2, 1, 2]
    for number in asked:
        move(three, number)
    stands_for(three, 2)
    assert [to for _, to in reversed(moves(three))] == [1, *asked]


def test_the_newest_fifty_of_many_moves_are_kept(three: Workspace) -> None:
    three.alias(PRODUCTION, version=1)
    for number in [2, 1] * 60:
        move(three, number)
    stands_for(three, 1)
    assert moves(three) == [(2, 1), (1, 2)] * 25


def test_what_cannot_be_honoured_leaves_it_where_it_is(three: Workspace) -> None:
    three.alias(PRODUCTION, version=2)
    stands_for(three, 2)
    move(three, 5)
    status = three.until_not_ready("VersionNotFound", PRODUCTION, "assistantaliases")
    assert (status["version"], moves(three)) == (2, [(None, 2)])
    ready = three.condition(PRODUCTION, plural="assistantaliases")
    assert ready["message"] == "spec.version: bot-v5 does not exist; the alias stays at bot-v2"
    assert three.condition(PRODUCTION, "VersionFound", "assistantaliases")["status"] == "False"
    three.edit(context={"prompt": "4", "temperature": 9})
    three.until_not_ready("SchemaRefused")
    move(three, 4)
    three.until_not_ready("SchemaRefused", PRODUCTION, "assistantaliases")
    ready = three.condition(PRODUCTION, plural="assistantaliases")
    assert "/context/temperature" in ready["message"]
    assert ready["message"].endswith("; the alias stays at bot-v2")
    move(three, 5)
    three.edit(context={"prompt": "5", "temperature": 1})
    stands_for(three, 5)
    assert moves(three) == [(2, 5), (None, 2)], "it is honoured as soon as it can be"


def test_by_digest_it_follows_the_content(three: Workspace) -> None:
    digest = three.versions()[0]["spec"]["digest"]
    three.alias(PRODUCTION, digest=digest)
    stands_for(three, 1)
    three.edit(context={"prompt": "1"})
    three.until_active(4)
    stands_for(three, 4)
    assert of(three)["digest"] == digest


def test_what_it_stands_for_is_not_pruned_and_comes_back(three: Workspace) -> None:
    three.alias(PRODUCTION, version=1)
    stands_for(three, 1)
    three.edit(versioning={"historyLimit": 1})
    comes_to(lambda: [each["spec"]["number"] for each in three.versions()], [1, 3])
    uid = three.versions()[0]["metadata"]["uid"]
    three.delete("assistantversions", "bot-v1")
    eventually(lambda: [each["spec"]["number"] for each in three.versions()] == [1, 3])
    eventually(lambda: three.versions()[0]["metadata"]["uid"] != uid)
    three.delete("assistantaliases", PRODUCTION)
    comes_to(lambda: [each["spec"]["number"] for each in three.versions()], [3])


def test_without_its_assistant_it_stays_and_finds_the_next_one(three: Workspace) -> None:
    three.alias(PRODUCTION, version=3)
    stands_for(three, 3)
    three.delete("assistants", "bot")
    status = three.until_not_ready("AssistantNotFound", PRODUCTION, "assistantaliases")
    assert status["version"] == 3
    three.alias("early", assistant="later", version=1)
    three.until_not_ready("AssistantNotFound", "early", "assistantaliases")
    three.assistant("later", context={"prompt": "1"})
    stands_for(three, 1, "early")


def test_a_settled_alias_is_not_written_and_a_restart_writes_nothing(
    operator: OperatorProcess, three: Workspace
) -> None:
    three.alias(PRODUCTION, version=2)
    stands_for(three, 2)
    before = three.get("assistantaliases", PRODUCTION)
    operator.kill()
    operator.start()
    three.edit(context={"prompt": "4"})
    three.until_active(4)
    assert three.get("assistantaliases", PRODUCTION) == before


def test_a_move_that_nobody_watched_is_found(operator: OperatorProcess, three: Workspace) -> None:
    three.alias(PRODUCTION, version=2)
    stands_for(three, 2)
    operator.kill()
    move(three, 3, **{"kubernetes.io/change-cause": "while nobody watched"})
    operator.start()
    assert stands_for(three, 3)["moves"][0]["cause"] == "while nobody watched"


def test_equal_names_in_two_namespaces_and_that_of_an_assistant_are_no_conflict(
    installed: ControlPlane, three: Workspace
) -> None:
    with a_workspace(installed) as another:
        another.assistant(context={"prompt": "of another namespace"})
        for workspace in (three, another):
            workspace.alias("bot", version=1)
            stands_for(workspace, 1, "bot")
        assert of(three, "bot")["digest"] != of(another, "bot")["digest"]
