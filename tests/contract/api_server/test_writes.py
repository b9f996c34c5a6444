"""Objects replaced: generation, status, resource versions."""

from .client import Api
from .objects import assistant, condition, graph, version


async def test_each_write_has_a_greater_resource_version_than_any_before(api: Api) -> None:
    writes = [
        await api.create("assistants", assistant()),
        await api.create("graphs", graph()),
        await api.merge("assistants", "bot", {"spec": {"displayName": "x"}}),
    ]
    positions = [each.position for each in writes]
    assert positions == sorted(set(positions))


async def test_what_does_not_exist_is_not_found(api: Api) -> None:
    found = await api.get("assistants", "bot")
    assert found.refusal == (404, "NotFound")
    assert found.message == 'assistants.assistant-operator.dev "bot" not found'
    assert (await api.merge("assistants", "bot", {"spec": {}})).refusal == (404, "NotFound")
    assert (await api.put("assistants", "bot", assistant())).refusal == (404, "NotFound")


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
