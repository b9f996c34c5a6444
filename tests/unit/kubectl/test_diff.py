"""`diff`: what is compared, and how it is told."""

from typing import Any

import pytest

from assistant_operator.api.assistant import Snapshot
from assistant_operator.kubectl.diff import Side, parse_revisions, show, sides, unified
from assistant_operator.kubectl.errors import MISUSED, CliError
from harness.worlds import a_status, an_assistant
from unit.kubectl.kept import kept

NOTHING_IN_FORCE = an_assistant(status=a_status(active_version=None))


@pytest.mark.parametrize(
    ("assistant", "wished", "labels"),
    [
        pytest.param(an_assistant(), (), ["bot-v3 (in force)", "bot (spec)"], id="what is in force with the spec"),
        pytest.param(NOTHING_IN_FORCE, (), ["nothing in force", "bot (spec)"], id="nothing is in force yet"),
        pytest.param(an_assistant(), (1,), ["bot-v1", "bot (spec)"], id="one version with the spec"),
        pytest.param(an_assistant(), (1, 3), ["bot-v1", "bot-v3 (in force)"], id="two versions"),
        pytest.param(an_assistant(), (3, 1), ["bot-v3 (in force)", "bot-v1"], id="in the order that was asked for"),
    ],
)
def test_what_is_compared(assistant: Any, wished: tuple[int, ...], labels: list[str]) -> None:
    assert [each.label for each in sides(assistant, kept(), wished)] == labels


def test_a_version_that_is_not_there_cannot_be_compared() -> None:
    with pytest.raises(CliError, match="assistant 'bot' has no version 9: it has 1, 2, 3"):
        sides(an_assistant(), kept(), (1, 9))


@pytest.mark.parametrize(("text", "numbers"), [("", ()), ("3", (3,)), ("3,5", (3, 5)), ("3, 5", (3, 5))])
def test_numbers_are_read(text: str, numbers: tuple[int, ...]) -> None:
    assert parse_revisions(text) == numbers


@pytest.mark.parametrize("text", ["x", "0", "-1", "1,2,3", "1,", "v1", "1..2"])
def test_what_is_no_number_is_a_misuse(text: str) -> None:
    with pytest.raises(CliError) as error:
        parse_revisions(text)
    assert error.value.exit_code == MISUSED


def a_side(label: str, **context: Any) -> Side:
    return Side(label, Snapshot.model_validate({"graphRef": {"name": "support"}, "context": context}))


def test_a_prompt_is_compared_line_by_line() -> None:
    told = unified(a_side("before", prompt="one\ntwo\n"), a_side("after", prompt="one\nthree\n"))
    assert "".join(told) == (
        "--- before\n+++ after\n"
        "@@ -1,6 +1,6 @@\n"
        " context:\n   prompt: |\n     one\n-    two\n+    three\n graphRef:\n   name: support\n"
    )


def test_nothing_differs_from_all() -> None:
    told = unified(Side("nothing in force", None), a_side("after"))
    assert "".join(told) == (
        "--- nothing in force\n+++ after\n@@ -0,0 +1,3 @@\n+context: {}\n+graphRef:\n+  name: support\n"
    )


@pytest.mark.parametrize(
    ("before", "after", "differs"),
    [
        pytest.param({"a": 1, "b": 2}, {"b": 2, "a": 1}, False, id="another order of keys"),
        pytest.param({"a": 1}, {"a": 1.0}, False, id="1 and 1.0"),
        pytest.param({"a": 1}, {"a": True}, True, id="1 and true"),
        pytest.param({"a": "1"}, {"a": 1}, True, id="a text and a number"),
        pytest.param({"a": None}, {}, True, id="null and absent"),
        pytest.param({"a": [1, 2]}, {"a": [2, 1]}, True, id="another order in a list"),
        pytest.param({"a": 2**53}, {"a": 2**53 + 1}, True, id="the last digit of a large number"),
    ],
)
def test_content_decides(before: dict[str, Any], after: dict[str, Any], differs: bool) -> None:  # noqa: FBT001 (a row)
    assert bool(unified(a_side("x", **before), a_side("x", **after))) is differs


ONE, TWO = a_side("one", prompt="one"), a_side("two", prompt="two")


def test_a_person_sees_colours(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    assert show(ONE, TWO)
    removed, added = "\x1b[31m-  prompt: \x1b[0m\x1b[7;31mone\x1b[0m", "\x1b[32m+  prompt: \x1b[0m\x1b[7;32mtwo\x1b[0m"
    assert f"{removed}\n{added}\n" in capsys.readouterr().out


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1", "FORCE_COLOR": "1"}, {}])
def test_a_file_or_who_wants_none_gets_no_colour(
    environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert show(ONE, TWO)
    assert capsys.readouterr().out == "".join(unified(ONE, TWO))


def test_markup_of_a_prompt_is_text(capsys: pytest.CaptureFixture[str]) -> None:
    show(ONE, a_side("two", prompt="[bold]:smile: {{ x }}"))
    assert "+  prompt: '[bold]:smile: {{ x }}'\n" in capsys.readouterr().out


def test_equal_contents_say_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert not show(ONE, ONE)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("program", ["no-such-program", "sh -c 'exit 3'", "unbalanced '"])
def test_a_diff_program_that_fails_is_trouble(program: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECTL_EXTERNAL_DIFF", program)
    with pytest.raises(CliError, match=r"^error: KUBECTL_EXTERNAL_DIFF=") as error:
        show(ONE, TWO)
    assert error.value.exit_code == MISUSED
