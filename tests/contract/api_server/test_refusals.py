"""What is refused beside the schema: by RBAC, by admission policies, for its size."""

from typing import Any

import pytest

from .applying import REF, told
from .client import GROUP, OURS, Api, Reply
from .clusters import Cluster, Refusal, Rights
from .objects import assistant, graph, version
from .test_deletion import owner
from .waiting import eventually

KIB = 1024


async def test_rbac_says_who_may_not_do_what_where(api: Api, cluster: Cluster) -> None:
    user = api.as_user(await cluster.user(api.namespace, "guest"))
    name = f"system:serviceaccount:{api.namespace}:guest"
    there = f'in API group "{GROUP}" in the namespace "{api.namespace}"'
    await api.create("assistants", assistant())
    named, unnamed = f'assistants.{GROUP} "bot" is forbidden', f"assistants.{GROUP} is forbidden"
    answers: list[tuple[Reply, str, str, str]] = [
        (await user.get("assistants", "bot"), named, "get", "assistants"),
        (await user.delete("assistants", "bot"), named, "delete", "assistants"),
        (await user.merge("assistants", "bot", {}, "status"), named, "patch", "assistants/status"),
        (await user.put("assistants", "bot", assistant()), named, "update", "assistants"),
        (await user.create("assistants", assistant()), unnamed, "create", "assistants"),
        (await user.list("assistants"), unnamed, "list", "assistants"),
        (await user.send("GET", user.path("assistants"), watch="true"), unnamed, "watch", "assistants"),
    ]
    for refused, what, verb, resource in answers:
        assert refused.refusal == (403, "Forbidden")
        assert refused.message == f'{what}: User "{name}" cannot {verb} resource "{resource}" {there}'
        assert refused.causes == []


async def test_rbac_speaks_of_the_cluster_scope_and_of_the_core_group(api: Api, cluster: Cluster) -> None:
    user = api.as_user(await cluster.user(api.namespace, "guest"))
    everywhere = await user.send("GET", f"{OURS}/assistants")
    assert everywhere.message.endswith(f'cannot list resource "assistants" in API group "{GROUP}" at the cluster scope')
    secret = await user.send("GET", f"/api/v1/namespaces/{api.namespace}/secrets/key")
    assert secret.message.startswith('secrets "key" is forbidden: User')
    assert secret.message.endswith(f'cannot get resource "secrets" in API group "" in the namespace "{api.namespace}"')


async def test_what_a_role_grants_is_allowed_and_nothing_else(api: Api, cluster: Cluster) -> None:
    rights = Rights(GROUP, ("assistants",), ("get", "list", "patch"))
    user = api.as_user(await cluster.user(api.namespace, "editor", rights))
    await api.create("assistants", assistant())

    async def may_look() -> bool:
        return (await user.get("assistants", "bot")).status == 200

    await eventually(may_look)
    assert (await user.list("assistants")).names == ["bot"]
    assert (await user.merge("assistants", "bot", {"spec": {"displayName": "x"}})).status == 200
    assert (await user.merge("assistants", "bot", {}, "status")).refusal == (403, "Forbidden")
    assert (await user.list("graphs")).refusal == (403, "Forbidden")
    assert (await user.send("GET", f"{OURS}/namespaces/default/assistants")).refusal == (403, "Forbidden")


async def test_a_role_can_be_about_objects_of_certain_names(api: Api, cluster: Cluster) -> None:
    rights = Rights(GROUP, ("assistants",), ("get", "list", "patch"), ("bot",))
    user = api.as_user(await cluster.user(api.namespace, "keeper", rights))
    await api.create("assistants", assistant())

    async def may_look() -> bool:
        return (await user.get("assistants", "bot")).status == 200

    await eventually(may_look)
    assert (await user.get("assistants", "other")).refusal == (403, "Forbidden")
    assert (await user.list("assistants")).refusal == (403, "Forbidden")


async def test_who_may_patch_but_not_create_cannot_create_by_an_apply(api: Api, cluster: Cluster) -> None:
    user = api.as_user(await cluster.user(api.namespace, "patcher", Rights(GROUP, ("assistants",), ("patch",))))
    await api.create("assistants", assistant("old"))

    async def may_patch() -> bool:
        return (await user.apply("assistants", "old", told("old", graphRef=REF), "one")).status == 200

    await eventually(may_patch)
    refused = await user.apply("assistants", "bot", told(graphRef=REF), "one")
    assert refused.refusal == (403, "Forbidden")
    who = f"system:serviceaccount:{api.namespace}:patcher"
    where = f'in API group "{GROUP}" in the namespace "{api.namespace}"'
    what = f'User "{who}" cannot create resource "assistants" {where}'
    assert refused.message == f'assistants.{GROUP} "bot" is forbidden: {what}'
    # What could not be created by anybody is told first.
    assert (await user.apply("assistants", "bot", told(), "one")).refusal == (422, "Invalid")


async def test_without_a_token_one_is_anonymous_and_with_a_wrong_one_unauthorized(api: Api) -> None:
    nobody = await api.as_user("").get("assistants", "bot")
    assert nobody.refusal == (403, "Forbidden")
    assert 'User "system:anonymous" cannot get' in nobody.message
    stranger = await api.as_user("guessed").get("assistants", "bot")
    assert (stranger.refusal, stranger.message) == ((401, "Unauthorized"), "Unauthorized")


REFUSAL = Refusal(
    "assistants",
    ("CREATE", "UPDATE"),
    "!has(object.spec.displayName) || object.spec.displayName != 'forbidden'",
    lambda new: new["spec"].get("displayName") != "forbidden",
    "not in this quarter",
)


async def bites(api: Api) -> bool:
    refused = await api.create("assistants", assistant("probe", displayName="forbidden"))
    await api.delete("assistants", "probe")
    return refused.status == 422


async def test_a_validating_admission_policy_says_its_name_and_its_message(api: Api, cluster: Cluster) -> None:
    name = f"policy-{api.namespace}"
    async with cluster.policy(api.namespace, name, REFUSAL):
        await eventually(lambda: bites(api))
        posted = await api.create("assistants", assistant(displayName="forbidden"))
        applied = await api.apply("assistants", "bot", told(graphRef=REF, displayName="forbidden"), "one")
        said = f"ValidatingAdmissionPolicy '{name}' with binding '{name}' denied request: not in this quarter"
        for refused in (posted, applied):
            assert refused.refusal == (422, "Invalid")
            assert refused.message == f'assistants.{GROUP} "bot" is forbidden: {said}'
            about = {"name": "bot", "group": GROUP, "kind": "assistants"}
            assert refused.body["details"] == {**about, "causes": [{"message": said}]}
        assert (await api.get("assistants", "bot")).status == 404


async def test_a_policy_for_a_kind_says_nothing_of_its_status_nor_of_other_kinds(api: Api, cluster: Cluster) -> None:
    await api.create("assistants", assistant(displayName="forbidden"))
    async with cluster.policy(api.namespace, f"policy-{api.namespace}", REFUSAL):
        await eventually(lambda: bites(api))
        edited = await api.merge("assistants", "bot", {"spec": {"suspend": True}})
        assert edited.refusal == (422, "Invalid")
        written = await api.merge("assistants", "bot", {"status": {"observedGeneration": 1}}, "status")
        assert written.status == 200
        assert (await api.create("assistantversions", version())).status == 201
        assert (await api.delete("assistants", "bot")).status == 200


async def test_the_schema_is_asked_before_a_policy(api: Api, cluster: Cluster) -> None:
    async with cluster.policy(api.namespace, f"policy-{api.namespace}", REFUSAL):
        await eventually(lambda: bites(api))
        refused = await api.create("assistants", assistant(displayName="forbidden", deletionPolicy="No"))
        assert refused.causes[0]["reason"] == "FieldValueNotSupported"


async def test_a_name_that_is_taken_is_told_after_schema_and_policy(api: Api, cluster: Cluster) -> None:
    await api.create("assistants", assistant())
    assert (await api.create("assistants", assistant(deletionPolicy="No"))).refusal == (422, "Invalid")
    async with cluster.policy(api.namespace, f"policy-{api.namespace}", REFUSAL):
        await eventually(lambda: bites(api))
        assert (await api.create("assistants", assistant(displayName="forbidden"))).refusal == (422, "Invalid")


@pytest.mark.parametrize(
    ("kib", "code", "text"),
    [
        (1600, 500, "etcdserver: request is too large"),
        (2100, 500, "rpc error: code = ResourceExhausted desc = trying to send message larger than max ("),
        (3200, 413, "Request entity too large: limit is 3145728"),
    ],
)
async def test_what_is_too_large_is_refused_in_three_ways(api: Api, kib: int, code: int, text: str) -> None:
    refused = await api.create("assistants", assistant(context={"prompt": "x" * kib * KIB}))
    assert refused.status == code
    assert refused.message.startswith(text)
    assert (await api.get("assistants", "bot")).status == 404


async def test_what_fits_may_grow_too_large(api: Api) -> None:
    made: Any = await api.create("assistants", assistant(context={"a": "x" * 1000 * KIB}))
    assert made.status == 201
    grown = await api.merge("assistants", "bot", {"spec": {"context": {"b": "x" * 900 * KIB}}})
    assert (grown.status, grown.message) == (500, "etcdserver: request is too large")
    assert (await api.get("assistants", "bot")).meta["generation"] == 1


async def test_a_role_that_is_taken_away_is_missed_by_requests_and_not_by_a_running_watch(
    api: Api, cluster: Cluster
) -> None:
    rights = Rights(GROUP, ("assistants",), ("get", "list", "patch", "watch"))
    user = api.as_user(await cluster.user(api.namespace, "editor", rights))
    await api.create("assistants", assistant())

    async def may_look() -> bool:
        return (await user.get("assistants", "bot")).status == 200

    async def may_not_look() -> bool:
        return (await user.get("assistants", "bot")).refusal == (403, "Forbidden")

    await eventually(may_look)
    start = (await user.list("assistants")).position
    async with user.watch("assistants", resourceVersion=start) as watch:
        await cluster.revoke(api.namespace, "editor")
        await eventually(may_not_look)
        refused = await user.send("GET", user.path("assistants"), watch="true", resourceVersion=start)
        assert refused.refusal == (403, "Forbidden")
        await api.create("assistants", assistant("later"))
        assert await watch.told(1) == [("ADDED", "later")]


async def exhausts(api: Api) -> bool:
    """Whether a quota of none refuses already: the API server reads quotas from a cache."""
    refused = await api.create("graphs", graph("probe"))
    await api.delete("graphs", "probe")
    return refused.status == 403


async def test_a_quota_refuses_to_create_more_and_nothing_else(api: Api, cluster: Cluster) -> None:
    counted = f"count/assistantversions.{GROUP}"
    async with (
        cluster.quota(api.namespace, "none", f"graphs.{GROUP}", 0),
        cluster.quota(api.namespace, "versions", f"assistantversions.{GROUP}", 1),
    ):
        await eventually(lambda: exhausts(api))
        assert (await api.create("assistantversions", version(1))).status == 201
        refused = await api.create("assistantversions", version(2))
        assert refused.refusal == (403, "Forbidden")
        assert refused.message == (
            f'assistantversions.{GROUP} "bot-v2" is forbidden: exceeded quota: versions, '
            f"requested: {counted}=1, used: {counted}=1, limited: {counted}=1"
        )
        assert refused.body["details"] == {"name": "bot-v2", "group": GROUP, "kind": "assistantversions"}
        written = await api.merge("assistantversions", "bot-v1", {"status": {"serverVersion": 1}}, "status")
        assert written.status == 200
        assert (await api.create("assistants", assistant())).status == 201
        assert (await api.delete("assistantversions", "bot-v1")).status == 200
    await eventually(lambda: is_made(api))


async def is_made(api: Api) -> bool:
    return (await api.create("assistantversions", version(2))).status == 201


async def test_the_schema_is_asked_before_a_quota(api: Api, cluster: Cluster) -> None:
    async with cluster.quota(api.namespace, "none", f"graphs.{GROUP}", 0):
        await eventually(lambda: exhausts(api))
        refused = await api.create("graphs", graph("bot", server={"url": "http://a", "resyncPeriodSeconds": 0}))
        assert refused.refusal == (422, "Invalid")


async def test_the_garbage_collector_tries_again_what_a_policy_refused(api: Api, cluster: Cluster) -> None:
    made = await api.create("assistants", assistant())
    await api.create("assistantversions", version(meta={"ownerReferences": [owner(made)]}))
    refusal = Refusal("assistantversions", ("DELETE",), "false", lambda _: False, "not in this quarter")
    async with cluster.policy(api.namespace, f"policy-{api.namespace}", refusal):
        await eventually(lambda: keeps_versions(api))
        assert (await api.delete("assistants", "bot", propagationPolicy="Background")).status == 200
        assert (await api.get("assistants", "bot")).status == 404
        refused = await api.delete("assistantversions", "bot-v1")
        assert refused.refusal == (422, "Invalid")

    async def is_gone() -> bool:
        return (await api.get("assistantversions", "bot-v1")).status == 404

    await eventually(is_gone)


async def keeps_versions(api: Api) -> bool:
    """Whether the policy that refuses deletions is in force yet."""
    await api.create("assistantversions", version(of="probe"))
    return (await api.delete("assistantversions", "probe-v1")).status == 422
