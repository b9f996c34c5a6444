"""Argo CD's health of our kinds: upstream's test layout, run by a real Lua closed as Argo CD closes it."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from .actions import definitions
from .configmap import configmap
from .health import CUSTOMIZATIONS, KINDS, ROOT, WITH_ACTIONS, Health, health_of, run
from .lua import LuaError

CASES = [
    (kind, case["inputPath"], Health(**case["healthStatus"]))
    for kind in KINDS
    for case in yaml.safe_load((CUSTOMIZATIONS / kind / "health_test.yaml").read_text())["tests"]
]
OBJECT = {"metadata": {"generation": 2}}


def recorded(kind: str, path: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((CUSTOMIZATIONS / kind / path).read_text())
    return found


@pytest.mark.parametrize(
    ("kind", "path", "expected"), [pytest.param(*case, id=f"{case[0]} {case[1]}") for case in CASES]
)
def test_a_recorded_object_has_the_health_its_test_file_says(kind: str, path: str, expected: Health) -> None:
    found = recorded(kind, path)
    assert found["kind"] == kind
    assert health_of(found) == expected


@pytest.mark.parametrize("kind", KINDS)
def test_every_recorded_object_is_tested(kind: str) -> None:
    files = {f"testdata/{each.name}" for each in (CUSTOMIZATIONS / kind / "testdata").iterdir()}
    assert files == {path for of, path, _ in CASES if of == kind}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "found",
    [
        pytest.param({}, id="no status"),
        pytest.param({"status": {}}, id="an empty status"),
        pytest.param({"status": {"observedGeneration": -1}}, id="the status that the API server defaults"),
        pytest.param({"status": {"observedGeneration": 2, "conditions": []}}, id="no conditions"),
        pytest.param(
            {"status": {"observedGeneration": 2, "conditions": [{"type": "Other", "status": "True", "message": "x"}]}},
            id="conditions of another release",
        ),
    ],
)
def test_what_says_nothing_yet_is_progressing(kind: str, found: dict[str, Any]) -> None:
    health = health_of({"kind": kind, **OBJECT, **found})
    assert health.status == "Progressing"
    assert health.message.startswith("Waiting for the operator")


@pytest.mark.parametrize("library", ["string", "os", "io", "math", "debug"])
def test_the_lua_of_these_tests_is_as_closed_as_argo_cds(library: str) -> None:
    with pytest.raises(LuaError, match=f"attempt to index global '{library}'"):
        run(f"return {{status = {library}.x(), message = ''}}", {"kind": "Graph", **OBJECT})


def test_nor_has_a_string_methods() -> None:
    with pytest.raises(LuaError, match="attempt to call method 'upper'"):
        run('return {status = ("x"):upper(), message = ""}', {"kind": "Graph", **OBJECT})


def test_the_config_map_is_made_of_the_scripts() -> None:
    assert (ROOT / "deploy" / "argocd" / "argocd-cm.yaml").read_text() == configmap()
    data = yaml.safe_load(configmap())["data"]
    health = {f"resource.customizations.health.assistant-operator.dev_{kind}": kind for kind in KINDS}
    actions = {f"resource.customizations.actions.assistant-operator.dev_{kind}": kind for kind in WITH_ACTIONS}
    assert set(data) == {*health, *actions}
    assert {key: data[key] for key in health} == {
        key: Path(CUSTOMIZATIONS / kind / "health.lua").read_text() for key, kind in health.items()
    }
    for key, kind in actions.items():
        told = yaml.safe_load(data[key])
        assert told["discovery.lua"] == (CUSTOMIZATIONS / kind / "actions" / "discovery.lua").read_text()
        assert {each["name"]: each["action.lua"] for each in told["definitions"]} == definitions(kind)
    assert {kind: set(definitions(kind)) for kind in WITH_ACTIONS} == {
        "Assistant": {"resume", "roll-back", "suspend", "unpin"},
        "AssistantAlias": {"roll-back"},
    }
