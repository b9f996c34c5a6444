"""The command line: usage, misuse, and the message where the extra is missing."""

import subprocess
import sys

import pytest

from assistant_operator.kubectl.cli import run, usage_name
from assistant_operator.kubectl.errors import MISUSED


def exit_code(*arguments: str) -> object:
    with pytest.raises(SystemExit) as ended:
        run(arguments)
    return ended.value.code


@pytest.mark.parametrize(
    ("program", "name"),
    [
        ("/usr/bin/kubectl-assistants", "kubectl assistants"),
        ("kubectl-assistants", "kubectl assistants"),
        ("/src/kubectl/__main__.py", "python -m assistant_operator.kubectl"),
    ],
)
def test_usage_says_what_was_typed(program: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert usage_name(program) == name
    assert exit_code(program, "undo", "--help") == 0
    assert capsys.readouterr().out.startswith(f"Usage: {name} undo ")


@pytest.mark.parametrize("words", [[], ["--help"], ["-h"], ["get", "-h"]])
def test_help_is_no_failure(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("kubectl-assistants", *words) == 0
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
        ["history", "a", "--at", "soon"],
        ["history", "a", "--at", "2026-01-01", "--revision", "2"],
        ["history", "a", "--revision", "2", "--user", "b"],
        ["history", "a", "--path", "b..c"],
        ["blame"],
        ["blame", "a", "/b~c"],
        ["blame", "a", "b", "c"],
        ["show", "a", "0"],
        ["show", "a", "latest"],
        ["verify", "a", "-A"],
        ["verify", "-o", "name"],
        ["pin", "a", "-1"],
        ["pin", "a", "2", "--cause", "x" * 1025],
        ["unpin", "a", "2"],
        ["set", "a"],
        ["set", "a", "context.prompt"],
        ["set", "a", "context.prompt=@/nowhere"],
    ],
    ids=lambda words: " ".join(words)[:60],
)
def test_a_misuse_ends_with_2_and_words_on_stderr(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("kubectl-assistants", *words) == MISUSED
    told = capsys.readouterr()
    assert told.out == ""
    assert "rror" in told.err
    assert "Traceback" not in told.err


def test_no_kubeconfig_is_said_in_words(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert exit_code("kubectl-assistants", "get") == 1
    assert capsys.readouterr().err == (
        "error: there is no kubeconfig at /nowhere: set KUBECONFIG, or say --kubeconfig\n"
    )
    assert exit_code("kubectl-assistants", "diff", "a") == MISUSED


def test_commands_are_listed_in_the_order_of_use(capsys: pytest.CaptureFixture[str]) -> None:
    exit_code("kubectl-assistants", "-h")
    listed = capsys.readouterr().out.partition("Commands:\n")[2].partition("\n\n")[0]
    assert [line.split()[0] for line in listed.splitlines()] == [
        *("get", "history", "diff", "blame", "show", "verify", "status", "tree", "aliases"),
        *("set", "pin", "unpin", "undo", "promote", "suspend", "resume"),
        *("export", "import", "dashboard", "version", "completion"),
    ]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_asks_the_program_for_candidates(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code("kubectl-assistants", "completion", shell) == 0
    script = capsys.readouterr().out
    assert f"_KUBECTL_ASSISTANTS_COMPLETE={shell}_complete" in script
    assert "_kubectl_assistants_completion" in script


def test_another_shell_is_a_misuse() -> None:
    assert exit_code("kubectl-assistants", "completion", "powershell") == MISUSED


def without(library: str, function: str) -> subprocess.CompletedProcess[str]:
    program = (
        f"import sys; sys.modules[{library!r}] = None;"
        f" from assistant_operator.kubectl.__main__ import {function}; {function}()"
    )
    return subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("library", ["jsonpatch", "rich"])
def test_without_the_extra_it_says_which_one_to_install(library: str) -> None:
    done = without(library, "main")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"kubectl assistants needs what the extra 'cli' brings ({library} is not installed):"
        " pipx install 'assistant-operator[cli]', or uv tool install 'assistant-operator[cli]'\n"
    )


def test_without_the_extra_completion_is_silent() -> None:
    done = without("rich", "complete")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
