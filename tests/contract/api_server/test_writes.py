"""Objects created, replaced and patched."""

from .client import APPLY, JSON_PATCH, MERGE, OURS, Api
from .objects import assistant, condition, graph, version


async def test_a_created_object_has_a_uid_a_creation_time_and_generation_one(api: Api) -> None:
    made = await api.create("assistants", assistant())
    assert made.status == 201
    assert made.meta["uid"]
    assert made.meta["creationTimestamp"].endswith("Z")
    assert made.meta["generation"] == 1
    assert made.meta["namespace"] == api.namespace
    assert (await api.get("assistants", "bot")).body == made.body


async def test_what_the_api_server_assigns_a_client_cannot_set(api: Api) -> None:
    said = {"uid": "mine", "generation": 77, "creationTimestamp": "2020-01-01T00:00:00Z"}
    made = await api.create("assistants", assistant(meta=said))
    assert made.meta["generation"] == 1
    assert made.meta["uid"] != "mine"
    assert not made.meta["creationTimestamp"].startswith("2020")
    edited = await api.merge("assistants", "bot", {"metadata": {"generation": 99}})
    assert edited.meta["generation"] == 1


async def test_each_write_has_a_greater_resource_version_than_any_before(api: Api) -> None:
    writes = [
        await api.create("assistants", assistant()),
        await api.create("graphs", graph()),
        await api.merge("assistants", "bot", {"spec": {"displayName": "x"}}),
    ]
    positions = [each.position for each in writes]
    assert positions == sorted(set(positions))


async def test_a_name_that_is_taken_is_refused_as_already_exists(api: Api) -> None:
    await api.create("assistants", assistant())
    again = await api.create("assistants", assistant(context={"other": 1}))
    assert again.refusal == (409, "AlreadyExists")
    assert again.message == 'assistants.assistant-operator.dev "bot" already exists'
    assert again.body["details"] == {"name": "bot", "group": "assistant-operator.dev", "kind": "assistants"}


async def test_generate_name_makes_a_name_that_begins_with_it(api: Api) -> None:
    body = {**assistant(), "metadata": {"generateName": "bot-"}}
    names = [(await api.create("assistants", body)).meta["name"] for _ in range(2)]
    assert all(name.startswith("bot-") and len(name) == len("bot-") + 5 for name in names)
    assert names[0] != names[1]


async def test_nothing_is_created_in_a_namespace_that_does_not_exist(api: Api) -> None:
    path = f"{OURS}/namespaces/nowhere/assistants"
    refused = await api.send("POST", path, assistant())
    assert refused.refusal == (404, "NotFound")
    assert refused.body["details"] == {"name": "nowhere", "kind": "namespaces"}
    assert refused.message == 'namespaces "nowhere" not found'


async def test_what_does_not_exist_is_not_found(api: Api) -> None:
    found = await api.get("assistants", "bot")
    assert found.refusal == (404, "NotFound")
    assert found.message == 'assistants.assistant-operator.dev "bot" not found'
    assert (await api.merge("assistants", "bot", {"spec": {}})).refusal == (404, "NotFound")
    assert (await api.put("assistants", "bot", assistant())).refusal == (404, "NotFound")


async def test_another_namespace_in_the_body_is_a_bad_request(api: Api) -> None:
    refused = await api.create("assistants", assistant(meta={"namespace": "other"}))
    assert refused.refusal == (400, "BadRequest")
    assert "does not match the namespace sent on the request" in refused.message


async def test_another_kind_in_the_body_is_invalid(api: Api) -> None:
    refused = await api.create("assistants", {**assistant(), "kind": "Graph"})
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["message"] == 'Invalid value: "Graph": must be Assistant'


async def test_a_resource_version_on_a_new_object_is_an_error(api: Api) -> None:
    refused = await api.create("assistants", assistant(meta={"resourceVersion": "1"}))
    assert refused.refusal == (500, "")
    assert refused.message == "resourceVersion should not be set on objects to be created"


async def test_a_body_that_is_no_json_is_a_bad_request(api: Api) -> None:
    assert (await api.send("POST", api.path("assistants"), b"{nope")).refusal == (400, "BadRequest")
    await api.create("assistants", assistant())
    broken = await api.send("PATCH", api.path("assistants", "bot"), b"{nope", kind=MERGE)
    assert (broken.refusal, broken.message) == ((400, "BadRequest"), "invalid JSON patch")


async def test_a_path_that_nothing_serves_is_a_404_in_plain_text(api: Api) -> None:
    for path in (f"{OURS}/nothing", "/nothing", "/apis/nothing.example/v1"):
        told = await api.send("GET", path)
        assert (told.status, told.body) == (404, {"message": "404 page not found\n"})
    assert (await api.send("POST", f"{OURS}/assistants", assistant())).status == 404


async def test_a_new_object_has_no_status_but_its_default(api: Api) -> None:
    made = await api.create("assistants", {**assistant(), "status": {"observedGeneration": 5}})
    assert made.body["status"] == {"observedGeneration": -1}
    assert "status" not in (await api.create("assistantversions", version())).body


async def test_the_first_write_that_changes_nothing_stores_the_default_status(api: Api) -> None:
    """etcd holds no status until then: a revision and an event for nothing, once."""
    made = await api.create("assistants", assistant())
    first = await api.put("assistants", "bot", made.body)
    assert first.position > made.position
    assert {**first.body, "metadata": made.meta} == made.body
    second = await api.put("assistants", "bot", first.body)
    assert second.position == first.position


async def test_a_write_that_changes_nothing_keeps_the_resource_version(api: Api) -> None:
    made = await api.create("assistantversions", version())
    assert (await api.put("assistantversions", "bot-v1", made.body)).position == made.position
    assert (await api.merge("assistantversions", "bot-v1", {"spec": {"number": 1}})).position == made.position
    same = await api.json_patch("assistantversions", "bot-v1", {"op": "test", "path": "/spec/number", "value": 1})
    assert same.body == made.body


async def test_a_change_of_the_spec_raises_the_generation(api: Api) -> None:
    await api.create("assistants", assistant())
    assert (await api.merge("assistants", "bot", {"spec": {"displayName": "x"}})).meta["generation"] == 2
    assert (await api.merge("assistants", "bot", {"spec": {"displayName": "x"}})).meta["generation"] == 2
    assert (await api.merge("assistants", "bot", {"spec": {"displayName": None}})).meta["generation"] == 3


async def test_labels_and_annotations_do_not_raise_the_generation(api: Api) -> None:
    await api.create("assistants", assistant())
    edited = await api.merge("assistants", "bot", {"metadata": {"labels": {"a": "b"}, "annotations": {"c": "d"}}})
    assert edited.meta["generation"] == 1
    assert (edited.meta["labels"], edited.meta["annotations"]) == ({"a": "b"}, {"c": "d"})


async def test_a_status_write_does_not_raise_the_generation(api: Api) -> None:
    made = await api.create("assistants", assistant())
    written = await api.merge("assistants", "bot", {"status": {"observedGeneration": 1}}, "status")
    assert written.meta["generation"] == 1
    assert written.position > made.position
    assert written.body["status"] == {"observedGeneration": 1}


async def test_a_status_write_changes_neither_spec_nor_labels(api: Api) -> None:
    await api.create("assistants", assistant())
    body = {"spec": {"suspend": True}, "metadata": {"labels": {"a": "b"}}, "status": {"observedGeneration": 1}}
    written = await api.merge("assistants", "bot", body, "status")
    assert written.body["spec"]["suspend"] is False
    assert "labels" not in written.meta


async def test_a_write_of_the_object_does_not_change_its_status(api: Api) -> None:
    await api.create("assistants", assistant())
    await api.merge("assistants", "bot", {"status": {"observedGeneration": 1}}, "status")
    written = await api.merge("assistants", "bot", {"status": {"observedGeneration": 9}, "spec": {"suspend": True}})
    assert written.body["status"] == {"observedGeneration": 1}
    assert written.body["spec"]["suspend"] is True


async def test_a_status_that_is_taken_away_is_the_default_again(api: Api) -> None:
    await api.create("assistants", assistant())
    await api.merge("assistants", "bot", {"status": {"observedGeneration": 1, "conditions": [condition()]}}, "status")
    written = await api.merge("assistants", "bot", {"status": None}, "status")
    assert written.body["status"] == {"observedGeneration": -1}


async def test_a_replacement_of_an_older_state_is_a_conflict(api: Api) -> None:
    made = await api.create("assistants", assistant())
    edited = await api.put("assistants", "bot", {**made.body, "spec": {**made.body["spec"], "displayName": "x"}})
    assert edited.status == 200
    stale = await api.put("assistants", "bot", made.body)
    assert stale.refusal == (409, "Conflict")
    told = "the object has been modified; please apply your changes to the latest version and try again"
    assert stale.message == f'Operation cannot be fulfilled on assistants.assistant-operator.dev "bot": {told}'


async def test_a_replacement_needs_a_resource_version(api: Api) -> None:
    await api.create("assistants", assistant())
    refused = await api.put("assistants", "bot", assistant())
    assert refused.refusal == (422, "Invalid")
    assert refused.causes == [
        {
            "reason": "FieldValueInvalid",
            "message": "Invalid value: 0: must be specified for an update",
            "field": "metadata.resourceVersion",
        }
    ]


async def test_a_replacement_with_another_uid_is_a_conflict(api: Api) -> None:
    made = await api.create("assistants", assistant())
    refused = await api.put("assistants", "bot", {**made.body, "metadata": {**made.meta, "uid": "other"}})
    assert refused.refusal == (409, "Conflict")
    told = f"Precondition failed: UID in precondition: other, UID in object meta: {made.meta['uid']}"
    assert told in refused.message


async def test_a_replacement_under_another_name_is_a_bad_request(api: Api) -> None:
    await api.create("assistants", assistant())
    refused = await api.put("assistants", "bot", assistant("other"))
    assert refused.refusal == (400, "BadRequest")
    assert refused.message == "the name of the object (other) does not match the name on the URL (bot)"


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


async def test_numbers_are_kept_as_go_keeps_them(api: Api) -> None:
    sent = {"whole": 1.0, "large": 2**53 + 1, "half": 0.5, "huge": 2**70}
    made = await api.create("assistants", assistant(context=sent))
    kept = made.body["spec"]["context"]
    assert kept == {**sent, "huge": float(2**70)}
    assert isinstance(kept["whole"], int)
    assert isinstance(kept["huge"], float)
    again = await api.merge("assistants", "bot", {"spec": {"context": {"whole": 1}}})
    assert again.meta["generation"] == 1


async def test_a_float_in_place_of_an_equal_integer_raises_the_generation_and_changes_nothing_else(api: Api) -> None:
    made = await api.create("assistants", assistant(context={"number": 1}))
    edited = await api.merge("assistants", "bot", {"spec": {"context": {"number": 1.0}}})
    assert (edited.meta["generation"], edited.body["spec"]) == (2, made.body["spec"])
    assert edited.meta["managedFields"] == made.meta["managedFields"]
    tested = {"op": "test", "path": "/spec/context/number", "value": 1.0}
    assert (await api.json_patch("assistants", "bot", tested)).refusal == (422, "Invalid")
    limited = await api.merge("assistants", "bot", {"spec": {"config": {"recursionLimit": 5.0}}})
    assert limited.body["spec"]["config"] == {"recursionLimit": 5}


async def test_keys_come_back_in_alphabetical_order(api: Api) -> None:
    made = await api.create("assistants", assistant(context={"b": 1, "a": {"d": 1, "c": 2}}))
    context = made.body["spec"]["context"]
    assert (list(context), list(context["a"])) == (["a", "b"], ["c", "d"])


async def test_text_is_kept_as_it_was_sent(api: Api) -> None:
    sent = {"prompt": 'ß 你好 🙂 \u2028 <&> \\ " \n\t', "with.dot/and~": 1}
    made = await api.create("assistants", assistant(context=sent))
    assert made.body["spec"]["context"] == sent
