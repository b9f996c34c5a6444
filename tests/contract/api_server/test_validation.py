"""What the schemas of our kinds drop, fill in and refuse."""

from typing import Any

import pytest

from .client import Api
from .objects import assistant, condition, graph, version

Json = dict[str, Any]
UNCHECKED = (
    "Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)
NAME_PATTERN = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
BLOCKING: list[tuple[str, Json, str, str, str]] = [
    (
        "a required field is missing",
        {"graphRef": {}},
        "FieldValueRequired",
        "spec.graphRef.name",
        "Required value",
    ),
    (
        "a string for a boolean",
        {"suspend": "yes"},
        "FieldValueTypeInvalid",
        "spec.suspend",
        'Invalid value: "string": spec.suspend in body must be of type boolean: "string"',
    ),
    (
        "a number for a string",
        {"displayName": 5},
        "FieldValueTypeInvalid",
        "spec.displayName",
        'Invalid value: "integer": spec.displayName in body must be of type string: "integer"',
    ),
    (
        "a list for an object",
        {"config": [1]},
        "FieldValueTypeInvalid",
        "spec.config",
        'Invalid value: "array": spec.config in body must be of type object: "array"',
    ),
    (
        "a value that is not in the enum",
        {"deletionPolicy": "No"},
        "FieldValueNotSupported",
        "spec.deletionPolicy",
        'Unsupported value: "No": supported values: "Delete", "Retain"',
    ),
    (
        "a text that is too long",
        {"displayName": "x" * 257},
        "FieldValueTooLong",
        "spec.displayName",
        "Too long: may not be more than 256 bytes",
    ),
    (
        "too many items",
        {"config": {"tags": ["x"] * 65}},
        "FieldValueTooMany",
        "spec.config.tags",
        "Too many: 65: must have at most 64 items",
    ),
]
PASSING: list[tuple[str, Json, str, str]] = [
    (
        "below the minimum",
        {"config": {"recursionLimit": 0}},
        "spec.config.recursionLimit",
        "Invalid value: 0: spec.config.recursionLimit in body should be greater than or equal to 1",
    ),
    (
        "above the maximum",
        {"versioning": {"historyLimit": 10001}},
        "spec.versioning.historyLimit",
        "Invalid value: 10001: spec.versioning.historyLimit in body should be less than or equal to 10000",
    ),
    (
        "not of the pattern",
        {"graphRef": {"name": "UPPER"}},
        "spec.graphRef.name",
        f"Invalid value: \"UPPER\": spec.graphRef.name in body should match '{NAME_PATTERN}'",
    ),
    (
        "shorter than the minimum",
        {"graphRef": {"name": ""}},
        "spec.graphRef.name",
        'Invalid value: "": spec.graphRef.name in body should be at least 1 chars long',
    ),
    (
        "context and configurable both",
        {"context": {"a": 1}, "config": {"configurable": {"b": 1}}},
        "spec.context",
        "Invalid value: context and config.configurable must not both be non-empty: LangGraph takes one of them",
    ),
]


def ids(table: list[Any]) -> list[str]:
    return [row[0] for row in table]


@pytest.mark.parametrize(("_", "spec", "reason", "field", "message"), BLOCKING, ids=ids(BLOCKING))
async def test_what_the_schema_refuses_is_one_cause_and_a_word_of_what_was_not_checked(
    api: Api, _: str, spec: Json, reason: str, field: str, message: str
) -> None:
    refused = await api.create("assistants", assistant(**spec))
    assert refused.refusal == (422, "Invalid")
    assert refused.causes == [
        {"reason": reason, "message": message, "field": field},
        {"reason": "FieldValueInvalid", "message": UNCHECKED, "field": "<nil>"},
    ]
    assert refused.body["details"]["kind"] == "Assistant"
    told = f'Assistant.assistant-operator.dev "bot" is invalid: [{field}: {message}, <nil>: {UNCHECKED}]'
    assert refused.message == told


@pytest.mark.parametrize(("_", "spec", "field", "message"), PASSING, ids=ids(PASSING))
async def test_a_value_that_is_out_of_bounds_or_breaks_a_rule_is_one_cause(
    api: Api, _: str, spec: Json, field: str, message: str
) -> None:
    refused = await api.create("assistants", assistant(**spec))
    assert refused.refusal == (422, "Invalid")
    assert refused.causes == [{"reason": "FieldValueInvalid", "message": message, "field": field}]
    assert refused.message == f'Assistant.assistant-operator.dev "bot" is invalid: {field}: {message}'


async def test_several_faults_are_several_causes(api: Api) -> None:
    refused = await api.create("assistants", assistant(deletionPolicy="No", config={"recursionLimit": 0}))
    fields = {cause["field"] for cause in refused.causes}
    assert fields == {"spec.deletionPolicy", "spec.config.recursionLimit", "<nil>"}


async def test_a_spec_is_required_also_if_it_is_null(api: Api) -> None:
    body = assistant()
    for without in ({**body, "spec": None}, {name: each for name, each in body.items() if name != "spec"}):
        refused = await api.create("assistants", without)
        assert refused.causes[0] == {"reason": "FieldValueRequired", "message": "Required value", "field": "spec"}


async def test_a_name_must_be_a_dns_name(api: Api) -> None:
    refused = await api.create("assistants", assistant("Bot_"))
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["field"] == "metadata.name"
    assert refused.message.startswith(
        'Assistant.assistant-operator.dev "Bot_" is invalid: metadata.name: Invalid value'
    )
    nameless = await api.create("assistants", {**assistant(), "metadata": {}})
    assert nameless.causes[0]["message"] == "Required value: name or generateName is required"


@pytest.mark.parametrize(("plural", "make"), [("assistants", assistant), ("graphs", graph)])
async def test_a_name_longer_than_200_characters_breaks_a_rule(api: Api, plural: str, make: Any) -> None:
    refused = await api.create(plural, make("x" * 201))
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["field"] == "metadata.name"
    assert "metadata.name must be at most 200 characters" in refused.causes[0]["message"]
    assert (await api.create(plural, make("x" * 200))).status == 201


async def test_unknown_fields_are_dropped(api: Api) -> None:
    made = await api.create("assistants", {**assistant(unknown=1, versioning={"unknown": 1}), "top": 1})
    assert made.status == 201
    assert "unknown" not in made.body["spec"]
    assert "unknown" not in made.body["spec"]["versioning"]
    assert "top" not in made.body


async def test_unknown_fields_are_refused_where_validation_is_strict(api: Api) -> None:
    refused = await api.create("assistants", assistant(unknown=1), fieldValidation="Strict")
    assert refused.refusal == (400, "BadRequest")
    assert refused.message.endswith('strict decoding error: unknown field "spec.unknown"')
    made = await api.create("assistants", assistant())
    body = {**made.body, "spec": {**made.body["spec"], "versioning": {"unknown": 1}}}
    replaced = await api.put("assistants", "bot", body, fieldValidation="Strict")
    assert replaced.refusal == (400, "BadRequest")
    assert replaced.message.endswith('strict decoding error: unknown field "spec.versioning.unknown"')


async def test_defaults_are_filled_in_where_their_object_is(api: Api) -> None:
    made = await api.create("assistants", assistant())
    assert made.body["spec"] == {"graphRef": {"name": "support"}, "deletionPolicy": "Delete", "suspend": False}
    edited = await api.merge("assistants", "bot", {"spec": {"versioning": {}}})
    assert edited.body["spec"]["versioning"] == {"activation": "Automatic", "historyLimit": 100}
    cleared = await api.merge("assistants", "bot", {"spec": {"suspend": None, "deletionPolicy": None}})
    assert (cleared.body["spec"]["suspend"], cleared.body["spec"]["deletionPolicy"]) == (False, "Delete")


async def test_a_null_for_a_field_is_as_if_it_was_not_sent(api: Api) -> None:
    made = await api.create("assistants", assistant(suspend=None, displayName=None))
    assert made.body["spec"]["suspend"] is False
    assert "displayName" not in made.body["spec"]


async def test_free_form_json_keeps_its_nulls(api: Api) -> None:
    context = {"top": None, "in": {"object": None, "list": [None]}}
    made = await api.create("assistants", assistant(context=context))
    assert made.body["spec"]["context"] == context
    snapshot = {"graphRef": {"name": "support"}, "context": context}
    kept = await api.create("assistantversions", version(snapshot=snapshot))
    assert kept.body["spec"]["snapshot"]["context"] == context


async def test_exactly_one_of_url_and_service_must_be_set(api: Api) -> None:
    both = {"url": "http://host", "serviceRef": {"name": "s", "port": 80}}
    for server in (both, {}):
        refused = await api.create("graphs", graph(server=server))
        message = "Invalid value: exactly one of url and serviceRef must be set"
        assert refused.causes == [{"reason": "FieldValueInvalid", "message": message, "field": "spec.server"}]


async def test_a_url_needs_a_host(api: Api) -> None:
    refused = await api.create("graphs", graph(server={"url": "http://:80"}))
    assert [cause["field"] for cause in refused.causes] == ["spec.server.url"]
    for url in ("http://host", "https://host:8123/path", "http://[::1]:80"):
        assert (
            await api.create(
                "graphs", {**graph(), "metadata": {"generateName": "g-"}, "spec": {"server": {"url": url}}}
            )
        ).status == 201


async def test_the_graph_id_cannot_be_changed_once_it_is_set(api: Api) -> None:
    await api.create("graphs", graph())
    assert (await api.merge("graphs", "support", {"spec": {"graphId": "one"}})).status == 200
    for other in ("two", None):
        refused = await api.merge("graphs", "support", {"spec": {"graphId": other}})
        assert [cause["field"] for cause in refused.causes] == ["spec.graphId"]


async def test_a_status_is_checked_too(api: Api) -> None:
    await api.create("assistants", assistant())
    body = {"status": {"conditions": [condition(status="Maybe")]}}
    refused = await api.merge("assistants", "bot", body, "status")
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["field"] == "status.conditions[0].status"


async def test_two_conditions_of_one_type_are_a_duplicate(api: Api) -> None:
    await api.create("assistants", assistant())
    refused = await api.merge("assistants", "bot", {"status": {"conditions": [condition(), condition()]}}, "status")
    assert refused.causes == [
        {
            "reason": "FieldValueDuplicate",
            "message": 'Duplicate value: {"type":"Ready"}',
            "field": "status.conditions[1]",
        }
    ]
