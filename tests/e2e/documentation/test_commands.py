"""The commands of the documents, typed on a real control plane with a running operator, and what they print.

Each page is typed from top to bottom in a namespace of its own. What a page shows as output must be in the output:
`…` stands for anything, an age for any age. Commands that cannot run here are named with the reason.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
import yaml

from harness.controlplane.waiting import eventually
from harness.documentation import ROOT
from harness.documentation.files import pages
from harness.documentation.markdown import Command, commands
from harness.support import OperatorProcess, Workspace
from harness.tools.programs import helm

PROGRAMS = Path(sys.executable).parent
ENDS = {
    "kubectl assistants diff friendly": 1,
    "kubectl assistants set terse context.prompt=@prompt.txt 2>&1": 1,
    "kubectl assistants verify terse 2>&1": 1,
}
"""Exit codes other than 0, which these commands must end with."""
FIRST = {
    "kubectl assistants import -f assistants.yaml --dry-run=server": (
        "kubectl delete graphs,assistants,assistantversions,assistantaliases --all --timeout=60s"
    )
}
"""What is typed before: the namespace in which a backup is restored is empty."""
EXCUSED = {
    "make demo": "CI runs it on its own before the tests",
    "make test": "it would run this test",
    "docker build": "it needs a container engine and a registry",
    "kubectl assistants dashboard": "it serves a page until Ctrl-C; tests/dashboard opens it in a browser",
    "helm install": "it needs a published image; tests/packaging installs what the chart renders",
    "pipx install": "it installs into the user's home folder",
    "uv tool install": "it installs into the user's home folder",
    "kubectl patch configmap argocd-cm": "there is no Argo CD; tests/gitops runs the scripts of that file",
}
"""Beginnings of commands that are not run, and why."""
PROGRAMS_USED = {"kubectl", "make", "assistant-operator", "helm", "python3", "printf"}
PAGES = {page: found for page in pages() if (found := commands((ROOT / page).read_text()))}
READS = re.compile(
    r"kubectl (?:get|auth can-i|assistants (?:get|history|diff|blame|show|verify|status|tree|aliases))\b"
)
AGE = re.compile(r"(\d+[smhd])+")


def excuse(command: Command) -> str | None:
    """The key in EXCUSED that holds for a command, if any."""
    return next((each for each in EXCUSED if re.match(rf"{re.escape(each)}\b", command.line)), None)


def test_every_excuse_is_needed() -> None:
    assert {excuse(each) for found in PAGES.values() for each in found} - {None} == EXCUSED.keys()


def test_every_special_case_is_needed() -> None:
    lines = {each.line for found in PAGES.values() for each in found}
    assert ENDS.keys() <= lines
    assert FIRST.keys() <= lines


@pytest.fixture(scope="module")
def operator(operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[OperatorProcess]:
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("operator") / "operator.log") as process:
        yield process


@pytest.fixture
def desk(tmp_path: Path) -> Path:
    """A folder that looks like a checkout, in which commands may leave files."""
    folder = tmp_path / "checkout"
    folder.mkdir()
    for each in ROOT.iterdir():
        if not each.name.startswith("."):
            (folder / each.name).symlink_to(each)
    (folder / ".venv").symlink_to(PROGRAMS.parent)
    return folder


class Shell:
    """Types commands as the administrator of the cluster, whose kubeconfig names that namespace."""

    def __init__(self, workspace: Workspace, desk: Path) -> None:
        self._namespace = workspace.namespace
        self._desk = desk
        kubeconfig = desk.parent / "kubeconfig"
        kubeconfig.write_text(_in_namespace(workspace.plane.admin_kubeconfig.read_text(), workspace.namespace))
        path = f"{PROGRAMS}:{helm().parent}:{os.environ['PATH']}"
        self._environment = os.environ | {"KUBECONFIG": str(kubeconfig), "PATH": path, "KUBERC": "off"}

    def type(self, command: Command) -> None:
        """Run it: it must end and print as the page says. A command that only reads is repeated until it does.

        What a person reads some seconds after an edit is not there at once: the conditions of versions, for example.
        """
        wrong = self._wrong(command)
        if wrong and READS.match(command.line):
            with suppress(AssertionError):
                eventually(lambda: not self._wrong(command), within=60)
            wrong = self._wrong(command)
        assert not wrong, wrong

    def _wrong(self, command: Command) -> str:
        """What it printed, if that or its end is not what the page says; else nothing."""
        line = re.sub(r"\bNAMESPACE\b", self._namespace, command.line)
        shell = ["bash", "-c", line]
        done = subprocess.run(
            shell, cwd=self._desk, env=self._environment, capture_output=True, text=True, check=False, timeout=120
        )
        printed = f"$ {line}\n{done.stdout}{done.stderr}"
        if done.returncode != ENDS.get(command.line, 0):
            return f"{printed}\nit ended with {done.returncode}"
        left = done.stdout.splitlines()
        for wanted in filter(None, command.output):
            matching = [number for number, each in enumerate(left) if _pattern(wanted).fullmatch(each.strip())]
            if not matching:
                return f"{printed}\n'{wanted}' is not in it"
            left = left[matching[0] + 1 :]
        return ""


def _in_namespace(kubeconfig: str, namespace: str) -> str:
    content = yaml.safe_load(kubeconfig)
    for each in content["contexts"]:
        each["context"]["namespace"] = namespace
    return yaml.safe_dump(content)


def _pattern(wanted: str) -> re.Pattern[str]:
    """A line of output as the page shows it: widths of columns and ages may differ."""
    words = (AGE.pattern if AGE.fullmatch(word) else re.escape(word).replace("…", ".*") for word in wanted.split())
    return re.compile(r"\s+".join(words))


def prepared(shell: Shell) -> None:
    """The examples, ready."""
    shell.type(Command("kubectl apply -k deploy/examples"))
    shell.type(Command("kubectl wait graph,assistant --all --for=condition=Ready --timeout=60s"))


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_a_page(operator: OperatorProcess, workspace: Workspace, desk: Path, page: str) -> None:
    shell = Shell(workspace, desk)
    if page != "README.md":
        prepared(shell)
        eventually(lambda: workspace.get("assistants", "support"))
    for command in PAGES[page]:
        if first := FIRST.get(command.line):
            shell.type(Command(first))
        if not excuse(command):
            assert shlex.split(command.line, comments=True)[0] in PROGRAMS_USED
            shell.type(command)


@pytest.mark.parametrize(
    ("wanted", "line", "is_shown"),
    [
        ("friendly   support   3   4s", "friendly     support  3        12m3s", True),
        ("friendly   support   3   4s", "friendly     support  4        12m3s", False),
        ("x is … active", "x is not quite active", True),
        ("x is active", "x is active, as pinned", False),
    ],
)
def test_a_line_is_compared_without_widths_and_ages(wanted: str, line: str, *, is_shown: bool) -> None:
    assert bool(_pattern(wanted).fullmatch(line)) == is_shown
