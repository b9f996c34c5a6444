"""The actions: what is written, what comes into force, and what is refused."""

from typing import Any

import pytest

from assistant_operator.kubectl.dashboard.actions import (
    Action,
    Draft,
    Offer,
    cause_of,
    draft,
    offers,
    seen,
    with_cause,
)
from assistant_operator.kubectl.dashboard.rows import VersionRow
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.patch import patched
from harness.worlds import a_status, an_assistant
from unit.kubectl.dashboard.documents import found, sent
from unit.kubectl.kept import NOT_VALID, UNJUDGED, a_kept, kept

ROWS = [VersionRow.of(sent(each)) for each in kept()]


def a_draft(action: Action, assistant: Any, number: int = 0, rows: Any = ROWS) -> Draft:
    return draft(action, found(assistant), rows, found(a_kept(number)) if number else None)


def set_(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": f"/spec/{path}", "value": value}


def removed(path: str) -> dict[str, Any]:
    return {"op": "remove", "path": f"/spec/{path}"}


PIN = set_("versioning/activeVersion", 2)
CONTENT = set_("context", {"prompt": "two"})
UNPINNED = removed("versioning/activeVersion")


@pytest.mark.parametrize(
    ("action", "assistant", "number", "patch", "after"),
    [
        pytest.param(Action.PIN, an_assistant(), 2, (PIN,), 2, id="pin"),
        pytest.param(Action.PIN, an_assistant(pin=2), 2, (), 2, id="pin again"),
        pytest.param(Action.PIN, an_assistant(suspend=True), 2, (PIN,), 3, id="pin while suspended"),
        pytest.param(
            Action.UNPIN, an_assistant(pin=1, status=a_status(active_version=1)), 0, (UNPINNED,), 3, id="unpin"
        ),
        pytest.param(
            Action.UNPIN,
            an_assistant(pin=1, manual=True, status=a_status(active_version=1)),
            0,
            (UNPINNED,),
            1,
            id="unpin with manual activation",
        ),
        pytest.param(Action.UNPIN, an_assistant(), 0, (), 3, id="no pin"),
        pytest.param(Action.RESTORE, an_assistant(), 2, (CONTENT,), 2, id="restore"),
        pytest.param(Action.RESTORE, an_assistant(), 3, (), 3, id="restore what is there"),
        pytest.param(Action.RESTORE, an_assistant(pin=1), 2, (CONTENT, UNPINNED), 2, id="restore removes a pin"),
        pytest.param(
            Action.RESTORE, an_assistant(pin=3, manual=True), 2, (CONTENT,), 3, id="restore with manual activation"
        ),
        pytest.param(Action.SUSPEND, an_assistant(), 0, (set_("suspend", True),), 3, id="suspend"),
        pytest.param(
            Action.RESUME,
            an_assistant(suspend=True, status=a_status(active_version=2)),
            0,
            (set_("suspend", False),),
            3,
            id="resume: the latest comes into force",
        ),
        pytest.param(
            Action.RESUME, an_assistant(suspend=True, pin=1), 0, (set_("suspend", False),), 1, id="resume: the pin"
        ),
        pytest.param(
            Action.RESUME, an_assistant(suspend=True, manual=True), 0, (set_("suspend", False),), 3, id="resume: manual"
        ),
    ],
)
def test_what_is_written_and_what_comes_into_force(
    action: Action, assistant: Any, number: int, patch: Any, after: int
) -> None:
    planned = a_draft(action, assistant, number)
    assert (planned.patch, planned.after) == (patch, after)


def test_a_refused_version_does_not_come_into_force_by_removing_the_pin() -> None:
    rows = [*ROWS[:2], VersionRow.of(sent(a_kept(3, valid=NOT_VALID)))]
    assistant = an_assistant(pin=1, status=a_status(active_version=1))
    assert a_draft(Action.UNPIN, assistant, rows=rows).after == 2


def test_a_version_that_is_not_validated_yet_comes_into_force_if_it_is_valid() -> None:
    rows = [*ROWS[:2], VersionRow.of(sent(a_kept(3, valid=UNJUDGED)))]
    planned = a_draft(Action.RESUME, an_assistant(suspend=True, status=a_status(active_version=2)), rows=rows)
    assert planned.after == 3
    assert planned.notes == ("v3 is not validated yet: it comes into force if the schemas of the graph accept it.",)


@pytest.mark.parametrize("action", [Action.PIN, Action.RESTORE])
def test_a_version_that_the_schema_refuses_is_refused(action: Action) -> None:
    with pytest.raises(CliError, match="would not come into force: graph 'support' refuses it"):
        draft(action, found(an_assistant()), ROWS, found(a_kept(2, valid=NOT_VALID)))


@pytest.mark.parametrize(
    ("action", "assistant", "words"),
    [
        (Action.PIN, an_assistant(), ["until the pin is removed"]),
        (Action.PIN, an_assistant(manual=True), []),
        (Action.PIN, an_assistant(manual=True, suspend=True), ["until it is resumed"]),
        (Action.RESTORE, an_assistant(manual=True), ["once it is pinned"]),
        (Action.RESTORE, an_assistant(pin=1), ["The pin to v1 is removed"]),
    ],
)
def test_notes(action: Action, assistant: Any, words: list[str]) -> None:
    notes = a_draft(action, assistant, 2).notes
    assert len(notes) == len(words)
    assert all(word in note for word, note in zip(words, notes, strict=True))


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(an_assistant(meta={"uid": "another"}), id="another object of that name"),
        pytest.param(an_assistant(meta={"generation": 4}), id="an edit"),
        pytest.param(an_assistant(status=a_status(active_version=2)), id="another version in force"),
    ],
)
def test_a_form_is_about_one_state(changed: Any) -> None:
    assert seen(changed) != seen(an_assistant())


@pytest.mark.parametrize(
    ("text", "cause"), [("legal", "legal"), (" two\n lines ", "two lines"), ("x" * 2000, "x" * 1024)]
)
def test_a_cause_is_one_line(text: str, cause: str) -> None:
    assert cause_of(text) == cause


@pytest.mark.parametrize("text", ["", "  \n "])
def test_without_a_cause_nothing_is_written(text: str) -> None:
    with pytest.raises(CliError, match="Enter a cause"):
        cause_of(text)


@pytest.mark.parametrize(
    ("annotations", "tests", "written"),
    [
        pytest.param({}, ["/metadata/uid", "/metadata/generation"], {}, id="empty"),
        pytest.param({"team": "x"}, ["/metadata/uid", "/metadata/generation"], {"team": "x"}, id="others stay"),
        pytest.param(
            None, ["/metadata/resourceVersion", "/metadata/uid", "/metadata/generation"], {}, id="no annotations"
        ),
    ],
)
def test_the_cause_goes_with_the_write(annotations: Any, tests: list[str], written: Any) -> None:
    assistant = an_assistant(meta={} if annotations is None else {"annotations": annotations})
    patch = with_cause((PIN,), found(assistant), "legal")
    assert [each["path"] for each in patch if each["op"] == "test"] == tests
    document = patched(sent(assistant), tuple(patch))
    assert document["spec"]["versioning"]["activeVersion"] == 2
    assert document["metadata"]["annotations"] == {**written, "assistant-operator.dev/change-cause": "legal"}


@pytest.mark.parametrize(
    ("assistant", "denied", "shown"),
    [
        pytest.param(an_assistant(), "", [Offer("Suspend", "/a/suspend", "")], id="settled"),
        pytest.param(an_assistant(suspend=True), "", [Offer("Resume", "/a/resume", "")], id="suspended"),
        pytest.param(
            an_assistant(pin=2), "", [Offer("Unpin", "/a/unpin", ""), Offer("Suspend", "/a/suspend", "")], id="pinned"
        ),
        pytest.param(an_assistant(), "no", [Offer("Suspend", "", "no")], id="without the permission"),
    ],
)
def test_what_is_offered(assistant: Any, denied: str, shown: list[Offer]) -> None:
    assert list(offers(assistant, "/a", denied)) == shown
