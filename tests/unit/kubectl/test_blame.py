"""`blame`: the lines that are printed, and what is said of what is not known."""

from typing import Any

import pytest

from assistant_operator.kubectl.attribution import Origin, attribute
from assistant_operator.kubectl.blame import blame_document, blame_table, cut, inexact_note, label, no_such_field, until
from assistant_operator.kubectl.edits import RecordedEdit
from assistant_operator.kubectl.errors import CliError
from harness.worlds import EARLIER, KEY, NOW

FIRST = RecordedEdit(
    1,
    {"context": {"n": "1", "prompt": "one\n\ttwo\r\nthree\n", "tools": []}, "description": "x\x1b[31m"},
    "Created",
    manager="kubectl-create",
    time=EARLIER,
)
SECOND = RecordedEdit(
    2,
    {"context": {"n": 1, "prompt": "one\n\ttwo\r\n3\n", "tools": []}},
    "Edited",
    ("/context/n", "/context/prompt", "/description"),
    "jane",
    "kubectl-edit",
    "legal asked",
    NOW,
)
THIRD = RecordedEdit(3, {"context": {}}, "Edited", ("/context",))
ALL = [FIRST, SECOND]


def test_each_field_and_each_line() -> None:
    assert blame_table(ALL, attribute(ALL), NOW, wide=False) == (
        "VERSION   BY               AGE   PATH              LINE   CONTENT\n"
        "2         jane             0s    /context/n               1\n"
        "1         kubectl-create   24h   /context/prompt   1      one\n"
        "1         kubectl-create   24h   /context/prompt   2          two\n"
        "2         jane             0s    /context/prompt   3      3\n"
        "1         kubectl-create   24h   /context/tools           []\n"
    )


def test_a_value_is_printed_as_yaml_and_cannot_move_the_cursor() -> None:
    text = blame_table([FIRST], attribute([FIRST]), NOW, wide=True)
    assert "CAUSE    PATH" in text
    assert "/context/n               '1'\n" in text
    assert '/description             "x\\e[31m"\n' in text


def test_wide_has_the_cause() -> None:
    assert "2         jane             0s    legal asked   /context/n " in blame_table(
        ALL, attribute(ALL), NOW, wide=True
    )


@pytest.mark.parametrize(
    ("origin", "kept", "text"),
    [
        (Origin(7, 7), {7}, "7"),
        (Origin(1, 1), {2}, "1"),
        (Origin(1, 6), {7}, "<7"),
        (Origin(1, 7), {7, 8}, "<=7"),
        (Origin(4, 5), {3, 6}, "4-5"),
        (Origin(4, 6), {3, 6}, "4-6"),
    ],
)
def test_how_a_version_is_written(origin: Origin, kept: set[int], text: str) -> None:
    assert label(origin, kept) == text


def test_what_is_not_known_has_no_author_and_is_explained() -> None:
    pruned = [RecordedEdit(7, FIRST.snapshot, "Edited", ("/context/prompt",), manager="me", time=NOW)]
    entries = attribute(pruned)
    lines = blame_table(pruned, entries, NOW, wide=False).splitlines()
    assert lines[1].split() == ["<7", "<none>", "<none>", "/context/n", "'1'"]
    assert lines[2].split() == ["<=7", "<none>", "<none>", "/context/prompt", "1", "one"]
    assert inexact_note(pruned, entries) == (
        "no longer kept: version 1-6. So <7 is older than version 7, <=7 is of version 7 or older,"
        " 4-6 is of one of these"
    )
    assert inexact_note(ALL, attribute(ALL)) == ""


def test_as_a_document() -> None:
    found = blame_document(KEY, ALL, attribute(ALL)[:2])
    assert found == {
        "namespace": "team",
        "name": "bot",
        "version": 2,
        "entries": [
            {
                "path": "/context/n",
                "value": 1,
                "first": 2,
                "last": 2,
                "user": "jane",
                "manager": "kubectl-edit",
                "cause": "legal asked",
                "time": "2026-03-01T12:00:00Z",
            },
            {
                "path": "/context/prompt",
                "line": 1,
                "value": "one",
                "first": 1,
                "last": 1,
                "manager": "kubectl-create",
                "time": "2026-02-28T12:00:00Z",
            },
        ],
    }


@pytest.mark.parametrize(("number", "numbers"), [(0, [1, 2, 3]), (2, [1, 2]), (1, [1])])
def test_up_to_a_version(number: int, numbers: list[int]) -> None:
    assert [edit.number for edit in until("bot", [*ALL, THIRD], number)] == numbers


@pytest.mark.parametrize(
    ("edits", "number", "message"),
    [
        (ALL, 9, "error: assistant 'bot' has no version 9: it has 1, 2"),
        ([], 0, "error: assistant 'bot' has no version"),
    ],
)
def test_a_version_that_does_not_exist(edits: Any, number: int, message: str) -> None:
    with pytest.raises(CliError) as error:
        until("bot", edits, number)
    assert str(error.value).startswith(message)


@pytest.mark.parametrize(
    ("path", "message"),
    [
        (("context", "nothing"), "error: version 3 of 'bot' has no field /context/nothing"),
        (
            ("description",),
            (
                "error: version 3 of 'bot' has no field /description: version 2 removed it, by jane."
                " See 'kubectl assistants blame bot /description --revision 1'"
            ),
        ),
        (
            ("context", "n"),
            (
                "error: version 3 of 'bot' has no field /context/n: version 3 removed it."
                " See 'kubectl assistants blame bot /context/n --revision 2'"
            ),
        ),
    ],
)
def test_a_field_that_does_not_exist(path: tuple[str, ...], message: str) -> None:
    assert str(no_such_field("bot", [*ALL, THIRD], path)) == message


@pytest.mark.parametrize(
    ("width", "text"),
    [(80, "a line\nand another\n"), (6, "a line\nand a…\n"), (1, "…\n…\n")],
)
def test_lines_are_cut_for_a_narrow_terminal(width: int, text: str) -> None:
    assert cut("a line\nand another\n", width) == text


def test_a_wide_character_has_two_columns() -> None:
    assert cut("日本語\n", 5) == "日本…\n"
