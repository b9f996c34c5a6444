"""What was written is what is kept: absent, empty and null are three, and a number stays what it was."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from assistant_operator.api.assistant import Assistant, AssistantSpec, Snapshot
from assistant_operator.api.graph import Graph, GraphSpec, Schemas
from assistant_operator.api.meta import Condition
from harness.worlds import a_condition, a_graph, an_assistant

REF = {"graphRef": {"name": "support"}}
WRITTEN = [
    pytest.param(REF, id="only what is required"),
    pytest.param({**REF, "context": {}, "metadata": {}, "config": {}}, id="empty is not absent"),
    pytest.param({**REF, "displayName": "", "config": {"tags": []}}, id="empty texts and lists"),
    pytest.param({**REF, "context": None, "metadata": {"a": None}}, id="null is neither"),
    pytest.param(
        {**REF, "context": {"a.b/c~d": {"": 1}, "$ref": "x", "{{ x }}": "{{ y }}"}}, id="keys that look special"
    ),
    pytest.param(
        {**REF, "context": {"text": "a: [1\n- b", "yes": "on", "no": True, "one": 1, "float": 1.0}}, id="YAML"
    ),
    pytest.param({**REF, "context": {"big": 2**53 + 1, "huge": 10**40, "list": [[], {}, None]}}, id="big integers"),
    pytest.param({**REF, "config": {"configurable": {"graph_ref": 1, "graphRef": 2}, "recursionLimit": 7}}, id="case"),
]


def spelled(content: Any) -> str:
    """JSON text, in which 1, 1.0 and true are three things."""
    return json.dumps(content, sort_keys=True)


@pytest.mark.parametrize("written", WRITTEN)
def test_a_snapshot_says_exactly_what_was_written(written: dict[str, Any]) -> None:
    assert spelled(Snapshot.model_validate(written).manifest()) == spelled(written)


@pytest.mark.parametrize("written", WRITTEN)
def test_the_snapshot_of_a_spec_is_its_versioned_part(written: dict[str, Any]) -> None:
    control = {"versioning": {"activeVersion": 2, "historyLimit": 3}, "suspend": True, "deletionPolicy": "Retain"}
    spec = AssistantSpec.model_validate({**control, **written})
    assert spelled(spec.snapshot.manifest()) == spelled(written)
    assert spec.snapshot.canonical == Snapshot.model_validate(written).canonical


def test_contents_that_differ_only_in_absence_are_three_snapshots() -> None:
    contents: list[dict[str, Any]] = [{}, {"context": None}, {"context": {}}, {"context": {"a": None}}]
    assert len({Snapshot.model_validate({**REF, **each}).digest for each in contents}) == 4


SCALAR = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
FREE = st.dictionaries(
    st.text(), st.recursive(SCALAR, lambda each: st.lists(each) | st.dictionaries(st.text(), each), max_leaves=8)
)


@given(FREE)
def test_free_form_content_is_never_touched(content: dict[str, Any]) -> None:
    written = {**REF, "context": content, "metadata": content, "config": {"configurable": content}}
    assert spelled(AssistantSpec.model_validate(written).snapshot.manifest()) == spelled(written)


def test_unknown_fields_are_ignored_and_null_is_no_graph() -> None:
    assert Snapshot.model_validate({**REF, "laterField": 1}).manifest() == REF
    with pytest.raises(ValidationError):
        Snapshot.model_validate({"graphRef": None})


@pytest.mark.parametrize("resource", [an_assistant(pin=2), a_graph(contextSchema={"type": "object"})])
def test_a_resource_reads_back_what_it_wrote(resource: Assistant | Graph) -> None:
    again = type(resource).model_validate(json.loads(json.dumps(resource.manifest())))
    assert again == resource
    assert again.manifest() == resource.manifest()


def test_a_model_is_never_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        an_assistant().spec.suspend = True


@pytest.mark.parametrize(
    ("now", "moves"),
    [
        pytest.param(a_condition("Ready", "True", "Other", "another message"), False, id="only the reason differs"),
        pytest.param(a_condition("Ready", "False", "Active", "bot-v3 is active"), True, id="the status differs"),
        pytest.param(a_condition("Ready", "Unknown", "Active", "bot-v3 is active"), True, id="unknown is not true"),
    ],
)
def test_a_conditions_time_moves_only_when_its_status_does(now: Condition, *, moves: bool) -> None:
    before = a_condition("Ready", "True", "Active", "bot-v3 is active")
    later = datetime(2030, 1, 1, tzinfo=UTC)
    seen = now.with_transition_time(9, before, later)
    assert (seen.last_transition_time == later) is moves
    assert (seen.observed_generation, seen.reason, seen.message) == (9, now.reason, now.message)


SPECS_SCHEMA, SERVERS_SCHEMA = {"type": "object"}, {"minProperties": 1}
LEARNED = {"source": "Server", "context": SERVERS_SCHEMA}
SERVER = {"url": "http://server"}


@pytest.mark.parametrize(
    ("spec", "learned", "in_force"),
    [
        pytest.param({}, None, {"source": "None"}, id="nothing is asked"),
        pytest.param(
            {"contextSchema": SPECS_SCHEMA}, None, {"source": "Spec", "context": SPECS_SCHEMA}, id="the spec's"
        ),
        pytest.param({"contextSchema": {}}, None, {"source": "Spec", "context": {}}, id="an empty schema is a schema"),
        pytest.param({"server": SERVER}, LEARNED, LEARNED, id="the server's"),
        pytest.param({}, LEARNED, {"source": "None"}, id="a server that is no longer declared says nothing"),
        pytest.param(
            {"server": SERVER, "contextSchema": SPECS_SCHEMA},
            LEARNED,
            {"source": "Spec", "context": SPECS_SCHEMA},
            id="the spec wins over the server",
        ),
        pytest.param(
            {"server": SERVER, "configSchema": SPECS_SCHEMA},
            LEARNED,
            {"source": "Spec", "context": SERVERS_SCHEMA, "config": SPECS_SCHEMA},
            id="field by field",
        ),
    ],
)
def test_schemas_in_force(spec: dict[str, Any], learned: Any, in_force: dict[str, Any]) -> None:
    status = {"schemas": learned} if learned else {}
    graph = Graph.model_validate({"metadata": {"name": "support"}, "spec": spec, "status": status})
    assert graph.schemas == Schemas.model_validate(in_force)


@pytest.mark.parametrize(
    ("spec", "name"),
    [
        pytest.param({}, "support", id="the graph's own name"),
        pytest.param({"defaultAssistant": {"name": "front"}}, "front", id="the name that was given"),
        pytest.param({"defaultAssistant": {"policy": "None", "name": "front"}}, None, id="none is wanted"),
    ],
)
def test_the_default_assistants_name(spec: dict[str, Any], name: str | None) -> None:
    graph = Graph.model_validate({"metadata": {"name": "support"}, "spec": spec})
    assert graph.default_name == name
    assert graph.graph_id == "support"
    assert GraphSpec.model_validate(spec).graph_id is None


@pytest.mark.parametrize("spec", [{}, {"spec": None}, {"spec": {}}], ids=["none", "null", "empty"])
def test_a_graph_needs_no_spec(spec: dict[str, Any]) -> None:
    graph = Graph.model_validate({"metadata": {"name": "support"}, **spec})
    assert (graph.graph_id, graph.default_name, graph.spec.server) == ("support", "support", None)


@pytest.mark.parametrize(
    ("annotation", "number"),
    [(None, 0), ("", 0), ("3", 3), ("2,7-9", 9), ("1-12,20", 20), ("x", 0), ("-1", 1), ("9" * 30, 0), ("\u0663", 0)],
)
def test_the_newest_version_that_was_exported(annotation: str | None, number: int) -> None:
    annotations = {} if annotation is None else {"assistant-operator.dev/exported-versions": annotation}
    assert an_assistant(meta={"annotations": annotations}).newest_exported == number


def test_models_with_the_same_fields_share_the_set_of_their_names() -> None:
    one, other = (Snapshot.model_validate({**REF, "context": {"a": number}}) for number in (1, 2))
    assert one.model_fields_set is other.model_fields_set == {"graph_ref", "context"}
    copied = one.model_copy(update={"display_name": "A"})
    assert copied.model_fields_set == {"graph_ref", "context", "display_name"}
    assert one.model_fields_set == {"graph_ref", "context"}, "the copy leaves it alone"
    assert one.model_copy().model_fields_set is one.model_fields_set
    assert Snapshot.of(graph_ref=one.graph_ref, context={}).model_fields_set is one.model_fields_set
    assert (copied.manifest(), one.manifest()) == (
        {**REF, "context": {"a": 1}, "displayName": "A"},
        {**REF, "context": {"a": 1}},
    )
