"""`python -m` of the package and of the plugin."""

import os
import subprocess
import sys
from collections.abc import Iterator
from runpy import run_module

import pytest
import yaml


@pytest.fixture(autouse=True)
def recursion_limit() -> Iterator[None]:
    """The programs raise it for their own process."""
    limit = sys.getrecursionlimit()
    yield
    sys.setrecursionlimit(limit)


def test_the_package_is_the_operator(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["assistant-operator", "crds"])
    with pytest.raises(SystemExit) as ended:
        run_module("assistant_operator", run_name="__main__")
    assert ended.value.code == 0
    documents = list(yaml.safe_load_all(capsys.readouterr().out))
    assert sorted(each["spec"]["names"]["kind"] for each in documents) == [
        "Assistant",
        "AssistantAlias",
        "AssistantVersion",
        "Graph",
    ]


@pytest.mark.filterwarnings("ignore:.*found in sys.modules:RuntimeWarning")
def test_the_plugin_is_a_program(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", ["kubectl-assistants", "undo"])
    with pytest.raises(SystemExit) as ended:
        run_module("assistant_operator.kubectl", run_name="__main__")
    assert ended.value.code == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert "kubectl assistants undo" in told.err


def test_the_operator_does_not_hold_the_package_kubernetes() -> None:
    """It takes 16 MB, and a third of the time of a start. kopf would import it where it is installed."""
    imports_of_run = (
        "import atexit, sys; from assistant_operator.manager.__main__ import main\n"
        "atexit.register(lambda: print([name in sys.modules for name in ('kopf', 'urllib3', 'kubernetes.client')]))\n"
        "main(['run', '--listen=nonsense'])"
    )
    environment = os.environ | {"KUBECONFIG": "/nonexistent"}
    ran = subprocess.run(
        [sys.executable, "-c", imports_of_run], env=environment, capture_output=True, text=True, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, "[True, False, False]\n")
    assert ran.stderr.endswith("Error: --listen takes host:port, such as 0.0.0.0:8080, not 'nonsense'\n")
