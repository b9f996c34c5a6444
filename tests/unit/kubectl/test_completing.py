"""What the Tab key offers, as far as the words themselves tell."""

import pytest

from assistant_operator.kubectl.app import language
from assistant_operator.kubectl.completing import SCRIPTS, Shell, Wanted

COMMANDS = ["get", "history", "diff", "status", "tree", "undo", "suspend", "resume", "version", "completion"]


@pytest.mark.parametrize(
    ("words", "wanted", "typed"),
    [
        pytest.param("", Wanted.COMMAND, "", id="nothing yet"),
        pytest.param("un", Wanted.COMMAND, "un", id="a command"),
        pytest.param("-n team un", Wanted.COMMAND, "un", id="a command behind a flag"),
        pytest.param("undo fr", Wanted.ASSISTANT, "fr", id="a name"),
        pytest.param("undo --pin fr", Wanted.ASSISTANT, "fr", id="a name behind a flag without a value"),
        pytest.param("undo -o yaml fr", Wanted.ASSISTANT, "fr", id="a name behind a flag with one"),
        pytest.param("undo -o=yaml fr", Wanted.ASSISTANT, "fr", id="or joined to it"),
        pytest.param("undo friendly te", Wanted.NOTHING, "te", id="undo takes one name"),
        pytest.param("get friendly te", Wanted.ASSISTANT, "te", id="get takes several"),
        pytest.param("tree su", Wanted.GRAPH, "su", id="a graph"),
        pytest.param("version x", Wanted.NOTHING, "x", id="a command that takes nothing"),
        pytest.param("nonsense x", Wanted.NOTHING, "x", id="no command of ours"),
        pytest.param("completion z", Wanted.CHOICE, "z", id="a shell"),
        pytest.param("undo --to", Wanted.FLAG, "--to", id="a flag"),
        pytest.param("undo friendly --to-revision ", Wanted.NUMBER, "", id="a number"),
        pytest.param("diff friendly --revision=", Wanted.NUMBER, "", id="a number joined to its flag"),
        pytest.param("get -n te", Wanted.NAMESPACE, "te", id="a namespace"),
        pytest.param("get --context ", Wanted.CONTEXT, "", id="a context"),
        pytest.param("get --kubeconfig ", Wanted.FILE, "", id="a file"),
        pytest.param("get -o ", Wanted.CHOICE, "", id="a form"),
        pytest.param("get -l ", Wanted.NOTHING, "", id="labels are anybody's guess"),
    ],
)
def test_what_is_wanted(words: str, wanted: Wanted, typed: str) -> None:
    question = language().question(words.split(" "))
    assert (question.wanted, question.typed) == (wanted, typed)


def test_where_to_look_is_heard_wherever_it_is_said() -> None:
    said = (
        language()
        .question(["-n", "team", "--context=prod", "undo", "--as", "me", "--kubeconfig", "f", "--to-revision=2", ""])
        .said
    )
    assert (said.namespace, said.wish.context, said.wish.user, said.wish.kubeconfig) == ("team", "prod", "me", "f")


def offered(words: str, *found: str) -> list[str]:
    spoken = language()
    return [line.partition("\t")[0] for line in spoken.offered(spoken.question(words.split(" ")), found)]


def test_what_is_offered() -> None:
    assert offered("") == COMMANDS
    assert offered("s") == ["status", "suspend"]
    assert offered("get -o ") == ["wide", "json", "yaml", "name"]
    assert offered("undo x -o=") == ["-o=json", "-o=yaml", "-o=name"]
    assert offered("undo --dry-run ") == ["none", "client", "server"]
    assert offered("completion ") == ["bash", "zsh", "fish"]
    assert offered("status x --") == [
        *("--watch", "--no-watch", "--timeout"),
        *("--namespace", "--context", "--kubeconfig", "--as", "--v"),
    ]


def test_found_names_are_offered_as_far_as_they_fit_and_once() -> None:
    assert offered("undo fr", "friendly", "terse") == ["friendly"]
    assert offered("get friendly ", "friendly", "terse") == ["terse"]


def test_a_candidate_comes_with_its_meaning() -> None:
    spoken = language()
    assert spoken.offered(spoken.question(["und"])) == ["undo\tGo back to an earlier version."]


@pytest.mark.parametrize("shell", Shell)
def test_a_script_asks_the_program_that_kubectl_asks(shell: Shell) -> None:
    assert "kubectl_complete-assistants" in SCRIPTS[shell]
