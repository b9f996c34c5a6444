"""Server-side apply: who owns which field, and what a conflict is."""

from typing import Any

import pytest

from .client import API_VERSION, APPLY, OURS, Api, Reply
from .objects import assistant, condition, version

Json = dict[str, Any]
REF = {"name": "support"}


def told(name: str = "bot", *, meta: Json | None = None, **spec: Any) -> Json:
    """A configuration to be applied; without a spec it says nothing of it."""
    metadata = {"name": name, **(meta or {})}
    body: Json = {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": metadata}
    return {**body, "spec": spec} if spec else body


def owned(reply: Reply, manager: str, operation: str = "Apply", subresource: str = "") -> Json:
    """What that manager owns; nothing, if it has no entry."""
    for entry in reply.meta["managedFields"]:
        said = (entry["manager"], entry["operation"], entry.get("subresource", ""))
        if said == (manager, operation, subresource):
            return dict(entry["fieldsV1"])
    return {}


async def test_an_apply_creates_what_does_not_exist(api: Api) -> None:
    made = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "one")
    assert made.status == 201
    assert made.meta["generation"] == 1
    assert made.body["spec"]["context"] == {"a": 1}
    again = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 2}), "one")
    assert (again.status, again.meta["generation"]) == (200, 2)


async def test_an_applier_owns_what_it_applies_and_no_defaults(api: Api) -> None:
    body = told(
        meta={"labels": {"l": "1"}}, graphRef=REF, context={"a": {"b": 1}, "list": [1], "empty": {}, "none": None}
    )
    made = await api.apply("assistants", "bot", body, "one")
    context: Json = {"f:a": {".": {}, "f:b": {}}, "f:list": {}, "f:empty": {}, "f:none": {}}
    assert owned(made, "one") == {
        "f:metadata": {"f:labels": {"f:l": {}}},
        "f:spec": {"f:graphRef": {"f:name": {}}, "f:context": context},
    }
    assert made.body["spec"]["deletionPolicy"] == "Delete"


async def test_whoever_creates_by_post_owns_the_defaults_too(api: Api) -> None:
    made = await api.create("assistants", assistant(context={"a": 1}, config={"tags": ["x"]}), fieldManager="one")
    fields: Json = {
        "f:spec": {
            ".": {},
            "f:graphRef": {".": {}, "f:name": {}},
            "f:context": {".": {}, "f:a": {}},
            "f:config": {".": {}, "f:tags": {}},
            "f:deletionPolicy": {},
            "f:suspend": {},
        }
    }
    assert owned(made, "one", "Update") == fields
    (entry,) = made.meta["managedFields"]
    assert (entry["apiVersion"], entry["fieldsType"], entry["time"]) == (
        API_VERSION,
        "FieldsV1",
        made.meta["creationTimestamp"],
    )


async def test_without_a_field_manager_the_user_agent_names_it(api: Api) -> None:
    made = await api.create("assistants", assistant())
    assert [entry["manager"] for entry in made.meta["managedFields"]] == ["contract"]


async def test_whoever_changes_a_field_takes_it_from_others(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1, "b": 1}), "one")
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"a": 2, "c": {"d": 1}}}}, fieldManager="user")
    assert owned(edited, "user", "Update") == {"f:spec": {"f:context": {"f:a": {}, "f:c": {".": {}, "f:d": {}}}}}
    assert owned(edited, "one")["f:spec"]["f:context"] == {"f:b": {}}


async def test_who_writes_the_value_that_was_there_takes_nothing(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "one")
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"a": 1}}}, fieldManager="user")
    assert owned(edited, "user", "Update") == {}
    assert owned(edited, "one")["f:spec"]["f:context"] == {"f:a": {}}


async def test_who_removes_a_field_takes_it_from_everybody(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "one")
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"a": None}}}, fieldManager="user")
    assert owned(edited, "one") == {"f:spec": {"f:graphRef": {"f:name": {}}}}
    assert owned(edited, "user", "Update") == {}


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


async def test_the_same_value_is_no_conflict_and_both_own_it(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": [1]}), "one")
    shared = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": [1]}), "two")
    assert owned(shared, "one") == owned(shared, "two")
    assert shared.meta["generation"] == 1


async def test_an_apply_that_only_shares_ownership_has_no_time(api: Api) -> None:
    """The entry of such a manager lacks `time`, which every other entry has."""
    await api.apply("assistants", "bot", told(graphRef=REF), "one")
    shared = await api.apply("assistants", "bot", told(graphRef=REF), "two")
    times = {entry["manager"]: "time" in entry for entry in shared.meta["managedFields"]}
    assert times == {"one": True, "two": False}


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


async def test_what_another_owns_too_stays_when_it_is_not_applied_any_more(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "one")
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "two")
    less = await api.apply("assistants", "bot", told(graphRef=REF), "one")
    assert less.body["spec"]["context"] == {"a": 1}
    assert owned(less, "two")["f:spec"]["f:context"] == {"f:a": {}}


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


async def test_a_map_in_place_of_a_value_is_owned_with_all_that_is_in_it(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": [1]}), "one")
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"a": {"b": {"c": 1}}}}}, fieldManager="user")
    assert owned(edited, "user", "Update") == {"f:spec": {"f:context": {"f:a": {".": {}, "f:b": {".": {}, "f:c": {}}}}}}
    assert owned(edited, "one") == {"f:spec": {"f:graphRef": {"f:name": {}}}}


async def test_an_empty_map_does_not_conflict_with_what_is_in_it(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": {"b": 1}}), fieldManager="user")
    applied = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": {}}), "one")
    assert applied.body["spec"]["context"] == {"a": {"b": 1}}
    assert owned(applied, "one")["f:spec"]["f:context"] == {"f:a": {}}


async def test_a_value_in_place_of_a_map_conflicts_with_its_owner(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": {"b": 1}}), fieldManager="user")
    refused = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 5}), "one")
    assert [cause["field"] for cause in refused.causes] == [".spec.context.a"]
    forced = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 5}), "one", force="true")
    assert forced.body["spec"]["context"] == {"a": 5}
    assert owned(forced, "user", "Update")["f:spec"]["f:context"] == {}


async def test_a_list_in_free_form_json_is_owned_as_a_whole(api: Api) -> None:
    await api.create("assistants", assistant(context={"a": [{"b": 1}, 2]}), fieldManager="user")
    refused = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": [{"b": 1}]}), "one")
    assert [cause["field"] for cause in refused.causes] == [".spec.context.a"]


async def test_a_finalizer_is_owned_by_itself(api: Api) -> None:
    made = await api.create("assistants", assistant(meta={"finalizers": ["user.example/a"]}), fieldManager="user")
    held = {"uid": made.meta["uid"], "finalizers": ["operator.example/b"]}
    on = await api.apply("assistants", "bot", told(meta=held), "operator", force="true")
    assert on.meta["finalizers"] == ["user.example/a", "operator.example/b"]
    assert on.meta["generation"] == 1
    assert owned(on, "operator") == {"f:metadata": {"f:finalizers": {'v:"operator.example/b"': {}}}}
    off = await api.apply("assistants", "bot", told(meta={"uid": made.meta["uid"]}), "operator", force="true")
    assert off.meta["finalizers"] == ["user.example/a"]
    assert owned(off, "operator") == {}


async def test_an_owner_reference_is_owned_by_its_uid(api: Api) -> None:
    graph = await api.create(
        "graphs", {"apiVersion": API_VERSION, "kind": "Graph", "metadata": {"name": "support"}, "spec": {}}
    )
    reference = {"apiVersion": API_VERSION, "kind": "Graph", "name": "support", "uid": graph.meta["uid"]}
    made = await api.apply("assistants", "bot", told(meta={"ownerReferences": [reference]}, graphRef=REF), "one")
    key = f'k:{{"uid":"{graph.meta["uid"]}"}}'
    assert owned(made, "one")["f:metadata"] == {"f:ownerReferences": {key: {}}}
    assert made.meta["ownerReferences"] == [reference]
    less = await api.apply("assistants", "bot", told(graphRef=REF), "one")
    assert "ownerReferences" not in less.meta


async def test_a_condition_is_owned_by_its_type(api: Api) -> None:
    await api.create("assistants", assistant())
    body = {"status": {"conditions": [condition("Ready"), condition("Valid")], "observedGeneration": 1}}
    written = await api.merge("assistants", "bot", body, "status", fieldManager="operator")
    each: Json = {
        ".": {},
        **{f"f:{name}": {} for name in ("type", "status", "reason", "message", "lastTransitionTime")},
    }
    conditions = {".": {}, 'k:{"type":"Ready"}': each, 'k:{"type":"Valid"}': each}
    assert owned(written, "operator", "Update", "status") == {
        "f:status": {"f:conditions": conditions, "f:observedGeneration": {}}
    }
    one = {"status": {"conditions": [condition("Ready"), condition("Valid", "False")]}}
    changed = await api.merge("assistants", "bot", one, "status", fieldManager="other")
    fields: Json = {'k:{"type":"Valid"}': {"f:status": {}}}
    assert owned(changed, "other", "Update", "status") == {"f:status": {"f:conditions": fields}}


async def test_a_status_write_is_an_entry_of_its_own(api: Api) -> None:
    await api.create("assistants", assistant(), fieldManager="one")
    written = await api.merge("assistants", "bot", {"status": {"observedGeneration": 1}}, "status", fieldManager="one")
    assert owned(written, "one", "Update", "status") == {"f:status": {"f:observedGeneration": {}}}
    assert "f:status" not in owned(written, "one", "Update")


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


async def test_entries_are_listed_appliers_first(api: Api) -> None:
    await api.create("assistants", assistant(), fieldManager="zoe")
    await api.merge("assistants", "bot", {"spec": {"displayName": "x"}}, fieldManager="adam")
    listed = await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "mia")
    entries = [(entry["operation"], entry["manager"]) for entry in listed.meta["managedFields"]]
    assert entries[0] == ("Apply", "mia")
    assert sorted(entries[1:]) == [("Update", "adam"), ("Update", "zoe")]


async def test_a_version_is_owned_field_by_field_too(api: Api) -> None:
    snapshot = {"graphRef": REF, "context": {"a": {"b": 1}}}
    made = await api.create("assistantversions", version(snapshot=snapshot), fieldManager="one")
    assert owned(made, "one", "Update")["f:spec"]["f:snapshot"]["f:context"] == {".": {}, "f:a": {".": {}, "f:b": {}}}
