"""Server-side apply: what it changes, what is a conflict, what is refused."""

from typing import Any

import pytest

from .applying import REF, owned, told
from .client import API_VERSION, APPLY, OURS, Api
from .objects import assistant, condition

Json = dict[str, Any]


async def test_an_apply_creates_what_does_not_exist(api: Api) -> None:
    made = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "one")
    assert made.status == 201
    assert made.meta["generation"] == 1
    assert made.body["spec"]["context"] == {"a": 1}
    again = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 2}), "one")
    assert (again.status, again.meta["generation"]) == (200, 2)


async def test_a_conflict_names_the_field_and_the_manager(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": {"b": 1}}), "one")
    refused = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": {"b": 2}}), "two")
    assert refused.refusal == (409, "Conflict")
    cause = {"reason": "FieldManagerConflict", "message": 'conflict with "one"', "field": ".spec.context.a.b"}
    assert refused.body["details"] == {"causes": [cause]}
    assert refused.message == 'Apply failed with 1 conflict: conflict with "one": .spec.context.a.b'


async def test_a_conflict_with_an_update_names_its_api_version(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": 1, "b": 1}), fieldManager="user")
    refused = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 2, "b": 2}), "one")
    assert [(cause["field"], cause["message"]) for cause in refused.causes] == [
        (".spec.context.a", f'conflict with "user" using {API_VERSION}'),
        (".spec.context.b", f'conflict with "user" using {API_VERSION}'),
    ]
    told_of_all = f'conflicts with "user" using {API_VERSION}:\n- .spec.context.a\n- .spec.context.b'
    assert refused.message == f"Apply failed with 2 conflicts: {told_of_all}"


async def test_one_conflict_refuses_the_whole_apply(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": 1}), fieldManager="user")
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 2}, displayName="x"), "one")
    found = await api.get("assistants", "bot")
    assert "displayName" not in found.body["spec"]
    assert owned(found, "one") == {}


async def test_force_takes_the_fields_over(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": 1, "b": 1}), fieldManager="user")
    forced = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 2}), "one", force="true")
    assert forced.body["spec"]["context"] == {"a": 2, "b": 1}
    assert owned(forced, "one")["f:spec"]["f:context"] == {"f:a": {}}
    assert owned(forced, "user", "Update")["f:spec"]["f:context"] == {".": {}, "f:b": {}}


async def test_an_apply_that_changes_nothing_is_no_write(api: Api) -> None:
    body = told(graphRef=REF, context={"a": 1})
    await api.apply("assistants", "bot", body, "one")
    first = await api.apply("assistants", "bot", body, "one")  # stores the default status
    again = await api.apply("assistants", "bot", body, "one")
    assert again.position == first.position


async def test_what_is_not_applied_any_more_is_removed(api: Api) -> None:
    await api.apply(
        "assistants", "bot", told(meta={"labels": {"l": "1"}}, graphRef=REF, context={"a": 1, "b": 1}), "one"
    )
    less = await api.apply("assistants", "bot", told(graphRef=REF, context={"b": 1}), "one")
    assert less.body["spec"]["context"] == {"b": 1}
    assert "labels" not in less.meta
    assert owned(less, "one") == {"f:spec": {"f:graphRef": {"f:name": {}}, "f:context": {"f:b": {}}}}


async def test_a_field_with_a_default_is_not_removed_but_reset(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, deletionPolicy="Retain"), "one")
    less = await api.apply("assistants", "bot", told(graphRef=REF), "one")
    assert less.body["spec"]["deletionPolicy"] == "Delete"


async def test_a_map_that_loses_its_last_applied_key_is_null(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": {"b": 1}}), "one")
    emptied = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": {}}), "one")
    assert emptied.body["spec"]["context"] == {"a": None}


async def test_a_free_form_field_of_which_nothing_is_left_makes_the_apply_invalid(api: Api) -> None:
    """`context: {}` after `context: {a: 1}`: what is left is null, and null is no object."""
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "one")
    refused = await api.apply("assistants", "bot", told(graphRef=REF, context={}), "one", force="true")
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0] == {
        "reason": "FieldValueTypeInvalid",
        "message": 'Invalid value: "null": spec.context in body must be of type object: "null"',
        "field": "spec.context",
    }
    # Without the field, it is taken away.
    assert "context" not in (await api.apply("assistants", "bot", told(graphRef=REF), "one")).body["spec"]


async def test_an_applied_null_does_not_replace_a_map_but_any_other_value(api: Api) -> None:
    await api.create("assistants", assistant(context={"map": {"x": 1}, "list": [1], "text": "x", "empty": {}}))
    nulls = dict.fromkeys(("map", "list", "text", "empty"))
    applied = await api.apply("assistants", "bot", told(graphRef=REF, context=nulls), "one", force="true")
    assert applied.body["spec"]["context"] == {"map": {"x": 1}, "list": None, "text": None, "empty": None}


async def test_an_empty_map_does_not_conflict_with_what_is_in_it(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": {"b": 1}}), fieldManager="user")
    applied = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": {}}), "one")
    assert applied.body["spec"]["context"] == {"a": {"b": 1}}
    assert owned(applied, "one")["f:spec"]["f:context"] == {"f:a": {}}


async def test_an_apply_to_the_status_leaves_the_rest_alone(api: Api) -> None:
    await api.create("assistants", assistant())
    body = {**told(), "status": {"conditions": [condition()]}}
    written = await api.apply("assistants", "bot", body, "one", "status")
    assert written.body["status"] == {"observedGeneration": -1, "conditions": [condition()]}
    assert owned(written, "one", "Apply", "status")["f:status"].keys() == {"f:conditions"}
    assert (await api.apply("assistants", "absent", told("absent"), "one", "status")).refusal == (404, "NotFound")


async def test_a_uid_keeps_an_apply_from_making_the_object_anew(api: Api) -> None:
    refused = await api.apply("assistants", "bot", told(meta={"uid": "other", "finalizers": ["a.example/b"]}), "one")
    assert refused.refusal == (409, "Conflict")
    assert "uid mismatch: the provided object specified uid other, and no existing object was found" in refused.message
    assert (await api.get("assistants", "bot")).status == 404


async def test_an_apply_to_an_object_of_another_uid_is_invalid(api: Api) -> None:
    await api.create("assistants", assistant())
    refused = await api.apply("assistants", "bot", told(meta={"uid": "other"}), "one", force="true")
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["field"] == "metadata.uid"


async def test_an_apply_of_an_older_state_is_a_conflict_without_causes(api: Api) -> None:
    await api.create("assistants", assistant())
    refused = await api.apply("assistants", "bot", told(meta={"resourceVersion": "1"}, graphRef=REF), "one")
    assert (refused.refusal, refused.causes) == ((409, "Conflict"), [])


async def test_an_apply_needs_a_field_manager(api: Api) -> None:
    refused = await api.send("PATCH", api.path("assistants", "bot"), told(graphRef=REF), kind=APPLY)
    assert refused.refusal == (422, "Invalid")
    assert (
        refused.message
        == 'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch'
    )


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (told("other", graphRef=REF), "the name of the object (other) does not match the name on the URL (bot)"),
        ({"metadata": {"name": "bot"}, "spec": {}}, "invalid object type: /, Kind="),
        (told(meta={"managedFields": [{}]}, graphRef=REF), "metadata.managedFields must be nil"),
    ],
    ids=["another name", "no kind", "managedFields"],
)
async def test_what_cannot_be_applied_is_a_bad_request(api: Api, body: Json, message: str) -> None:
    await api.create("assistants", assistant())
    refused = await api.apply("assistants", "bot", body, "one")
    assert (refused.refusal, refused.message) == ((400, "BadRequest"), message)


async def test_a_field_that_the_schema_does_not_know_cannot_be_applied(api: Api) -> None:
    refused = await api.apply("assistants", "bot", told(graphRef=REF, unknown=1), "one", fieldValidation="Strict")
    assert refused.refusal == (500, "")
    what = f"(/bot; {API_VERSION}, Kind=Assistant)"
    assert refused.message == f"failed to create typed patch object {what}: .spec.unknown: field not declared in schema"


async def test_an_apply_that_lacks_the_spec_creates_nothing(api: Api) -> None:
    refused = await api.apply("assistants", "bot", told(), "one")
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0] == {"reason": "FieldValueRequired", "message": "Required value", "field": "spec"}


async def test_an_apply_where_there_is_no_namespace_is_not_found(api: Api) -> None:
    path = f"{OURS}/namespaces/nowhere/assistants/bot"
    refused = await api.send("PATCH", path, told(graphRef=REF), kind=APPLY, fieldManager="one")
    assert (refused.refusal, refused.body["details"]["kind"]) == ((404, "NotFound"), "namespaces")
