"""managedFields: which manager owns which field."""

from typing import Any

from .applying import REF, owned, told
from .client import API_VERSION, Api
from .objects import assistant, condition, version

Json = dict[str, Any]


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


async def test_what_another_owns_too_stays_when_it_is_not_applied_any_more(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "one")
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": 1}), "two")
    less = await api.apply("assistants", "bot", told(graphRef=REF), "one")
    assert less.body["spec"]["context"] == {"a": 1}
    assert owned(less, "two")["f:spec"]["f:context"] == {"f:a": {}}


async def test_a_map_in_place_of_a_value_is_owned_with_all_that_is_in_it(api: Api) -> None:
    await api.apply("assistants", "bot", told(graphRef=REF, context={"a": [1]}), "one")
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"a": {"b": {"c": 1}}}}}, fieldManager="user")
    assert owned(edited, "user", "Update") == {"f:spec": {"f:context": {"f:a": {".": {}, "f:b": {".": {}, "f:c": {}}}}}}
    assert owned(edited, "one") == {"f:spec": {"f:graphRef": {"f:name": {}}}}


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
