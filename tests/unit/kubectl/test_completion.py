"""What the Tab key offers from a cluster: a simulated one, on a loopback socket."""

import asyncio
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from assistant_operator.kubectl.cli import complete
from harness.simulated_api import Grant, SimulatedCluster, User
from harness.simulated_world import Person
from unit.kubectl.serving import TOKEN, serving, write_kubeconfig

VERBS = frozenset({"get", "list"})
GROUPS = frozenset({"assistant-operator.dev"})


@pytest.fixture
def cluster() -> SimulatedCluster:
    """With a Graph, two Assistants, each with two versions, and three aliases in the namespace team."""
    made = SimulatedCluster(lambda: datetime.now(UTC), random.Random(1))
    made.create_namespace("team")
    made.authorizer.users[TOKEN] = User("person", (Grant(GROUPS, frozenset({"*"}), VERBS, "team"),))
    person = Person(made, "team")
    person.graph("writer")
    for name in ("bot", "agent"):
        uid = person.assistant(name, context={"prompt": "one"})["metadata"]["uid"]
        for number in (1, 2):
            version = {
                "assistantRef": {"name": name, "uid": uid},
                "number": number,
                "generation": number,
                "digest": f"sha256:{'0' * 64}",
                "chain": f"sha256:{'0' * 64}",
                "snapshot": {"graphRef": {"name": "writer"}},
                "change": {"kind": "Created"},
            }
            person.create("AssistantVersion", f"{name}-v{number}", version)
    for alias, name in (("production", "bot"), ("preview", "agent"), ("staging", "bot")):
        person.create("AssistantAlias", alias, {"assistantRef": {"name": name}, "version": 1})
    return made


@pytest.fixture
async def kubeconfig(cluster: SimulatedCluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """Of a server that serves the cluster; KUBECONFIG names it."""
    path = tmp_path / "config"
    monkeypatch.setenv("KUBECONFIG", str(path))
    async with serving(cluster, path):
        yield path


async def offered(*words: str) -> list[str]:
    """The lines, as a shell reads them. `complete` runs an event loop of its own."""
    return (await asyncio.to_thread(complete, words)).splitlines()


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(
    ("words", "names"),
    [
        pytest.param(["undo", ""], ["agent", "bot"], id="assistants"),
        pytest.param(["undo", "b"], ["bot"], id="assistants that begin so"),
        pytest.param(["tree", ""], ["writer"], id="graphs"),
        pytest.param(["undo", "-o", "yaml", ""], ["agent", "bot"], id="behind a flag with a value"),
        pytest.param(["undo", "-o=yaml", "b"], ["bot"], id="behind a flag joined to its value"),
        pytest.param(["undo", "--pin", ""], ["agent", "bot"], id="behind a flag without one"),
        pytest.param(["undo", "bot", ""], [], id="undo takes one name"),
        pytest.param(["get", "bot", ""], ["agent"], id="get takes several, each once"),
        pytest.param(["undo", "bot", "--to-revision", ""], ["2", "1"], id="numbers, the newest first"),
        pytest.param(["undo", "--pin", "bot", "-n", "team", "--to-revision", ""], ["2", "1"], id="behind other flags"),
        pytest.param(["undo", "bot", "--to-revision=2"], ["2"], id="a number joined to its flag"),
        pytest.param(["diff", "bot", "--revision", "1"], ["1"], id="a number to compare with"),
        pytest.param(["undo", "--to-revision", ""], [], id="no number without a name"),
        pytest.param(["-n", "team", "get", "a"], ["agent"], id="the namespace before the command"),
        pytest.param(["get", "-n", "team", "a"], ["agent"], id="and behind it"),
        pytest.param(["get", "-n", "../a", "a"], ["agent"], id="a namespace that cannot be one is ignored"),
        pytest.param(["-n", "elsewhere", "undo", ""], [], id="of a namespace that may not be read"),
        pytest.param(["get", "--context", ""], ["here"], id="contexts"),
        pytest.param(["pin", "bot", ""], ["2", "1"], id="a number as an argument"),
        pytest.param(["show", "bot", "1"], ["1"], id="a number that begins so"),
        pytest.param(["unpin", "b"], ["bot"], id="the name to unpin"),
        pytest.param(["verify", "bot", ""], ["agent"], id="verify takes several"),
        pytest.param(["promote", ""], ["agent", "bot"], id="promote takes an assistant"),
        pytest.param(["promote", "bot", ""], ["2", "1"], id="and a number"),
        pytest.param(["promote", "bot", "2", "--to", ""], ["production", "staging"], id="aliases of that assistant"),
        pytest.param(["promote", "bot", "--to=s"], ["staging"], id="an alias joined to its flag"),
        pytest.param(["promote", "agent", "--to", "p"], ["preview"], id="an alias that begins so"),
        pytest.param(
            ["promote", "--to", ""], ["preview", "production", "staging"], id="without an assistant, all aliases"
        ),
        pytest.param(["aliases", ""], ["agent", "bot"], id="the assistant whose aliases are listed"),
        pytest.param(["blame", "bot", "context."], ["context.prompt"], id="fields in dots"),
        pytest.param(["blame", "bot", "/g"], ["/graphRef/name"], id="fields as pointers"),
        pytest.param(["history", "bot", "--path", "d"], ["displayName", "description"], id="fields without a value"),
        pytest.param(["blame", "nothing", ""], [], id="no field of what does not exist"),
    ],
)
async def test_names_come_from_the_cluster(words: list[str], names: list[str]) -> None:
    assert await offered(*words) == [*names, ":4"]


@pytest.mark.usefixtures("kubeconfig")
@pytest.mark.parametrize(
    ("words", "lines"),
    [
        pytest.param(["set", ""], ["agent", "bot", ":4"], id="a name"),
        pytest.param(
            ["set", "bot", "context.p"], ["context.prompt=", ":6"], id="a field, and its value without a space"
        ),
        pytest.param(["set", "bot", "context.prompt=x", "su"], ["suspend=", ":6"], id="another one"),
        pytest.param(["set", "bot", "context.prompt=@"], [":0"], id="a file"),
        pytest.param(["set", "bot", "context.prompt=x"], [":4"], id="a value"),
    ],
)
async def test_set_offers_fields_and_files(words: list[str], lines: list[str]) -> None:
    assert await offered(*words) == lines


async def test_nothing_is_offered_where_the_cluster_does_not_answer(kubeconfig: Path) -> None:
    write_kubeconfig(kubeconfig, "http://127.0.0.1:9")
    assert await offered("undo", "") == [":4"]


def test_the_shell_offers_files_itself() -> None:
    assert complete(["get", "--kubeconfig", ""]) == ":0\n"


def test_commands_need_no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")
    assert [line.partition("\t")[0] for line in complete(["su"]).splitlines()] == ["suspend", ":4"]


@pytest.fixture
def no_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/nowhere")


COMMANDS = [
    *("get", "history", "diff", "blame", "show", "verify", "status", "tree", "aliases"),
    *(
        "set",
        "pin",
        "unpin",
        "undo",
        "promote",
        "suspend",
        "resume",
        "export",
        "import",
        "dashboard",
        "version",
        "completion",
    ),
]
CONNECTION = ["--namespace", "--context", "--kubeconfig", "--as", "--v"]


@pytest.mark.usefixtures("no_cluster")
@pytest.mark.parametrize(
    ("words", "candidates"),
    [
        pytest.param(
            [""],
            COMMANDS,
            id="nothing yet",
        ),
        pytest.param(
            [],
            COMMANDS,
            id="no word",
        ),
        pytest.param(["-n", "team", "un"], ["unpin", "undo"], id="a command behind a flag"),
        pytest.param(["s"], ["show", "status", "set", "suspend"], id="commands"),
        pytest.param(["version", "x"], [], id="a command that takes nothing"),
        pytest.param(["completion", ""], ["bash", "zsh", "fish"], id="a shell"),
        pytest.param(["undo", "--to"], ["--to-revision"], id="a flag"),
        pytest.param(
            ["status", "x", "--"],
            ["--watch", "--no-watch", "--timeout", *CONNECTION, "--help"],
            id="flags of the command and of the connection",
        ),
        pytest.param(["status", "-n", "team", "--na"], [], id="a flag that is given already"),
        pytest.param(["get", "-o", ""], ["wide", "json", "yaml", "name"], id="output formats"),
        pytest.param(["undo", "x", "-o="], ["json", "yaml", "name"], id="kubectl's scripts split off what is before ="),
        pytest.param(["undo", "x", "--output=y"], ["yaml"], id="also of a long flag"),
        pytest.param(["undo", "--dry-run", ""], ["none", "client", "server"], id="dry runs"),
        pytest.param(["get", "-l", ""], [], id="labels"),
        pytest.param(["get", "--context", ""], [], id="contexts, without a kubeconfig"),
    ],
)
def test_what_the_words_say(words: list[str], candidates: list[str]) -> None:
    assert [line.partition("\t")[0] for line in complete(words).splitlines()] == [*candidates, ":4"]


def test_a_candidate_comes_with_its_help() -> None:
    assert complete(["und"]) == "undo\tGo back to an earlier version.\n:4\n"


async def test_no_request_is_logged(kubeconfig: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert await offered("-v", "9", "undo", "b") == ["bot", ":4"]
    assert capfd.readouterr().err == ""
