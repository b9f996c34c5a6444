"""Merge patches and JSON patches."""

from .client import APPLY, JSON_PATCH, MERGE, Api
from .objects import assistant, condition


async def test_a_merge_patch_of_an_older_state_is_a_conflict(api: Api) -> None:
    made = await api.create("assistants", assistant())
    meta = {"resourceVersion": made.meta["resourceVersion"]}
    body = {"metadata": meta, "spec": {"displayName": "x"}}
    assert (await api.merge("assistants", "bot", body)).status == 200
    assert (await api.merge("assistants", "bot", body)).refusal == (409, "Conflict")


async def test_a_merge_patch_with_another_uid_is_invalid(api: Api) -> None:
    """Not a conflict: a client that expects 409 of an object that was made anew does not get it."""
    made = await api.create("assistants", assistant())
    meta = {"uid": "other", "resourceVersion": made.meta["resourceVersion"]}
    refused = await api.merge("assistants", "bot", {"metadata": meta})
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0] == {
        "reason": "FieldValueInvalid",
        "message": 'Invalid value: "other": field is immutable',
        "field": "metadata.uid",
    }


async def test_of_an_older_state_with_another_uid_the_state_is_refused_first(api: Api) -> None:
    await api.create("assistants", assistant())
    meta = {"uid": "other", "resourceVersion": "1"}
    assert (await api.merge("assistants", "bot", {"metadata": meta})).refusal == (409, "Conflict")


async def test_null_in_a_merge_patch_removes_a_field(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": {"b": 1, "c": 2}}))
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"a": {"b": None}}}})
    assert edited.body["spec"]["context"] == {"a": {"c": 2}}


async def test_nulls_in_what_a_merge_patch_adds_are_dropped_also_inside_lists(api: Api) -> None:
    await api.create("assistants", assistant())
    context = {"none": None, "object": {"none": None, "list": [{"none": None}, None]}}
    edited = await api.merge("assistants", "bot", {"spec": {"context": context}})
    assert edited.body["spec"]["context"] == {"object": {"list": [{}, None]}}


async def test_a_json_patch_is_carried_out_if_its_test_holds(api: Api) -> None:
    made = await api.create("assistants", assistant())
    status = {"observedGeneration": 1, "conditions": [condition()]}
    written = await api.json_patch(
        "assistants",
        "bot",
        {"op": "test", "path": "/metadata/uid", "value": made.meta["uid"]},
        {"op": "test", "path": "/status/observedGeneration", "value": -1},
        {"op": "replace", "path": "/status", "value": status},
        sub="status",
    )
    assert (written.status, written.body["status"]) == (200, status)


async def test_a_json_patch_of_known_fields_passes_strict_validation(api: Api) -> None:
    made = await api.create("assistants", assistant())
    written = await api.json_patch(
        "assistants",
        "bot",
        {"op": "test", "path": "/metadata/generation", "value": made.meta["generation"]},
        {"op": "add", "path": "/spec/displayName", "value": "x"},
        fieldValidation="Strict",
        fieldManager="one",
    )
    assert (written.status, written.body["spec"]["displayName"]) == (200, "x")
    assert "one" in {each["manager"] for each in written.meta["managedFields"]}


async def test_a_failed_test_in_a_json_patch_is_invalid_without_causes(api: Api) -> None:
    await api.create("assistants", assistant())
    path = "/status/observedGeneration"
    refused = await api.json_patch(
        "assistants", "bot", {"op": "test", "path": path, "value": 5}, {"op": "replace", "path": path, "value": 6}
    )
    assert refused.refusal == (422, "Invalid")
    assert refused.message == "the server rejected our request due to an error in our request"
    assert refused.body["details"] == {}


async def test_a_json_patch_of_what_is_not_there_is_invalid_without_causes(api: Api) -> None:
    await api.create("assistants", assistant())
    for operation in (
        {"op": "test", "path": "/metadata/annotations/a", "value": "b"},
        {"op": "test", "path": "/spec/displayName", "value": "b"},
        {"op": "remove", "path": "/spec/displayName"},
        {"op": "replace", "path": "/spec/context/prompt", "value": "b"},
        {"op": "add", "path": "/spec/context/prompt", "value": "b"},
    ):
        refused = await api.json_patch("assistants", "bot", operation)
        assert (refused.refusal, refused.causes) == ((422, "Invalid"), [])


async def test_replace_in_a_json_patch_adds_a_field_that_is_not_there(api: Api) -> None:
    await api.create("assistants", assistant())
    written = await api.json_patch("assistants", "bot", {"op": "replace", "path": "/spec/displayName", "value": "x"})
    assert (written.status, written.body["spec"]["displayName"]) == (200, "x")


async def test_a_test_for_null_holds_where_nothing_is(api: Api) -> None:
    await api.create("assistants", assistant())
    written = await api.json_patch(
        "assistants",
        "bot",
        {"op": "test", "path": "/spec/displayName", "value": None},
        {"op": "add", "path": "/spec/displayName", "value": "x"},
    )
    assert written.body["spec"]["displayName"] == "x"


async def test_a_json_patch_adds_to_lists_and_removes_from_them(api: Api) -> None:
    await api.create("assistants", assistant(config={"tags": ["a", "b"]}))
    written = await api.json_patch(
        "assistants",
        "bot",
        {"op": "add", "path": "/spec/config/tags/-", "value": "c"},
        {"op": "remove", "path": "/spec/config/tags/0"},
    )
    assert written.body["spec"]["config"]["tags"] == ["b", "c"]


async def test_a_json_patch_that_sets_an_older_resource_version_is_a_conflict(api: Api) -> None:
    await api.create("assistants", assistant())
    refused = await api.json_patch(
        "assistants",
        "bot",
        {"op": "replace", "path": "/metadata/resourceVersion", "value": "1"},
        {"op": "add", "path": "/spec/displayName", "value": "x"},
    )
    assert refused.refusal == (409, "Conflict")


async def test_a_patch_of_another_content_type_is_not_understood(api: Api) -> None:
    await api.create("assistants", assistant())
    for kind in ("application/json", "application/strategic-merge-patch+json"):
        refused = await api.send("PATCH", api.path("assistants", "bot"), {}, kind=kind)
        assert refused.refusal == (415, "UnsupportedMediaType")
        assert all(each in refused.message for each in (MERGE, JSON_PATCH, APPLY))


async def test_a_float_in_place_of_an_equal_integer_raises_the_generation_and_changes_nothing_else(api: Api) -> None:
    made = await api.create("assistants", assistant(context={"number": 1}))
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"number": 1.0}}})
    assert (edited.meta["generation"], edited.body["spec"]) == (2, made.body["spec"])
    assert edited.meta["managedFields"] == made.meta["managedFields"]
    tested = {"op": "test", "path": "/spec/context/number", "value": 1.0}
    assert (await api.json_patch("assistants", "bot", tested)).refusal == (422, "Invalid")
    limited = await api.merge("assistants", "bot", {"spec": {"config": {"recursionLimit": 5.0}}})
    assert limited.body["spec"]["config"] == {"recursionLimit": 5}
