"""The words of a command line, its usage, and what is said where the extra is missing."""

import subprocess
import sys

import pytest

from assistant_operator.kubectl.app import connection_first, run, spoken
from assistant_operator.kubectl.reading import bare, parsed_duration
from assistant_operator.kubectl.trouble import MISUSED, Trouble


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        pytest.param("get -n team", "-n team get", id="behind the command"),
        pytest.param("-n team get", "-n team get", id="before it"),
        pytest.param("get -nteam a --context=prod", "-nteam --context=prod get a", id="joined to the value"),
        pytest.param("get -n=team -o=yaml", "-n team get -o yaml", id="with an equals sign, as kubectl takes it"),
        pytest.param("undo a --as me -v 6 --v=7", "--as me -v 6 --v=7 undo a", id="the others"),
        pytest.param("undo a --to-revision 2 --pin", "undo a --to-revision 2 --pin", id="a command's own stay"),
        pytest.param("get -- -n", "get -- -n", id="what comes after -- is no flag"),
        pytest.param("get a -n", "-n", id="a value that is missing"),
        pytest.param("status a --watch=false", "status a --no-watch", id="as kubectl says no"),
        pytest.param("get -A", "get -A", id="another letter"),
    ],
)
def test_flags_of_the_connection_may_stand_anywhere(typed: str, read: str) -> None:
    assert connection_first(typed.split()) == read.split()


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/usr/bin/kubectl-assistants", "kubectl assistants"),
        ("kubectl-assistants", "kubectl assistants"),
        ("/src/kubectl/__main__.py", "python -m assistant_operator.kubectl"),
    ],
)
def test_usage_says_what_was_typed(program: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert spoken(program) == name
    assert run([program, "undo", "--help"]) == 0
    assert capsys.readouterr().out.startswith(f"Usage: {name} undo ")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["get", "-h"]])
def test_help_is_no_failure(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kubectl-assistants", *words]) == 0
    told = capsys.readouterr()
    assert told.out.startswith("Usage: kubectl assistants")
    assert told.err == ""


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["get", "--nonsense"],
        ["get", "-o", "xml"],
        ["get", "-n"],
        ["undo"],
        ["get", "a", "-A"],
        ["get", "a", "-l", "b=c"],
        ["get", "pod/a"],
        ["get", ""],
        ["history", "../graphs"],
        ["undo", ".."],
        ["undo", "a?b"],
        ["get", "-n", "../a"],
        ["undo", "a", "--pin", "--unpin"],
        ["undo", "a", "--to-revision", "-1"],
        ["diff", "a", "--revision", "x"],
        ["status", "a", "--timeout", "soon"],
    ],
    ids=" ".join,
)
def test_a_misuse_ends_with_2_and_words_on_stderr(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["kubectl-assistants", *words]) == MISUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert "rror" in told.err
    assert "Traceback" not in told.err


def test_no_kubeconfig_is_said_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert run(["kubectl-assistants", "get"]) == 1
    assert capsys.readouterr().err == (
        "error: there is no kubeconfig at /nowhere: set KUBECONFIG, or say --kubeconfig\n"
    )
    assert run(["kubectl-assistants", "diff", "a"]) == MISUSED


@pytest.mark.parametrize(
    ("name", "plain"),
    [("bot", "bot"), ("assistant/bot", "bot"), ("asst/bot", "bot"), ("assistant.assistant-operator.dev/bot", "bot")],
)
def test_a_name_may_have_its_type_before_it(name: str, plain: str) -> None:
    assert bare(name) == plain


@pytest.mark.parametrize(
    ("text", "seconds"), [("0", 0), ("90", 90), ("90s", 90), ("1.5m", 90), ("2h", 7200), ("-5", 0)]
)
def test_a_time_is_read(text: str, seconds: float) -> None:
    assert parsed_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "s", "5d", "soon"])
def test_what_is_no_time_is_a_misuse(text: str) -> None:
    with pytest.raises(Trouble):
        parsed_duration(text)


def without(library: str, function: str) -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; sys.modules[{library!r}] = None;"
        f" from assistant_operator.kubectl.__main__ import {function}; {function}()"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("library", ["typer", "rich"])
def test_without_the_extra_it_says_which_one_to_install(library: str) -> None:
    done = without(library, "main")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"kubectl assistants needs what the extra 'cli' brings ({library} is not installed):"
        " pipx install 'assistant-operator[cli]', or uv tool install 'assistant-operator[cli]'\n"
    )


def test_without_the_extra_completion_is_silent() -> None:
    done = without("typer", "complete")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
