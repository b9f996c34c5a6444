"""The built-in kinds that the operator uses: Leases, Events, Secrets, ConfigMaps."""

import base64
from typing import Any

from .client import API_VERSION, MERGE, Api
from .clusters import Cluster

Json = dict[str, Any]


def lease(name: str = "leader", *, meta: Json | None = None, **spec: Any) -> Json:
    times = {"acquireTime": "2026-03-01T12:00:00.000000Z", "renewTime": "2026-03-01T12:00:00.123456Z"}
    told = {"holderIdentity": "one", "leaseDurationSeconds": 15, "leaseTransitions": 0, **times, **spec}
    metadata = {"name": name, **(meta or {})}
    return {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": metadata, "spec": told}


def leases(api: Api, name: str = "") -> str:
    return f"/apis/coordination.k8s.io/v1/namespaces/{api.namespace}/leases/{name}".rstrip("/")


def event(api: Api, **different: Any) -> Json:
    about = {"apiVersion": API_VERSION, "kind": "Assistant", "name": "bot", "namespace": api.namespace, "uid": "u"}
    told = {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"generateName": "bot-", "namespace": api.namespace},
        "eventTime": "2026-03-01T12:00:00.123456Z",
        "reportingController": "assistant-operator.dev/assistant-operator",
        "reportingInstance": "here",
        "type": "Normal",
        "reason": "Created",
        "action": "Record",
        "note": "created version bot-v1",
        "regarding": about,
    }
    return {**told, **different}


def events(api: Api) -> str:
    return f"/apis/events.k8s.io/v1/namespaces/{api.namespace}/events"


def core(api: Api, plural: str, name: str = "") -> str:
    return f"/api/v1/namespaces/{api.namespace}/{plural}/{name}".rstrip("/")


async def test_a_lease_is_made_once(api: Api) -> None:
    assert (await api.send("GET", leases(api, "leader"))).refusal == (404, "NotFound")
    made = await api.send("POST", leases(api), lease())
    assert made.status == 201
    assert made.body["spec"] == lease()["spec"]
    assert "generation" not in made.meta
    again = await api.send("POST", leases(api), lease())
    assert again.refusal == (409, "AlreadyExists")
    assert again.message == 'leases.coordination.k8s.io "leader" already exists'


async def test_a_lease_is_renewed_over_the_state_that_was_read(api: Api) -> None:
    made = await api.done("POST", leases(api), lease())
    seen = {"resourceVersion": made.meta["resourceVersion"]}
    renewed = await api.send("PUT", leases(api, "leader"), lease(meta=seen, holderIdentity="two"))
    assert (renewed.status, renewed.body["spec"]["holderIdentity"]) == (200, "two")
    assert renewed.position > made.position
    stale = await api.send("PUT", leases(api, "leader"), lease(meta=seen, holderIdentity="three"))
    assert stale.refusal == (409, "Conflict")
    assert (await api.send("GET", leases(api, "leader"))).body == renewed.body


async def test_a_released_lease_has_no_holder(api: Api) -> None:
    made = await api.done("POST", leases(api), lease())
    seen = {"resourceVersion": made.meta["resourceVersion"]}
    released = await api.send("PUT", leases(api, "leader"), lease(meta=seen, holderIdentity="", leaseDurationSeconds=1))
    assert released.body["spec"]["holderIdentity"] == ""


async def test_a_replaced_lease_that_does_not_exist_is_made_whatever_resource_version_it_names(api: Api) -> None:
    made = await api.send("PUT", leases(api, "leader"), lease(meta={"resourceVersion": "1"}))
    assert made.status == 201


async def test_a_deleted_lease_is_gone(api: Api) -> None:
    await api.done("POST", leases(api), lease())
    assert (await api.send("DELETE", leases(api, "leader"))).body["status"] == "Success"
    assert (await api.send("GET", leases(api, "leader"))).status == 404


async def test_leases_outlive_a_restart(api: Api, cluster: Cluster) -> None:
    made = await api.done("POST", leases(api), lease())
    await cluster.restart()
    assert (await api.send("GET", leases(api, "leader"))).body == made.body


async def test_events_are_made_with_names_of_their_own(api: Api) -> None:
    names = {(await api.done("POST", events(api), event(api))).meta["name"] for _ in range(3)}
    assert len(names) == 3
    listed = await api.send("GET", events(api))
    assert {each["metadata"]["name"] for each in listed.body["items"]} == names
    assert {each["note"] for each in listed.body["items"]} == {"created version bot-v1"}


async def test_an_event_without_an_action_is_invalid(api: Api) -> None:
    told = event(api)
    del told["action"]
    refused = await api.send("POST", events(api), told)
    assert refused.refusal == (422, "Invalid")
    assert refused.causes == [{"reason": "FieldValueRequired", "message": "Required value", "field": "action"}]


async def test_the_note_of_an_event_has_at_most_1024_bytes(api: Api) -> None:
    assert (await api.send("POST", events(api), event(api, note="é" * 512))).status == 201
    refused = await api.send("POST", events(api), event(api, note="é" * 512 + "x"))
    assert refused.refusal == (422, "Invalid")
    assert refused.causes[0]["message"] == 'Invalid value: "": can have at most 1024 characters'
    assert refused.body["details"]["kind"] == "Event"


async def test_a_secret_has_its_values_in_base64(api: Api) -> None:
    assert (await api.send("GET", core(api, "secrets", "key"))).refusal == (404, "NotFound")
    data = {"api-key": base64.b64encode(b"value").decode()}
    body = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "key"}, "data": data}
    made = await api.done("POST", core(api, "secrets"), body)
    assert (made.body["data"], made.body["type"]) == (data, "Opaque")
    assert (await api.send("GET", core(api, "secrets", "key"))).body == made.body


async def test_a_config_map_can_be_changed_and_deleted(api: Api) -> None:
    body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "ca"}, "data": {"a": "b"}}
    made = await api.done("POST", core(api, "configmaps"), body)
    edited = await api.send("PATCH", core(api, "configmaps", "ca"), {"data": {"a": "c"}}, kind=MERGE)
    assert (edited.body["data"], edited.position > made.position) == ({"a": "c"}, True)
    await api.done("DELETE", core(api, "configmaps", "ca"))
    gone = await api.send("GET", core(api, "configmaps", "ca"))
    assert (gone.refusal, gone.message) == ((404, "NotFound"), 'configmaps "ca" not found')
