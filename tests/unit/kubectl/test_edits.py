"""What a version records of its edit, and whether an edit changed a field."""

from typing import Any

import pytest

from assistant_operator.kubectl.client import Found
from assistant_operator.kubectl.edits import RecordedEdit, changes, is_same
from harness.worlds import NOW
from unit.kubectl.kept import a_kept

CAUSE = "legal asked"


def an_edit(number: int, *paths: str, kind: str = "Edited", **context: Any) -> RecordedEdit:
    return RecordedEdit(number, {"graphRef": {"name": "g"}, "context": context}, kind=kind, paths=paths)


def test_an_edit_as_its_version_records_it() -> None:
    version = a_kept(3)
    change = {"kind": "Edited", "paths": ["/a"], "user": "jane", "manager": "kubectl-edit", "cause": CAUSE}
    document = {"spec": {"snapshot": {"graphRef": {}}, "change": change}}
    recorded = RecordedEdit.of(Found(version, document))
    assert recorded == RecordedEdit(
        3,
        {"graphRef": {}},
        paths=("/a",),
        user="jane",
        manager="kubectl-edit",
        cause=CAUSE,
        time=version.metadata.creation_timestamp,
    )
    assert recorded.time
    assert recorded.time < NOW


@pytest.mark.parametrize(
    ("user", "manager", "by"), [("", "", ""), ("", "kubectl-edit", "kubectl-edit"), ("jane", "kubectl-edit", "jane")]
)
def test_the_author_is_the_user_if_it_is_known(user: str, manager: str, by: str) -> None:
    assert RecordedEdit(1, {}, user=user, manager=manager).by == by


MANY = [f"/context/{number}" for number in range(64)]
PROMPT = ("context", "prompt")


@pytest.mark.parametrize(
    ("edit", "previous", "is_changed"),
    [
        pytest.param(an_edit(2, prompt="x"), an_edit(1, prompt="x"), False, id="equal"),
        pytest.param(an_edit(2, prompt=1), an_edit(1, prompt=1.0), False, id="equal numbers"),
        pytest.param(an_edit(2, prompt=1), an_edit(1, prompt=True), True, id="true is not 1"),
        pytest.param(an_edit(2, prompt="y"), an_edit(1, prompt="x"), True, id="another text"),
        pytest.param(an_edit(2, prompt={"a": 1}), an_edit(1, prompt={"a": 2}), True, id="a change below"),
        pytest.param(an_edit(2), an_edit(1, prompt=None), True, id="removed, although it was null"),
        pytest.param(an_edit(1, kind="Created", prompt="x"), None, True, id="created with it"),
        pytest.param(an_edit(1, kind="Created"), None, False, id="created without it"),
        pytest.param(an_edit(4, kind="Created", prompt="x"), an_edit(3, prompt="x"), True, id="re-created with it"),
        pytest.param(an_edit(7, "/context/prompt"), None, True, id="pruned before: it is recorded"),
        pytest.param(an_edit(7, "/context"), None, True, id="pruned before: all above it is new"),
        pytest.param(an_edit(7, "/context/prompt/a"), None, True, id="pruned before: a change below it"),
        pytest.param(an_edit(7, "/context/prompts"), None, False, id="pruned before: another field"),
        pytest.param(an_edit(7, *MANY), None, True, id="pruned before: the record may be cut"),
        pytest.param(an_edit(7), None, True, id="pruned before: nothing is recorded"),
        pytest.param(an_edit(7, "/context/a"), an_edit(5, prompt="x"), False, id="the one before is missing"),
    ],
)
def test_whether_an_edit_changed_a_field(edit: RecordedEdit, previous: Any, *, is_changed: bool) -> None:
    assert changes(edit, previous, PROMPT) is is_changed


def test_a_long_path_is_recorded_without_its_end() -> None:
    long = ("context", "x" * 300)
    assert an_edit(7, f"/context/{'x' * 300}"[:256]).records(long)
    assert not an_edit(7, f"/context/{'y' * 300}"[:256]).records(long)


@pytest.mark.parametrize(("one", "other"), [("1", 1), (None, False), ([], {}), ([1, 2], [2, 1]), ("", None)])
def test_other_content(one: Any, other: Any) -> None:
    assert not is_same(one, other)
