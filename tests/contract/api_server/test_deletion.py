"""Objects deleted: finalizers, preconditions, and what the garbage collector does of owners and dependents."""

from typing import Any
from uuid import uuid4

import pytest

from .client import API_VERSION, METADATA, Api, Reply
from .objects import assistant, graph, version
from .waiting import eventually

Json = dict[str, Any]
HELD = {"finalizers": ["example.com/held"]}


async def is_gone(api: Api, plural: str, name: str) -> bool:
    return (await api.get(plural, name)).status == 404


async def is_marked(api: Api, plural: str, name: str) -> bool:
    """Whether it is there still, and being deleted."""
    found = await api.get(plural, name)
    return found.status == 200 and "deletionTimestamp" in found.meta


def owner(reply: Reply, **more: Any) -> Json:
    meta = reply.meta
    reference = {"apiVersion": API_VERSION, "kind": reply.body["kind"], "name": meta["name"], "uid": meta["uid"]}
    return {**reference, "controller": True, "blockOwnerDeletion": True, **more}


async def test_a_deleted_object_is_gone_and_a_status_says_its_uid(api: Api) -> None:
    made = await api.create("assistants", assistant())
    deleted = await api.delete("assistants", "bot")
    about = {"name": "bot", "group": "assistant-operator.dev", "kind": "assistants", "uid": made.meta["uid"]}
    assert (deleted.status, deleted.body["status"], deleted.body["details"]) == (200, "Success", about)
    assert await is_gone(api, "assistants", "bot")


async def test_a_deletion_is_answered_with_a_status_even_if_metadata_is_wanted(api: Api) -> None:
    await api.create("assistants", assistant())
    deleted = await api.send("DELETE", api.path("assistants", "bot"), accept=METADATA)
    assert deleted.body["kind"] == "Status"


async def test_what_does_not_exist_cannot_be_deleted(api: Api) -> None:
    assert (await api.delete("assistants", "bot")).refusal == (404, "NotFound")


async def test_an_object_with_a_finalizer_is_only_marked(api: Api) -> None:
    await api.create("assistants", assistant(meta=HELD))
    deleted = await api.delete("assistants", "bot")
    assert (deleted.status, deleted.body["kind"]) == (200, "Assistant")
    assert deleted.meta["deletionTimestamp"]
    assert deleted.meta["deletionGracePeriodSeconds"] == 0
    assert await is_marked(api, "assistants", "bot")


async def test_a_deletion_timestamp_raises_the_generation(api: Api) -> None:
    await api.create("assistants", assistant(meta=HELD))
    assert (await api.delete("assistants", "bot")).meta["generation"] == 2


async def test_the_name_of_an_object_that_is_being_deleted_is_taken(api: Api) -> None:
    await api.create("assistants", assistant(meta=HELD))
    await api.delete("assistants", "bot")
    refused = await api.create("assistants", assistant())
    assert refused.refusal == (409, "AlreadyExists")
    told = 'assistants.assistant-operator.dev "bot" already exists'
    assert refused.message == f"object is being deleted: {told}"


async def test_a_second_deletion_changes_nothing(api: Api) -> None:
    await api.create("assistants", assistant(meta=HELD))
    first = await api.delete("assistants", "bot")
    assert (await api.delete("assistants", "bot")).body == first.body


async def test_the_last_finalizer_taken_off_deletes_the_object(api: Api) -> None:
    await api.create("assistants", assistant(meta={"finalizers": ["example.com/a", "example.com/b"]}))
    await api.delete("assistants", "bot")
    await api.merge("assistants", "bot", {"metadata": {"finalizers": ["example.com/b"]}})
    assert await is_marked(api, "assistants", "bot")
    last = await api.merge("assistants", "bot", {"metadata": {"finalizers": None}})
    assert last.status == 200
    assert "finalizers" not in last.meta
    assert await is_gone(api, "assistants", "bot")


async def test_the_event_of_a_deletion_shows_the_last_state_at_a_new_resource_version(api: Api) -> None:
    await api.create("assistants", assistant(meta=HELD))
    marked = await api.delete("assistants", "bot")
    async with api.watch("assistants", resourceVersion=marked.meta["resourceVersion"]) as watch:
        await api.merge("assistants", "bot", {"metadata": {"finalizers": None}})
        gone = await watch.until("DELETED")
    assert int(gone["metadata"].pop("resourceVersion")) > marked.position
    expected = marked.body
    expected["metadata"].pop("resourceVersion")
    assert gone == expected


async def test_an_object_that_is_being_deleted_takes_edits_but_no_new_finalizer(api: Api) -> None:
    await api.create("assistants", assistant(meta=HELD))
    await api.delete("assistants", "bot")
    assert (await api.merge("assistants", "bot", {"spec": {"displayName": "x"}})).meta["generation"] == 3
    more = {"metadata": {"finalizers": ["example.com/held", "example.com/new"]}}
    refused = await api.merge("assistants", "bot", more)
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["reason"] == "FieldValueForbidden"
    assert refused.causes[0]["field"] == "metadata.finalizers"
    assert 'found new finalizers []string{"example.com/new"}' in refused.message


async def test_a_deletion_timestamp_cannot_be_taken_back(api: Api) -> None:
    await api.create("assistants", assistant(meta=HELD))
    await api.delete("assistants", "bot")
    edited = await api.merge("assistants", "bot", {"metadata": {"deletionTimestamp": None}})
    assert "deletionTimestamp" in edited.meta


async def test_a_uid_precondition_that_does_not_hold_is_a_conflict(api: Api) -> None:
    made = await api.create("assistants", assistant())
    refused = await api.delete("assistants", "bot", preconditions={"uid": "other"})
    assert refused.refusal == (409, "Conflict")
    told = f"the UID in the precondition (other) does not match the UID in record ({made.meta['uid']})"
    assert told in refused.message
    assert refused.body["details"]["kind"] == "Assistant"
    held = await api.delete("assistants", "bot", preconditions={"uid": made.meta["uid"]})
    assert held.status == 200


async def test_a_resource_version_precondition_that_does_not_hold_is_a_conflict(api: Api) -> None:
    made = await api.create("assistants", assistant())
    refused = await api.delete("assistants", "bot", preconditions={"resourceVersion": "1"})
    assert refused.refusal == (409, "Conflict")
    assert "does not match the ResourceVersion in record" in refused.message
    held = await api.delete("assistants", "bot", preconditions={"resourceVersion": made.meta["resourceVersion"]})
    assert held.status == 200


async def test_an_unknown_propagation_policy_is_invalid(api: Api) -> None:
    await api.create("assistants", assistant())
    refused = await api.delete("assistants", "bot", propagationPolicy="Sideways")
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["field"] == "propagationPolicy"


async def test_what_is_made_anew_under_a_name_has_another_uid_and_begins_at_generation_one(api: Api) -> None:
    first = await api.create("assistants", assistant())
    await api.merge("assistants", "bot", {"spec": {"displayName": "x"}})
    await api.delete("assistants", "bot")
    second = await api.create("assistants", assistant())
    assert second.meta["uid"] != first.meta["uid"]
    assert second.meta["generation"] == 1


async def test_what_is_owned_goes_after_its_owner(api: Api) -> None:
    reference = owner(await api.create("assistants", assistant()))
    for number in (1, 2):
        await api.create("assistantversions", version(number, meta={"ownerReferences": [reference]}))
    assert (await api.delete("assistants", "bot")).body["status"] == "Success"
    for number in (1, 2):
        await eventually(lambda name=f"bot-v{number}": is_gone(api, "assistantversions", name))  # type: ignore[misc]


async def test_an_owned_object_with_a_finalizer_is_marked_when_its_owner_is_gone(api: Api) -> None:
    reference = owner(await api.create("graphs", graph()))
    await api.create("assistants", assistant(meta={**HELD, "ownerReferences": [reference]}))
    await api.delete("graphs", "support")
    await eventually(lambda: is_marked(api, "assistants", "bot"))


async def test_what_owns_something_goes_last_in_the_foreground(api: Api) -> None:
    reference = owner(await api.create("graphs", graph()))
    await api.create("assistants", assistant(meta={**HELD, "ownerReferences": [reference]}))
    deleted = await api.delete("graphs", "support", propagationPolicy="Foreground")
    assert deleted.meta["finalizers"] == ["foregroundDeletion"]
    await eventually(lambda: is_marked(api, "assistants", "bot"))
    assert await is_marked(api, "graphs", "support")
    await api.merge("assistants", "bot", {"metadata": {"finalizers": None}})
    await eventually(lambda: is_gone(api, "graphs", "support"))


async def test_who_does_not_block_does_not_hold_its_owner(api: Api) -> None:
    reference = owner(await api.create("graphs", graph()), blockOwnerDeletion=False)
    await api.create("assistants", assistant(meta={**HELD, "ownerReferences": [reference]}))
    await api.delete("graphs", "support", propagationPolicy="Foreground")
    await eventually(lambda: is_gone(api, "graphs", "support"))
    await eventually(lambda: is_marked(api, "assistants", "bot"))


async def test_orphans_stay_without_their_reference(api: Api) -> None:
    reference = owner(await api.create("graphs", graph()))
    await api.create("assistants", assistant(meta={"ownerReferences": [reference]}))
    deleted = await api.delete("graphs", "support", propagationPolicy="Orphan")
    assert deleted.meta["finalizers"] == ["orphan"]
    await eventually(lambda: is_gone(api, "graphs", "support"))
    found = await api.get("assistants", "bot")
    assert found.status == 200
    assert "ownerReferences" not in found.meta
    assert found.meta["generation"] == 1


@pytest.mark.parametrize("different", [{"name": "other"}, {"uid": str(uuid4())}], ids=["name", "uid"])
async def test_what_names_an_owner_that_is_not_there_is_deleted(api: Api, different: Json) -> None:
    reference = owner(await api.create("graphs", graph()), **different)
    await api.create("assistants", assistant(meta={"ownerReferences": [reference]}))
    await eventually(lambda: is_gone(api, "assistants", "bot"))


async def test_of_two_owners_one_is_enough_and_the_reference_to_the_other_goes(api: Api) -> None:
    gone = owner(await api.create("graphs", graph("gone")), controller=False)
    stays = owner(await api.create("graphs", graph("stays")))
    await api.create("assistants", assistant(meta={"ownerReferences": [gone, stays]}))
    await api.delete("graphs", "gone")

    async def owners() -> bool:
        return bool((await api.get("assistants", "bot")).meta["ownerReferences"] == [stays])

    await eventually(owners)
