"""Prompts kept as files, by kustomize replacements and by Helm: the API server stores exactly what the file says."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from harness.support import OperatorProcess, Workspace
from harness.tools.rendering import demand_helm, kustomized, objects

from .deliverer import Json
from .examples import EXAMPLES

PROMPTS = EXAMPLES / "prompts"
NAMES = ("friendly", "terse")
# What templates, YAML and Markdown could take for something else.
DIFFICULT = (
    "{{ .Values.x }} ${HOME} <b>&amp;</b>\n---\n# not a comment\n\t- \"a\": 'b' \\ é 漢 🚲\ntrailing blanks  \n\n"
)


def by_kustomize(folder: Path) -> list[Json]:
    return kustomized(folder)


def by_helm(folder: Path) -> list[Json]:
    return objects(demand_helm("template", "assistants", str(folder)))


WAYS = pytest.mark.parametrize(
    ("tool", "render"), [("kustomize", by_kustomize), ("helm", by_helm)], ids=["kustomize", "helm"]
)
Render = Callable[[Path], list[Json]]


def delivered(workspace: Workspace, rendered: list[Json]) -> None:
    """Apply what was rendered to this namespace."""
    text = yaml.safe_dump_all(rendered, allow_unicode=True)
    workspace.plane.kubectl("apply", "--server-side", "-n", workspace.namespace, "-f", "-", input=text)


def prompt(workspace: Workspace, name: str) -> str:
    found = workspace.get("assistants", name)
    assert found
    return str(found["spec"]["context"]["prompt"])


@WAYS
def test_nothing_but_the_assistants_is_rendered(tool: str, render: Render) -> None:
    assert [(each["kind"], each["metadata"]["name"]) for each in render(PROMPTS / tool)] == [
        ("Assistant", name) for name in NAMES
    ]


@WAYS
def test_a_prompt_is_its_file(workspace: Workspace, tool: str, render: Render) -> None:
    delivered(workspace, render(PROMPTS / tool))
    for name in NAMES:
        assert prompt(workspace, name) == (PROMPTS / tool / "prompts" / f"{name}.md").read_text()


@WAYS
def test_an_edit_of_a_file_is_one_version(
    operator: OperatorProcess, workspace: Workspace, tmp_path: Path, tool: str, render: Render
) -> None:
    folder = shutil.copytree(PROMPTS / tool, tmp_path / tool)
    workspace.graph(defaultAssistant={"policy": "None"})
    delivered(workspace, render(folder))
    for name in NAMES:
        workspace.until_active(1, name)
    (folder / "prompts" / "friendly.md").write_text(DIFFICULT)
    delivered(workspace, render(folder))
    workspace.until_active(2, "friendly")
    assert prompt(workspace, "friendly") == DIFFICULT
    assert {name: workspace.status(name)["latestVersion"] for name in NAMES} == {"friendly": 2, "terse": 1}
    version = workspace.get("assistantversions", "friendly-v2")
    assert version
    assert version["spec"]["change"]["paths"] == ["/context/prompt"]


def test_a_prompt_that_is_missing_is_named(tmp_path: Path) -> None:
    folder = shutil.copytree(PROMPTS / "helm", tmp_path / "helm")
    (folder / "prompts" / "terse.md").unlink()
    with pytest.raises(AssertionError, match=r"prompts/terse\.md is missing or empty"):
        by_helm(folder)
