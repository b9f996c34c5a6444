"""Which version is in force: validity, last known good, pins, Manual, suspend, restore; and what people are told."""

import json
from functools import partial
from time import monotonic
from typing import Any

import pytest

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, events, marks, progress, ready, writes

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"prompt": {"type": "string"}, "temperature": {"type": "number", "maximum": 2}},
    "required": ["prompt"],
}
STRICT: dict[str, Any] = {**SCHEMA, "required": ["prompt", "temperature"]}
JSON_PATCH = "application/json-patch+json"


def in_force(workspace: Workspace, name: str = "bot") -> tuple[int | None, int | None]:
    """Latest and active, as of the present generation."""
    found = workspace.get("assistants", name) or {}
    status = found["status"]
    if status["observedGeneration"] != found["metadata"]["generation"]:
        return None, None
    return status.get("latestVersion"), status.get("activeVersion")


@pytest.mark.parametrize(
    ("graph", "good", "bad", "message"),
    [
        pytest.param(
            {"contextSchema": SCHEMA},
            {"context": {"prompt": "x", "temperature": 1}},
            {"context": {"temperature": 9}},
            "/context/temperature: the value is greater than the maximum of 2",
            id="the context against contextSchema",
        ),
        pytest.param(
            {"configSchema": {"properties": {"a/b": {"items": {"type": "integer"}}}}},
            {"config": {"configurable": {"a/b": [1]}}},
            {"config": {"configurable": {"a/b": [1, "2"]}}},
            '/config/configurable/a~1b/1: the value is not of type "integer"',
            id="config.configurable against configSchema",
        ),
        pytest.param(
            {"contextSchema": SCHEMA},
            {"context": {"prompt": "x"}},
            {"context": None},
            '/context: "prompt" is a required property',
            id="an absent context as an empty one",
        ),
    ],
)
def test_what_the_graph_refuses_is_recorded_and_the_last_known_good_stays(
    operator: OperatorProcess, workspace: Workspace, graph: Any, good: Any, bad: Any, message: str
) -> None:
    workspace.graph(**graph)
    workspace.assistant(**good)
    before = workspace.until_ready()
    workspace.edit(**bad)
    status = workspace.until_not_ready("SchemaRefused")
    told = f"graph 'support' refuses it: {message}"
    assert workspace.condition()["message"] == f"bot-v2 is not activated: {told}; bot-v1 stays active"
    valid = workspace.condition(kind="Valid")
    assert (valid["status"], valid["reason"], valid["message"]) == ("False", "SchemaRefused", told)
    assert workspace.condition(kind="GraphFound")["status"] == "True"
    assert progress(workspace) == {"Stalled"}
    assert (status["latestVersion"], status["activeVersion"], status["digest"]) == (2, 1, before["digest"])
    comes_to(lambda: marks(workspace), {1: "VA", 2: "va"})
    workspace.edit(**good, displayName="mended")
    assert workspace.until_ready()["activeVersion"] == 3
    assert progress(workspace) == set()
    comes_to(lambda: marks(workspace), {1: "Va", 2: "va", 3: "VA"})


def test_a_first_version_that_is_refused_leaves_nothing_in_force(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={})
    status = workspace.until_not_ready("SchemaRefused")
    assert workspace.condition()["message"].endswith("; no version is active")
    assert {"activeVersion", "digest", "activations"} & status.keys() == set()
    comes_to(lambda: marks(workspace), {1: "va"})


def test_a_stricter_schema_leaves_the_active_version_in_force_until_it_is_relaxed(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "one"})
    workspace.until_versions(1)
    workspace.edit(context={"temperature": 1})
    workspace.until_versions(2)
    workspace.edit(context={"temperature": None})
    workspace.edit(displayName="three")
    workspace.until_versions(4)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "Va", 3: "Va", 4: "VA"})
    before = workspace.until_ready()

    workspace.edit("support", "graphs", contextSchema=STRICT)
    status = workspace.until_not_ready("SchemaRefused")
    said = '/context: "temperature" is a required property; it stays active'
    assert workspace.condition()["message"] == f"bot-v4 is no longer valid: graph 'support' refuses it: {said}"
    same = ("activeVersion", "latestVersion", "digest", "activations", "versions")
    assert {name: status[name] for name in same} == {name: before[name] for name in same}
    comes_to(lambda: marks(workspace), {1: "va", 2: "Va", 3: "va", 4: "vA"})
    assert progress(workspace) == {"Stalled"}

    workspace.edit("support", "graphs", contextSchema=SCHEMA)
    assert workspace.until_ready()["activations"] == before["activations"]
    comes_to(lambda: marks(workspace), {1: "Va", 2: "Va", 3: "Va", 4: "VA"})


def test_a_relaxed_schema_brings_the_newest_version_it_accepts_into_force(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "one"})
    workspace.until_ready()
    for temperature in (3, 4):
        workspace.edit(context={"temperature": temperature})
    workspace.until_versions(3)
    comes_to(lambda: marks(workspace), {1: "VA", 2: "va", 3: "va"})
    workspace.edit("support", "graphs", contextSchema={"properties": {"temperature": {"maximum": 3}}})
    comes_to(lambda: (in_force(workspace), ready(workspace)), ((3, 2), ("False", "SchemaRefused")))
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA", 3: "va"})
    assert [note for _, reason, note in events(workspace) if reason == "Activated"] == [
        "Activated bot-v2 in place of bot-v1"
    ]


def test_an_assistant_is_ready_within_a_second_of_its_graphs_coming(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    names = [f"bot{number}" for number in range(20)]
    for name in names:
        workspace.assistant(name, context={"prompt": name})
    for name in names:
        workspace.until_not_ready("GraphNotFound", name)
        assert progress(workspace, name) == {"Reconciling"}
    missing = f"graph 'support' does not exist in namespace '{workspace.namespace}'"
    assert workspace.condition("bot0")["message"] == f"bot0-v1 is not activated: {missing}; no version is active"
    assert workspace.condition("bot0", "GraphFound")["status"] == "False"
    assert workspace.condition("bot0", "Valid")["status"] == "Unknown"
    workspace.graph(contextSchema=SCHEMA)
    came = monotonic()
    for name in names:
        assert workspace.until_ready(name)["activeVersion"] == 1
    # A second is the promise; a polling operator would need tens of them, and others load this machine.
    assert monotonic() - came < 5
    workspace.delete("graphs", "support")
    status = workspace.until_not_ready("GraphNotFound", "bot0")
    assert (status["activeVersion"], progress(workspace, "bot0")) == (1, {"Reconciling"})


def two_graphs(workspace: Workspace) -> tuple[str, str]:
    """Version 1 of another graph, version 2 of `support`: the digests of both."""
    workspace.graph("other", contextSchema={"required": ["topic"]})
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(graph="other", context={"topic": "one"}, displayName="One", metadata={"a": None})
    workspace.until_ready()
    workspace.edit(
        graphRef={"name": "support"}, context={"topic": None, "prompt": "two"}, displayName=None, metadata=None
    )
    first, second = workspace.until_versions(2)
    return first["spec"]["digest"], second["spec"]["digest"]


def test_a_pin_activates_a_version_in_full_whatever_its_graph_and_makes_no_version(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    first, second = two_graphs(workspace)
    assert workspace.until_ready()["digest"] == second
    workspace.edit(versioning={"activeVersion": 1})
    comes_to(lambda: in_force(workspace), (2, 1))
    assert workspace.until_ready()["digest"] == first
    assert workspace.condition()["message"] == "bot-v1 is active, as pinned"
    assert workspace.condition(kind="GraphFound")["message"] == "graph 'other' exists"
    comes_to(lambda: marks(workspace), {1: "VA", 2: "Va"})

    workspace.edit("other", "graphs", contextSchema={"required": ["topic", "style"]})
    workspace.until_not_ready("PinnedVersionInvalid")
    comes_to(lambda: marks(workspace), {1: "vA", 2: "Va"})
    workspace.delete("graphs", "other")
    assert workspace.until_not_ready("GraphNotFound")["activeVersion"] == 1
    workspace.graph("other")
    assert workspace.until_ready()["activeVersion"] == 1

    workspace.edit(versioning={"activeVersion": None})
    comes_to(lambda: (in_force(workspace), ready(workspace)), ((2, 2), ("True", "Active")))
    assert workspace.status()["digest"] == second
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA"})
    assert [each["number"] for each in workspace.status()["activations"]] == [2, 1, 2, 1]


def test_a_pin_to_a_version_whose_graph_is_missing_is_honoured_when_the_graph_comes(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    two_graphs(workspace)
    workspace.delete("graphs", "other")
    workspace.edit(versioning={"activeVersion": 1})
    assert workspace.until_not_ready("GraphNotFound")["activeVersion"] == 2
    assert progress(workspace) == {"Reconciling"}
    workspace.graph("other")
    assert workspace.until_ready()["activeVersion"] == 1


def test_a_pin_to_a_number_that_does_not_exist_yet_is_honoured_when_it_does(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph()
    workspace.assistant(context={"n": 1}, versioning={"activeVersion": 2})
    status = workspace.until_not_ready("PinnedVersionNotFound")
    assert "activeVersion" not in status
    wrong = "spec.versioning.activeVersion pins bot-v2, which does not exist"
    assert workspace.condition()["message"] == f"{wrong}; no version is active"
    workspace.edit(context={"n": 2})
    assert workspace.until_ready()["activeVersion"] == 2
    workspace.edit(versioning={"activeVersion": 4})
    assert workspace.until_not_ready("PinnedVersionNotFound")["activeVersion"] == 2
    workspace.edit(context={"n": 3})
    workspace.until_versions(3)
    assert in_force(workspace) == (3, 2)
    for number in (4, 5):
        workspace.edit(context={"n": number})
    assert workspace.until_ready()["activeVersion"] == 4
    comes_to(lambda: in_force(workspace), (5, 4))


def test_a_pin_to_a_version_that_is_not_valid_is_honoured_when_it_is(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=STRICT)
    workspace.assistant(context={"prompt": "one", "temperature": 1})
    workspace.until_ready()
    workspace.edit(context={"temperature": None})
    workspace.until_versions(2)
    workspace.edit(context={"temperature": 2})
    workspace.until_ready()
    workspace.edit(versioning={"activeVersion": 2})
    assert workspace.until_not_ready("PinnedVersionInvalid")["activeVersion"] == 3
    said = "graph 'support' refuses it: /context: \"temperature\" is a required property; bot-v3 stays active"
    assert workspace.condition()["message"] == f"bot-v2 is not activated: {said}"
    workspace.edit("support", "graphs", contextSchema=SCHEMA)
    assert workspace.until_ready()["activeVersion"] == 2


def test_in_manual_activation_only_a_pin_changes_what_is_in_force(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "one"}, versioning={"activation": "Manual"})
    assert "activeVersion" not in workspace.until_not_ready("AwaitingActivation")
    assert progress(workspace) == {"Stalled"}
    comes_to(lambda: marks(workspace), {1: "Va"})
    workspace.edit(versioning={"activeVersion": 1})
    assert workspace.until_ready()["activeVersion"] == 1
    workspace.edit(versioning={"activeVersion": None})
    workspace.edit(context={"prompt": "two"})
    assert workspace.until_versions(2)[1]["spec"]["change"]["paths"] == ["/context/prompt"]
    assert (in_force(workspace), ready(workspace)) == ((2, 1), ("True", "Active"))
    assert workspace.condition()["message"] == "bot-v1 is active; bot-v2 awaits activation"
    workspace.edit(context={"prompt": 3})
    workspace.until_versions(3)
    assert (in_force(workspace), ready(workspace)) == ((3, 1), ("True", "Active"))
    workspace.edit(versioning={"activeVersion": 3})
    assert workspace.until_not_ready("PinnedVersionInvalid")["activeVersion"] == 1
    workspace.edit(versioning={"activeVersion": None, "activation": None})
    comes_to(lambda: (in_force(workspace), ready(workspace)), ((3, 2), ("False", "SchemaRefused")))


def test_while_suspended_edits_are_recorded_and_nothing_else_happens(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "one"})
    workspace.until_ready()
    workspace.edit(context={"prompt": "two"})
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA"})
    before = workspace.status()["conditions"]
    workspace.edit(suspend=True, versioning={"historyLimit": 1, "activeVersion": 1})
    workspace.edit(context={"prompt": "three"})
    workspace.edit("support", "graphs", contextSchema=STRICT)
    workspace.edit(context={"prompt": "four"})
    eventually(lambda: workspace.condition("support", plural="graphs"))
    workspace.until_versions(4)
    comes_to(lambda: (in_force(workspace), ready(workspace)), ((4, 2), ("True", "Suspended")))
    status = workspace.status()
    assert [(each["type"], each["status"], each["lastTransitionTime"]) for each in status["conditions"]] == [
        (each["type"], each["status"], each["lastTransitionTime"]) for each in before
    ]
    assert [number for number, mark in marks(workspace).items() if mark[1] == "A"] == [2]
    assert (len(workspace.versions()), status["versions"]) == (4, 4)
    assert events(workspace) == []

    workspace.edit(suspend=False)
    assert workspace.until_not_ready("PinnedVersionInvalid")["activeVersion"] == 2
    comes_to(lambda: marks(workspace), {1: "va", 2: "vA", 4: "va"})
    workspace.edit("support", "graphs", contextSchema=SCHEMA)
    assert workspace.until_ready()["activeVersion"] == 1
    comes_to(lambda: marks(workspace), {1: "VA", 4: "Va"})


def test_a_schema_that_changed_while_suspended_judges_all_kept_versions_once_that_is_lifted(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "one"})
    workspace.until_ready()
    for temperature in (3, 4):
        workspace.edit(context={"temperature": temperature})
    workspace.until_versions(3)
    comes_to(lambda: marks(workspace), {1: "VA", 2: "va", 3: "va"})
    workspace.edit(suspend=True)
    comes_to(lambda: ready(workspace), ("False", "Suspended"))
    assert progress(workspace) == {"Stalled"}
    workspace.edit("support", "graphs", contextSchema={"properties": {"temperature": {"minimum": 3, "maximum": 3}}})
    eventually(lambda: workspace.condition("support", plural="graphs"))
    workspace.edit(suspend=None)
    comes_to(lambda: (in_force(workspace), ready(workspace)), ((3, 2), ("False", "SchemaRefused")))
    comes_to(lambda: marks(workspace), {1: "Va", 2: "VA", 3: "va"})


def test_an_assistant_that_is_born_suspended_is_told_so(operator: OperatorProcess, workspace: Workspace) -> None:
    workspace.graph()
    workspace.assistant(context={"prompt": "one"}, suspend=True)
    assert "activeVersion" not in workspace.until_not_ready("Suspended")
    assert [each["spec"]["number"] for each in workspace.versions()] == [1]
    workspace.edit(suspend=False)
    assert workspace.until_ready()["activeVersion"] == 1


def test_a_restore_makes_a_version_that_says_which_one_it_equals(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    first, _ = two_graphs(workspace)
    old = workspace.versions()[0]["spec"]["snapshot"]
    workspace.patch("assistants", "bot", [{"op": "replace", "path": "/spec", "value": old}], JSON_PATCH)
    third = workspace.until_versions(3)[2]["spec"]
    assert (third["change"]["kind"], third["change"]["sameAs"], third["digest"]) == ("Reverted", 1, first)
    assert third["snapshot"] == old
    status = workspace.until_ready()
    assert (status["activeVersion"], status["digest"]) == (3, first)


def test_the_last_twenty_activations_are_told_newest_first(operator: OperatorProcess, workspace: Workspace) -> None:
    workspace.graph()
    workspace.assistant(context={"n": 1})
    for number in range(2, 24):
        workspace.until_ready()
        workspace.edit(context={"n": number})
    comes_to(lambda: in_force(workspace), (23, 23))
    told = workspace.status()["activations"]
    assert [each["number"] for each in told] == list(range(23, 3, -1))
    assert [each["since"] for each in told] == sorted((each["since"] for each in told), reverse=True)


def test_events_tell_what_happened_once_and_a_restart_tells_nothing(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(contextSchema=SCHEMA)
    workspace.assistant(context={"prompt": "one"})
    workspace.until_ready()
    workspace.edit(context={"prompt": "two"})
    workspace.until_versions(2)
    workspace.edit(context={"prompt": 3})
    workspace.until_not_ready("SchemaRefused")
    for pin, active in ((1, 1), (None, 2), (1, 1)):
        workspace.edit(versioning={"activeVersion": pin})
        comes_to(lambda: in_force(workspace)[1], active)
    workspace.edit(context={"prompt": "four"})
    workspace.until_versions(4)
    workspace.edit(versioning={"activeVersion": None})
    comes_to(lambda: (in_force(workspace), ready(workspace)), ((4, 4), ("True", "Active")))
    refusal = "graph 'support' refuses it: /context/prompt: the value is not of type \"string\""
    told = [
        ("Warning", "SchemaRefused", f"bot-v3 is not activated: {refusal}; bot-v2 stays active"),
        ("Normal", "Activated", "Activated bot-v1 in place of bot-v2"),
        ("Normal", "Activated", "Activated bot-v2 in place of bot-v1"),
        ("Normal", "Activated", "Activated bot-v1 in place of bot-v2"),
        ("Normal", "Activated", "Activated bot-v4 in place of bot-v1"),
    ]
    comes_to(lambda: events(workspace), told)
    comes_to(lambda: marks(workspace), {1: "Va", 2: "Va", 3: "va", 4: "VA"})
    _, since = workspace.plane.audit_since()
    operator.terminate()
    operator.start()
    workspace.edit(displayName="after")
    workspace.until_ready()
    assert events(workspace) == told
    assert set(writes(workspace, since)) <= {
        "create assistantversions",
        "patch assistants/status",
        "patch assistantversions/status",
    }


def test_an_event_about_a_field_with_a_long_name_in_any_script_is_posted(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    name = "ж" * 700
    workspace.graph(contextSchema={"properties": {name: {"type": "string"}}})
    workspace.assistant(context={name: 1})
    workspace.until_not_ready("SchemaRefused")
    comes_to(lambda: [reason for _, reason, _ in events(workspace)], ["SchemaRefused"])


ASSERTING = "https://json-schema.org/draft/2020-12/meta/format-assertion"
FORMATS = {"opens": "time", "since": "date-time", "every": "duration", "host": "hostname"}
NO_RFC_3339 = {"opens": "09:00:00", "since": "2026-01-01T00:00:00", "every": "P1DT12H30M5.5S", "host": "my_service"}


def test_a_format_refuses_no_value_unless_the_schema_requires_it(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    schema = {"type": "object", "properties": {name: {"type": "string", "format": f} for name, f in FORMATS.items()}}
    workspace.graph(contextSchema=schema, defaultAssistant={"policy": "None"})
    workspace.assistant(context=NO_RFC_3339)
    workspace.until_active(1)
    assert workspace.condition(kind="Valid")["status"] == "True"
    workspace.edit(context={"opens": 9})
    workspace.until_not_ready("SchemaRefused")
    valid = workspace.condition(kind="Valid")
    assert (valid["status"], valid["message"]) == (
        "False",
        "graph 'support' refuses it: /context/opens: the value is not of type \"string\"",
    )
    workspace.edit(context={"opens": "10:00:00"})
    workspace.until_active(3)
    workspace.edit("support", "graphs", contextSchema={"$schema": ASSERTING})
    workspace.until_not_ready("SchemaRefused")
    told = workspace.condition(kind="Valid")["message"]
    assert all(f'/context/{name}: the value is not a "{FORMATS[name]}"' in told for name in ("every", "host", "opens"))
    assert workspace.status()["activeVersion"] == 3, "what is in force stays"


DEEP_ALL_OF = {f"d{n}": {"allOf": [{"$ref": f"#/$defs/d{n + 1}"}] * 2} for n in range(40)} | {"d40": {"type": "object"}}
UNUSABLE, REFUSED, HARMLESS = ("False", "SchemaUnusable"), ("False", "SchemaRefused"), ("True", "Active")
HOSTILE = {
    "regex": ({"properties": {"prompt": {"pattern": "^(a+)+$"}}}, REFUSED),
    "backreference": ({"properties": {"prompt": {"pattern": "(a)\\1"}}}, UNUSABLE),
    "huge-regex": ({"properties": {"prompt": {"pattern": "((a{1000}){1000}){1000}"}}}, UNUSABLE),
    "remote": ({"$ref": "https://schemas.invalid/context.json"}, UNUSABLE),
    "file": ({"$ref": "file:///etc/passwd"}, UNUSABLE),
    "exponential": ({"$defs": DEEP_ALL_OF, "$ref": "#/$defs/d0"}, UNUSABLE),
    "endless": ({"$ref": "#"}, HARMLESS),
    "no-type": ({"type": "objekt"}, UNUSABLE),
    "no-schema": ({"properties": ["prompt"]}, UNUSABLE),
}


def test_hostile_schemas_stop_their_own_assistants_and_no_others(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph("healthy", contextSchema=SCHEMA)
    workspace.assistant("healthy", "healthy", context={"prompt": "one"})
    workspace.until_ready("healthy")
    for name, (schema, _) in HOSTILE.items():
        workspace.graph(name, contextSchema=schema, defaultAssistant={"policy": "None"})
        workspace.assistant(name, name, context={"prompt": "a" * 5000 + "!"})
        workspace.edit("healthy", context={"prompt": name})
        workspace.until_ready("healthy")
    for name, (_, outcome) in HOSTILE.items():
        comes_to(partial(ready, workspace, name), outcome, 60)
    assert "take more than 1 s of processor time" in workspace.condition("exponential")["message"]
    unusable = [name for name, (_, outcome) in HOSTILE.items() if outcome == UNUSABLE]
    for name in unusable:
        assert "activeVersion" not in workspace.status(name)
        workspace.until_not_ready("SchemaUnusable", name, "graphs")
        told = eventually(partial(events, workspace, name))
        assert {event[:2] for event in told} == {("Warning", "SchemaUnusable")}
        workspace.edit(name, "graphs", contextSchema=None)
    for name in unusable:
        assert workspace.until_ready(name)["activeVersion"] == 1
        workspace.until_ready(name, "graphs")


def test_content_that_cannot_be_judged_stops_no_other_assistant_of_its_graph(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    deep: Any = "x"
    for _ in range(300):
        deep = [deep]
    workspace.graph(contextSchema={"properties": {"model": {"enum": ["small", "large"]}}})
    workspace.assistant("deep", context={"model": deep})
    workspace.until_not_ready("SchemaUnusable", "deep")
    workspace.assistant(context={"model": "small"})
    workspace.until_ready()
    workspace.edit(context={"model": "large"})
    assert workspace.until_ready()["activeVersion"] == 2
    workspace.edit("support", "graphs", description="edited")
    workspace.until_ready("support", "graphs")


CANARY = "canary-5ca1ab1e"
NOSY: list[dict[str, Any]] = [
    {"enum": ["a"]},
    {"const": "a"},
    {"type": "integer"},
    {"pattern": "^a$"},
    {"minLength": 1000},
    {"format": "ipv4"},
    {"not": {}},
    {"oneOf": [{}, {}]},
    {"anyOf": [{"enum": ["a"]}]},
]


def test_no_value_of_a_configuration_is_told_to_anybody(operator: OperatorProcess, workspace: Workspace) -> None:
    rows: list[tuple[dict[str, Any], Any]] = [(schema, CANARY) for schema in NOSY]
    rows += [
        ({"uniqueItems": True}, [CANARY, CANARY]),
        ({"contains": {"type": "integer"}}, [CANARY]),
        ({"maxItems": 0}, [CANARY]),
        ({"additionalProperties": False}, {"token": CANARY}),
        ({"maxProperties": 0}, {"token": CANARY}),
        ({"unevaluatedProperties": False}, {"token": CANARY}),
    ]
    for number, (schema, value) in enumerate(rows):
        content = {"context": {"token": value}}
        name = f"nosy{number}"
        whole = {"$schema": ASSERTING, "properties": {"token": schema}}
        workspace.graph(name, contextSchema=whole, defaults=content)
        workspace.assistant(f"bot{number}", name, **content)
    workspace.graph("config", configSchema={"properties": {"token": {"const": 1}}})
    workspace.assistant("config-bot", "config", config={"configurable": {"token": CANARY}})
    names = [f"bot{number}" for number in range(len(rows))] + [f"nosy{number}" for number in range(len(rows))]
    for name in [*names, "config-bot"]:
        workspace.until_not_ready("SchemaRefused", name)
        assert "/token" in workspace.condition(name)["message"]
        comes_to(partial(marks, workspace, name), {1: "va"})
        told = eventually(partial(events, workspace, name))
        assert CANARY not in json.dumps(told)
    for plural in ("graphs", "assistants", "assistantversions"):
        assert CANARY not in json.dumps([each.get("status") for each in workspace.all(plural)])
    assert CANARY not in operator.log.read_text()
