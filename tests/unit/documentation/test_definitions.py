"""The CRDs are what the models say, here and in the package, and keep the rules that a schema cannot state."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.documentation.definitions import DIRECTORIES, KINDS, definition, manifests

DEFINITIONS = {each["spec"]["names"]["kind"]: each for each in map(definition, KINDS)}
Walk = Iterator[tuple[str, dict[str, Any]]]


def root(kind: str) -> dict[str, Any]:
    (version,) = DEFINITIONS[kind]["spec"]["versions"]
    schema: dict[str, Any] = version["schema"]["openAPIV3Schema"]
    return schema


def walk(schema: dict[str, Any], at: str) -> Walk:
    """Every schema at and below this one, and where it is."""
    yield at, schema
    for name, each in schema.get("properties", {}).items():
        yield from walk(each, f"{at}.{name}")
    for name in {"items", "additionalProperties"} & schema.keys():
        yield from walk(schema[name], f"{at}[{name}]")


def ours(kind: str) -> Walk:
    """What is below spec and status: the rest belongs to Kubernetes."""
    for name in ("spec", "status"):
        yield from walk(root(kind)["properties"][name], f"{kind}.{name}")


ALL = [pytest.param(at, schema, id=at) for kind in DEFINITIONS for at, schema in ours(kind)]
LISTS = [each for each in ALL if each.values[1].get("type") == "array"]  # type: ignore[union-attr]


@pytest.mark.parametrize("directory", DIRECTORIES, ids=lambda path: path.parent.name)
def test_the_committed_files_are_the_generated_ones(directory: Path) -> None:
    assert {path.name: path.read_text() for path in directory.iterdir()} == manifests(), "run `make crds`"


@pytest.mark.parametrize(("at", "schema"), ALL)
def test_each_field_is_described_bounded_and_structural(at: str, schema: dict[str, Any]) -> None:
    assert not schema.keys() & {"$ref", "$defs", "title", "anyOf", "oneOf", "allOf", "const"}
    if not at.endswith("]"):
        assert schema.get("description"), "kubectl explain has nothing to say"
    if schema.get("type") == "string":
        assert "maxLength" in schema or "enum" in schema or schema.get("format") == "date-time"
    if schema.get("type") == "array":
        assert "maxItems" in schema
        assert "x-kubernetes-list-type" in schema
    if schema.get("type") == "integer":
        assert schema.get("format") in {"int32", "int64"}
    assert "type" in schema or schema.get("x-kubernetes-preserve-unknown-fields")


@pytest.mark.parametrize(("at", "schema"), LISTS)
def test_nothing_in_a_list_item_has_a_default(at: str, schema: dict[str, Any]) -> None:
    assert [inner for inner, each in walk(schema["items"], at) if "default" in each] == []


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_names_and_columns(kind: str) -> None:
    spec = DEFINITIONS[kind]["spec"]
    shown = [column for column in spec["versions"][0]["additionalPrinterColumns"] if not column.get("priority")]
    assert (shown[-1]["name"], shown[-1]["type"]) == ("Age", "date")
    assert spec["names"]["categories"] == ["langgraph"]
    assert spec["scope"] == "Namespaced"
    assert spec["versions"][0]["subresources"] == {"status": {}}
    assert ("spec" in root(kind).get("required", ())) == (kind != "Graph")


@pytest.mark.parametrize(
    ("kind", "short", "columns", "wide"),
    [
        ("Graph", "lgraph", "GRAPH-ID DEPLOYED READY DEFAULT ASSISTANTS AGE", "SERVER REASON MESSAGE"),
        ("Assistant", "asst", "GRAPH LATEST ACTIVE READY VERSIONS AGE", "PINNED REASON MESSAGE ID"),
        ("AssistantVersion", "asstv", "ASSISTANT NUMBER ACTIVE VALID CHANGE BY AGE", "DIGEST CAUSE"),
        ("AssistantAlias", "asstalias", "ASSISTANT VERSION READY AGE", "DIGEST MOVED BY REASON MESSAGE ID"),
    ],
)
def test_kubectl_get_shows_what_the_contract_says(kind: str, short: str, columns: str, wide: str) -> None:
    spec = DEFINITIONS[kind]["spec"]
    shown = spec["versions"][0]["additionalPrinterColumns"]
    assert spec["names"]["shortNames"] == [short]
    assert " ".join(each["name"].upper() for each in shown if not each.get("priority")) == columns
    assert " ".join(each["name"].upper() for each in shown if each.get("priority")) == wide


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_conditions_are_a_map_by_type(kind: str) -> None:
    conditions = root(kind)["properties"]["status"]["properties"]["conditions"]
    assert conditions["x-kubernetes-list-type"] == "map"
    assert conditions["x-kubernetes-list-map-keys"] == ["type"]
    assert {"type", "status"} <= set(conditions["items"]["required"])


@pytest.mark.parametrize("kind", ["Graph", "Assistant", "AssistantAlias"])
def test_a_status_begins_unobserved(kind: str) -> None:
    status = root(kind)["properties"]["status"]
    assert status["default"] == {"observedGeneration": -1}
    assert [at for at, each in walk(status, "") if "default" in each] == ["", ".observedGeneration"]


def test_a_versions_spec_is_required_and_immutable() -> None:
    schema = root("AssistantVersion")
    assert schema["required"] == ["spec"]
    assert "self == oldSelf" in [rule["rule"] for rule in schema["properties"]["spec"]["x-kubernetes-validations"]]


FREE_FORM = ["context", "metadata", "config.configurable"]


@pytest.mark.parametrize("path", FREE_FORM)
def test_free_form_is_open_to_rules_in_an_assistant_and_without_holes_in_a_version(path: str) -> None:
    found = {}
    for kind, at in (("Assistant", "Assistant.spec."), ("AssistantVersion", "AssistantVersion.spec.snapshot.")):
        schema = dict(ours(kind))[at + path]
        found[kind] = {name: value for name, value in schema.items() if name != "description"}
    # Preserved at the top, a swapped key passes `self == oldSelf`; without nullable, a top-level null is dropped.
    inner = {"nullable": True, "x-kubernetes-preserve-unknown-fields": True}
    assert found["AssistantVersion"] == {"type": "object", "additionalProperties": inner}
    assert found["Assistant"] == {"type": "object", "x-kubernetes-preserve-unknown-fields": True}


def test_fields_that_can_be_selected() -> None:
    selectable = {kind: each["spec"]["versions"][0].get("selectableFields", []) for kind, each in DEFINITIONS.items()}
    assert [field["jsonPath"] for field in selectable["Assistant"]] == [".spec.graphRef.name"]
    assert [field["jsonPath"] for field in selectable["AssistantVersion"]] == [
        ".spec.assistantRef.name",
        ".spec.number",
    ]
    assert [field["jsonPath"] for field in selectable["AssistantAlias"]] == [".spec.assistantRef.name"]


@pytest.mark.parametrize(
    ("at", "limits"),
    [
        ("Assistant.spec.versioning.historyLimit", {"minimum": 1, "maximum": 10000, "default": 100}),
        ("Assistant.spec.versioning.activeVersion", {"minimum": 1}),
        ("Assistant.spec.versioning.activation", {"enum": ["Automatic", "Manual"], "default": "Automatic"}),
        ("Assistant.spec.deletionPolicy", {"enum": ["Delete", "Retain"], "default": "Delete"}),
        ("Assistant.spec.suspend", {"default": False}),
        ("Assistant.status.activations", {"maxItems": 20}),
        ("Graph.spec.defaultAssistant.policy", {"enum": ["Create", "None"], "default": "Create"}),
        ("Graph.spec.server.resyncPeriodSeconds", {"minimum": 1, "default": 300}),
        ("AssistantVersion.spec.change.paths", {"maxItems": 64}),
        ("AssistantVersion.spec.change.paths[items]", {"maxLength": 256}),
        ("AssistantVersion.spec.change.kind", {"enum": ["Created", "Edited", "Reverted"]}),
        ("AssistantAlias.spec.version", {"minimum": 1}),
        ("AssistantAlias.spec.deletionPolicy", {"enum": ["Delete", "Retain"], "default": "Delete"}),
        ("AssistantAlias.status.moves", {"maxItems": 50}),
    ],
)
def test_limits_and_defaults_are_the_contracts(at: str, limits: dict[str, Any]) -> None:
    schema = dict(ours(at.partition(".")[0]))[at]
    assert {name: schema.get(name) for name in limits} == limits


@pytest.mark.parametrize("at", ["Assistant.spec", "Graph.spec.defaults"])
def test_two_configurations_at_once_are_refused_by_a_rule(at: str) -> None:
    rules = dict(ours(at.partition(".")[0]))[at]["x-kubernetes-validations"]
    assert any("context and config.configurable must not both" in rule["message"] for rule in rules)


def test_each_file_is_one_document() -> None:
    assert [yaml.safe_load(text)["kind"] for text in manifests().values()].count("CustomResourceDefinition") == 4
