"""What an import creates in which namespace, and which namespace it leaves as it is."""

from typing import Any

import pytest

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.assistant_version import AssistantVersion
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.import_plan import Stored, import_notes, plan_import
from unit.kubectl.test_export_file import LABELS, OWNER, a_history, a_stored, stored_versions

HISTORY = a_history()
NOTHING = Stored()


def versions(*numbers: int, **meta: Any) -> tuple[AssistantVersion, ...]:
    return tuple(AssistantVersion.model_validate(each) for each in stored_versions(*numbers, **meta))


ORPHANS: dict[str, Any] = {"ownerReferences": []}
OTHERS = {"ownerReferences": [{**OWNER, "uid": "another"}]}
GOING = {"ownerReferences": [], "deletionTimestamp": "2026-03-01T12:00:00Z"}


def an_assistant(spec: Any = None, status: Any = None, **meta: Any) -> Assistant:
    return Assistant.model_validate(a_stored(spec, status, **meta))


def at(latest: int | None) -> Assistant:
    """An Assistant whose newest version has that number."""
    return an_assistant().model_copy(update={"status": AssistantStatus.of(latest_version=latest)})


def limited(limit: int, **versioning: Any) -> Assistant:
    return an_assistant({"versioning": {"historyLimit": limit, **versioning}}, {"activeVersion": 3})


@pytest.mark.parametrize(
    ("stored", "numbers", "creates_assistant"),
    [
        pytest.param(Stored(an_assistant(), versions(1, 2, 3)), (), False, id="all is there"),
        pytest.param(NOTHING, (3, 2, 1), True, id="nothing is there: the newest version first"),
        pytest.param(Stored(None, versions(3, **ORPHANS)), (2, 1), True, id="the newest version is there"),
        pytest.param(Stored(None, versions(1, 2, 3, **ORPHANS)), (), True, id="the assistant is missing"),
        pytest.param(Stored(at(3), versions(2, 3)), (1,), False, id="an old version is missing"),
        pytest.param(Stored(at(4), versions(1, 2, 3, 4)), (), False, id="the history went on"),
        pytest.param(Stored(at(3), versions(3, **ORPHANS)), (2, 1), False, id="versions that are not adopted yet"),
        pytest.param(Stored(limited(2), versions(2, 3)), (), False, id="pruned versions stay away"),
        pytest.param(Stored(limited(1, activeVersion=2), versions(3)), (2,), False, id="a pinned one does not"),
    ],
)
def test_what_is_created(stored: Stored, numbers: tuple[int, ...], *, creates_assistant: bool) -> None:
    plan = plan_import(HISTORY, stored)
    assert plan.numbers == numbers
    assert [each["metadata"]["name"] for each in plan.versions] == [f"bot-v{number}" for number in numbers]
    assert (plan.assistant is not None) is creates_assistant
    assert plan.is_empty == (not numbers and not creates_assistant)


def test_a_version_has_the_labels_of_the_operator_and_its_own() -> None:
    keep = {"assistant-operator.dev/keep": ""}
    plan = plan_import(a_history(versions=stored_versions(1, labels=keep)), NOTHING)
    assert plan.versions[0]["metadata"]["labels"] == {**LABELS, **keep}
    pruned = plan_import(a_history(versions=stored_versions(1, 2, 3, labels=keep)), Stored(limited(1), versions(3)))
    assert pruned.numbers == (2, 1), "those labelled keep are not pruned"


def test_a_default_assistant_is_left_to_its_graph() -> None:
    default = a_history(a_stored(labels={"assistant-operator.dev/default": "true"}))
    plan = plan_import(default, NOTHING)
    assert (plan.numbers, plan.assistant) == ((3, 2, 1), None)
    assert plan.result() == "versions 1-3 created"
    assert import_notes(default, has_graph=False) == [
        "bot is a default assistant: its graph 'support' creates it, and it adopts the versions"
    ]


def test_a_history_without_versions() -> None:
    empty = a_history(versions=[])
    assert plan_import(empty, NOTHING).result() == "imported, no version created"
    assert plan_import(empty, Stored(at(1), versions(1))).is_empty


def altered(number: int) -> tuple[AssistantVersion, ...]:
    """Versions of which one has another change, whatever its content."""
    of = list(stored_versions(1, 2, 3))
    of[number - 1]["spec"]["change"] = {"kind": "Edited", "cause": "another"}
    return tuple(AssistantVersion.model_validate(each) for each in of)


DELETE = "nothing is written: delete that history first, or give another namespace"


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        pytest.param(
            Stored(at(3), altered(2)),
            f"exists with another history: its version 2 is another one; {DELETE}",
            id="other",
        ),
        pytest.param(
            Stored(at(2), versions(1, 2)),
            f"exists with another history: its newest version is 2, and that of the file 3; {DELETE}",
            id="an older state of it",
        ),
        pytest.param(
            Stored(None, versions(1, 2, 3, 4, **ORPHANS)),
            f"exists with another history: it has version 4, and the newest of the file is 3; {DELETE}",
            id="orphans that go on after it",
        ),
        pytest.param(
            Stored(at(None)),
            f"exists with another history: it has versions none, and the file 1-3; {DELETE}",
            id="an assistant without a version, which is about to get one",
        ),
        pytest.param(
            Stored(at(5), versions(4, 5)),
            f"exists with another history: it has versions 4-5, and the file 1-3; {DELETE}",
            id="no version in common",
        ),
    ],
)
def test_another_history_is_refused(stored: Stored, reason: str) -> None:
    with pytest.raises(CliError) as error:
        plan_import(HISTORY, stored)
    assert error.value.message == f"error: 'bot' {reason}"


def test_a_version_of_the_namespace_that_does_not_fit_into_a_gap_is_refused() -> None:
    broken = stored_versions(1, 2, 3)
    broken[1]["spec"]["chain"] = broken[2]["spec"]["chain"]
    there = tuple(AssistantVersion.model_validate(each) for each in broken)
    with pytest.raises(CliError, match="version 2: its chain does not continue that of version 1"):
        plan_import(a_history(versions=stored_versions(1, 3)), Stored(at(3), there))


@pytest.mark.parametrize(
    ("stored", "reason"),
    [
        pytest.param(
            Stored(an_assistant(deletionTimestamp="2026-03-01T12:00:00Z")),
            "error: assistant 'bot' is being deleted: try again when it is gone",
            id="the assistant",
        ),
        pytest.param(
            Stored(None, versions(1, 2)),
            "error: bot-v1 of a deleted assistant still exists: try again when it is gone",
            id="versions that garbage collection deletes",
        ),
        pytest.param(
            Stored(at(3), versions(3, **OTHERS)),
            "error: bot-v3 of a deleted assistant still exists: try again when it is gone",
            id="versions of a predecessor",
        ),
        pytest.param(
            Stored(None, versions(3, **GOING)),
            "error: bot-v3 of a deleted assistant still exists: try again when it is gone",
            id="a version",
        ),
    ],
)
def test_what_is_being_deleted_is_waited_for(stored: Stored, reason: str) -> None:
    with pytest.raises(CliError) as error:
        plan_import(HISTORY, stored)
    assert error.value.message == reason


@pytest.mark.parametrize(
    ("spec", "has_graph", "notes"),
    [
        pytest.param({}, True, [], id="an assistant that works at once"),
        pytest.param({}, False, ["graph 'support' does not exist: bot is not ready until it does"], id="no graph"),
        pytest.param(
            {"context": {"n": 4}},
            True,
            ["the spec of bot is not the content of its newest version: the operator makes a version of it"],
            id="an edit that is not recorded",
        ),
        pytest.param(
            {"versioning": {"activeVersion": 7}},
            True,
            ["bot is pinned to version 7, which is not in the file"],
            id="a pin to another version",
        ),
        pytest.param(
            {"versioning": {"activation": "Manual"}},
            True,
            ["activation of bot is Manual: no version is active until you pin one"],
            id="manual activation",
        ),
        pytest.param({"versioning": {"activation": "Manual", "activeVersion": 2}}, True, [], id="a pin"),
        pytest.param(
            {"suspend": True},
            True,
            ["bot is suspended: no version is active until 'kubectl assistants resume bot'"],
            id="suspended",
        ),
    ],
)
def test_notes_of_an_import(spec: Any, notes: list[str], *, has_graph: bool) -> None:
    assert import_notes(a_history(a_stored(spec)), has_graph=has_graph) == notes
