"""What the API server says of itself, as far as kopf asks."""

from .client import API_VERSION, GROUP, OURS, Api
from .clusters import Cluster

KINDS = {
    "assistants": ("Assistant", "asst"),
    "assistantversions": ("AssistantVersion", "asstv"),
    "assistantaliases": ("AssistantAlias", "asstalias"),
    "graphs": ("Graph", "lgraph"),
}


async def test_the_core_api_is_v1(api: Api) -> None:
    assert (await api.send("GET", "/api")).body["versions"] == ["v1"]


async def test_our_group_is_among_the_groups_with_its_only_version(api: Api) -> None:
    listed = await api.send("GET", "/apis")
    assert listed.body["kind"] == "APIGroupList"
    groups = {group["name"]: group for group in listed.body["groups"]}
    version = {"groupVersion": API_VERSION, "version": "v1alpha1"}
    assert groups[GROUP] == {"name": GROUP, "versions": [version], "preferredVersion": version}
    assert groups.keys() >= {"coordination.k8s.io", "events.k8s.io"}


async def test_our_kinds_are_namespaced_and_have_a_status(api: Api) -> None:
    listed = await api.send("GET", OURS)
    assert (listed.body["kind"], listed.body["groupVersion"]) == ("APIResourceList", API_VERSION)
    resources = {resource["name"]: resource for resource in listed.body["resources"]}
    for plural, (kind, short) in KINDS.items():
        said = resources[plural]
        assert (said["kind"], said["singularName"], said["namespaced"]) == (kind, kind.lower(), True)
        assert (said["shortNames"], said["categories"]) == ([short], ["langgraph"])
        assert set(said["verbs"]) >= {"create", "delete", "get", "list", "patch", "update", "watch"}
        status = resources[f"{plural}/status"]
        assert (status["kind"], sorted(status["verbs"])) == (kind, ["get", "patch", "update"])


async def test_the_core_resources_are_listed(api: Api) -> None:
    listed = await api.send("GET", "/api/v1")
    resources = {resource["name"]: resource for resource in listed.body["resources"]}
    assert resources["namespaces"]["namespaced"] is False
    for plural, kind in (("secrets", "Secret"), ("configmaps", "ConfigMap")):
        assert (resources[plural]["kind"], resources[plural]["namespaced"]) == (kind, True)


async def test_whoever_has_a_token_may_ask(api: Api, cluster: Cluster) -> None:
    user = api.as_user(await cluster.user(api.namespace, "guest"))
    for path in ("/api", "/apis", OURS):
        assert (await user.send("GET", path)).status == 200
    nobody = await api.as_user("").send("GET", OURS)
    assert nobody.refusal == (403, "Forbidden")
    assert nobody.message == f'forbidden: User "system:anonymous" cannot get path "{OURS}"'
    assert (await api.as_user("guessed").send("GET", OURS)).refusal == (401, "Unauthorized")
