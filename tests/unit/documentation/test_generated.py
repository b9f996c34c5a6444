"""What is generated is as the code says."""

import ast
import re
from pathlib import Path

import pytest
import yaml
from prometheus_client import generate_latest

from assistant_operator.api.condition_types import CONDITION_TYPES, PROGRESS
from assistant_operator.api.reason import Reason
from assistant_operator.manager.__main__ import run
from assistant_operator.runtime.metrics import Metrics
from harness.documentation import DOCS, ROOT
from harness.documentation.admission import written as of_the_policy
from harness.documentation.catalogue import unexplained
from harness.documentation.chart import CHART, COPIES
from harness.documentation.chart import written as of_the_chart
from harness.documentation.conditions import action, meaning
from harness.documentation.definitions import KINDS, definition
from harness.documentation.generated import filled, written
from harness.documentation.reference import walk

FILES = [*written(), *of_the_policy(), *of_the_chart()]
SOURCE = ROOT / "src" / "assistant_operator"
TABLE_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \|([^|]*)\|", re.MULTILINE)


@pytest.mark.parametrize(("path", "text"), FILES, ids=[str(path.relative_to(ROOT)) for path, _ in FILES])
def test_a_generated_file_is_as_the_code_says(path: Path, text: str) -> None:
    assert path.read_text() == text, "run `make generate`"


def test_every_file_of_the_chart_that_is_no_template_is_a_copy() -> None:
    files = {str(path.relative_to(CHART / "files")) for path in (CHART / "files").rglob("*") if path.is_file()}
    assert files == COPIES.keys()


def test_a_page_without_its_part_is_named() -> None:
    with pytest.raises(ValueError, match=r"docs/api\.md has 0 parts 'reference'"):
        filled("nothing", "docs/api.md")


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.model.kind_name)
def test_the_reference_has_every_field(kind: object) -> None:
    (version,) = definition(kind)["spec"]["versions"]  # type: ignore[arg-type]
    page = (DOCS / "api.md").read_text()
    for part in ("spec", "status"):
        schema = version["schema"]["openAPIV3Schema"]["properties"][part]
        fields = [path for path, _, _ in walk(schema, part)]
        assert fields
        assert [each for each in fields if f"| `{each}` |" not in page] == []


# Reasons and conditions


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_says_where_it_appears_and_what_it_means(reason: Reason) -> None:
    places = {f"{kind}.{name}" for kind, names in CONDITION_TYPES.items() for name in (*names, "Event")}
    assert reason.places
    assert set(reason.places) <= places | PROGRESS.keys()
    assert any("." in place for place in reason.places)
    assert meaning(reason).endswith(".")
    assert not action(reason) or action(reason).endswith(".")


@pytest.mark.parametrize("reason", [each for each in Reason if "Stalled" in each.places])
def test_each_reason_on_which_a_person_has_to_act_says_how(reason: Reason) -> None:
    assert action(reason)
    assert {"Assistant.Ready", "AssistantAlias.Ready", "Graph.Ready"} & set(reason.places)


@pytest.mark.parametrize("reason", Reason)
def test_each_reason_is_used(reason: Reason) -> None:
    assert any(f"Reason.{reason.name}" in path.read_text() for path in SOURCE.rglob("*.py"))


COMPUTED = {
    "activation._capture_problem": ("Assistant.Ready",),
    "activation._decision": (),
    "activation._not_valid": ("Assistant.Ready",),
    "activation._ready": ("Assistant.Ready",),
    "activation.decide": ("Assistant.Ready",),
    "alias._ready": ("AssistantAlias.Ready",),
    "alias._version_found": ("AssistantAlias.VersionFound",),
    "assistant_input.UpdateVersionStatus": ("AssistantVersion.Active",),
    "assistant_status._graph_found": ("Assistant.GraphFound",),
    "conditions.restated": ("Graph.Deployed",),
    "graph._default_ready": ("Graph.DefaultAssistantReady",),
    "graph._deployed": ("Graph.Deployed",),
    "graph._ready": ("Graph.Ready",),
    "publication.publication_finding": ("Assistant.Published", "AssistantAlias.Published"),
    "publication.remembered": ("Assistant.Published", "AssistantAlias.Published"),
    "suspected_secret.suspected_secret": ("Assistant.SecretSuspected", "Graph.SecretSuspected"),
    "validation.altered": ("Assistant.Valid", "AssistantVersion.Valid"),
    "validation.graph_missing": ("Assistant.Valid", "AssistantVersion.Valid"),
    "validation.schemas_unknown": ("Assistant.Valid", "AssistantVersion.Valid"),
    "validation.validation_result": ("Assistant.Valid", "AssistantVersion.Valid"),
}
"""The functions of policy/ that find something out, and the conditions that report it."""
FINDINGS = {"Finding", "ValidationResult", "PublishResult", "ServerStatus"}


def computed() -> dict[str, set[str]]:
    """The functions and classes of policy/ that create a finding, each with the names of all reasons in it."""
    found = {}
    for path in (SOURCE / "policy").glob("*.py"):
        for part in ast.parse(path.read_text()).body:
            nodes = list(ast.walk(part))
            calls = {each.func.id for each in nodes if isinstance(each, ast.Call) and isinstance(each.func, ast.Name)}
            if isinstance(part, ast.FunctionDef | ast.ClassDef) and calls & FINDINGS:
                names = {each for each in nodes if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name)}
                reasons = {each.attr for each in names if ast.unparse(each.value) == "Reason"}
                found[f"{path.stem}.{part.name}"] = reasons
    return found


def test_each_finding_of_policy_is_in_the_catalogue() -> None:
    found = computed()
    assert found.keys() == COMPUTED.keys()
    assert len(set.union(*found.values())) > 20, "or nothing is found"
    for name, reasons in found.items():
        lacking = {(each, place) for each in reasons for place in COMPUTED[name] if place not in Reason[each].places}
        assert lacking == set(), name


def test_what_causes_an_event_is_in_the_catalogue() -> None:
    pattern = re.compile(r"\.(?:warning|normal)\(\w+, Reason\.([A-Z_]+)")
    found = {each for path in SOURCE.rglob("*.py") for each in pattern.findall(path.read_text())}
    assert len(found) > 5, "or the pattern finds nothing"
    assert [each for each in found if not any(place.endswith(".Event") for place in Reason[each].places)] == []


RECORDED = sorted((ROOT / "tests" / "upgrade").glob("*/*.yaml"))


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_what_a_release_stated_is_explained(path: Path) -> None:
    """A recorded state has objects in every state that there is an easy way into."""
    found = list(yaml.safe_load_all(path.read_text()))
    assert any(each.get("status", {}).get("conditions") for each in found)
    assert {words for each in found for words in unexplained(each)} == set()


# Flags and metrics


def test_the_flags_and_their_defaults_are_those_of_the_program() -> None:
    page = (DOCS / "operations.md").read_text()
    rows = re.findall(r"^\| (`--[^|]+) \| ([^|]+) \|", page, re.MULTILINE)
    documented = {flag: default for flags, default in rows for flag in re.findall(r"--[\w-]+", flags)}
    real = {
        flag: each.default for each in run.params for flag in (*each.opts, *each.secondary_opts) if flag != "--help"
    }
    assert documented.keys() == real.keys()
    spelled = {name: f"`{default}`" for name, default in real.items() if isinstance(default, str)}
    assert {name: documented[name] for name in spelled} == spelled


def test_the_metrics_are_those_of_the_program() -> None:
    """Of single objects and of requests, tests/observability checks the rest on a running operator."""
    rows = TABLE_ROW.findall((DOCS / "operations.md").read_text())
    documented = {name: kind for name, kind, _ in rows}
    types = re.findall(
        r"^# TYPE assistant_operator_(\w+) (\w+)$", generate_latest(Metrics().registry).decode(), re.MULTILINE
    )
    real = {name: kind for name, kind in types if not name.endswith("_created")}
    assert real.items() <= documented.items()
    of_objects = {"objects", "versions", "ready", "stalled", "graph_served", "alias_last_move_timestamp_seconds"}
    assert documented.keys() - real.keys() == of_objects


def test_every_module_is_in_the_architecture() -> None:
    page = (DOCS / "architecture.md").read_text()
    modules = [path for path in SOURCE.rglob("*/*.py") if not path.name.startswith("__")]
    assert len(modules) > 50
    sections = dict(re.findall(r"^### ([\w.]+)\n(.*?)(?=^##|\Z)", page, re.MULTILINE | re.DOTALL))
    for package in {path.parent for path in modules}:
        name = ".".join(package.relative_to(SOURCE).parts)
        named = set(re.findall(r"`(\w+\.py)`", sections[name]))
        assert named == {path.name for path in modules if path.parent == package}


def test_the_release_in_the_documents_is_this_one() -> None:
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"]
    named = re.findall(r"assistant-operator:(\d[\w.]*)", (ROOT / "README.md").read_text())
    assert set(named) == {version}
