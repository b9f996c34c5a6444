"""Lists: selections, pages, and what they show of which moment."""

import asyncio
from typing import Any

import pytest

from .client import METADATA, METADATA_LIST, OURS, Api
from .clusters import Cluster
from .objects import assistant, graph, version

TOO_LATE = 1_000_000


async def fill(api: Api, *names: str, **meta: Any) -> list[int]:
    """Make Assistants; the resource versions of each."""
    return [(await api.done("POST", api.path("assistants"), assistant(name, meta=meta))).position for name in names]


async def test_a_list_is_in_the_order_of_the_names(api: Api) -> None:
    await fill(api, "b", "a", "a-b", "a.b", "a0")
    listed = await api.list("assistants")
    assert listed.names == ["a", "a-b", "a.b", "a0", "b"]
    assert (listed.body["kind"], listed.body["apiVersion"]) == ("AssistantList", "assistant-operator.dev/v1alpha1")


async def test_a_list_of_everywhere_is_in_the_order_of_the_namespaces(api: Api) -> None:
    await fill(api, "a", "b")
    listed = await api.send("GET", f"{OURS}/assistants")
    keys = [(each["metadata"]["namespace"], each["metadata"]["name"]) for each in listed.body["items"]]
    assert keys == sorted(keys)
    assert [key for key in keys if key[0] == api.namespace] == [(api.namespace, "a"), (api.namespace, "b")]


async def test_the_resource_version_of_a_list_is_not_older_than_what_is_in_it(api: Api) -> None:
    positions = await fill(api, "a", "b")
    assert (await api.list("assistants")).position >= max(positions)
    assert (await api.list("graphs")).position >= max(positions)


async def test_a_namespace_that_does_not_exist_has_an_empty_list(api: Api) -> None:
    listed = await api.send("GET", f"{OURS}/namespaces/nowhere/assistants")
    assert (listed.status, listed.names) == (200, [])


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("n=1", ["a"]),
        ("n==1", ["a"]),
        ("n!=1", ["b", "c"]),
        ("n", ["a", "b"]),
        ("!n", ["c"]),
        ("n in (1,2)", ["a", "b"]),
        ("n notin (1)", ["b", "c"]),
        ("n,n!=1", ["b"]),
    ],
)
async def test_labels_select(api: Api, selector: str, names: list[str]) -> None:
    await fill(api, "a", labels={"n": "1"})
    await fill(api, "b", labels={"n": "2"})
    await fill(api, "c")
    assert (await api.list("assistants", labelSelector=selector)).names == names


async def test_fields_select_by_name_namespace_and_what_the_definition_names(api: Api) -> None:
    await fill(api, "a", "b")
    await api.create("assistants", assistant("c", graphRef={"name": "other"}))
    assert (await api.list("assistants", fieldSelector="metadata.name=b")).names == ["b"]
    assert (await api.list("assistants", fieldSelector="metadata.name!=b")).names == ["a", "c"]
    assert (await api.list("assistants", fieldSelector="spec.graphRef.name=other")).names == ["c"]
    everywhere = await api.send("GET", f"{OURS}/assistants", fieldSelector=f"metadata.namespace={api.namespace}")
    assert everywhere.names == ["a", "b", "c"]
    await api.create("assistantversions", version(12))
    assert (await api.list("assistantversions", fieldSelector="spec.number=12")).names == ["bot-v12"]
    assert (await api.list("assistantversions", fieldSelector="spec.number=1")).names == []


async def test_a_field_that_is_not_selectable_is_a_bad_request(api: Api) -> None:
    refused = await api.list("assistants", fieldSelector="spec.displayName=x")
    assert (refused.refusal, refused.message) == ((400, "BadRequest"), "field label not supported: spec.displayName")


async def test_pages_show_one_moment_whatever_is_written_meanwhile(api: Api) -> None:
    await fill(api, "a", "b", "c", "d", "e")
    first = await api.list("assistants", limit=2)
    assert (first.names, first.meta["remainingItemCount"]) == (["a", "b"], 3)
    await api.delete("assistants", "d")
    await fill(api, "f")
    second = await api.list("assistants", limit=2, **{"continue": first.meta["continue"]})
    assert (second.names, second.meta["remainingItemCount"]) == (["c", "d"], 1)
    third = await api.list("assistants", limit=2, **{"continue": second.meta["continue"]})
    assert (third.names, third.meta.get("continue", "")) == (["e"], "")
    assert {first.position, second.position, third.position} == {first.position}


async def test_a_page_of_a_selection_does_not_say_how_many_remain(api: Api) -> None:
    await fill(api, "a", "b", labels={"x": "1"})
    page = await api.list("assistants", limit=1, labelSelector="x=1")
    assert page.meta["continue"]
    assert "remainingItemCount" not in page.meta


async def test_a_whole_list_has_no_continue_token(api: Api) -> None:
    await fill(api, "a", "b")
    assert (await api.list("assistants", limit=2)).meta.get("continue", "") == ""
    assert (await api.list("assistants")).meta.get("continue", "") == ""


async def test_a_continue_token_goes_without_a_resource_version(api: Api) -> None:
    await fill(api, "a", "b")
    token = (await api.list("assistants", limit=1)).meta["continue"]
    refused = await api.list("assistants", limit=1, resourceVersion="5", **{"continue": token})
    assert refused.refusal == (400, "BadRequest")
    assert refused.message == "specifying resource version is not allowed when using continue"
    nonsense = await api.list("assistants", limit=1, **{"continue": "nonsense"})
    assert nonsense.refusal == (400, "BadRequest")


async def test_a_list_from_the_cache_takes_no_limit(api: Api) -> None:
    await fill(api, "a", "b", "c")
    await api.list("assistants")
    listed = await api.list("assistants", resourceVersion="0", limit=1)
    assert listed.names == ["a", "b", "c"]


async def test_a_list_that_is_not_older_than_a_resource_version_is_at_least_as_new(api: Api) -> None:
    first, second = await fill(api, "a", "b")
    for match in ({}, {"resourceVersionMatch": "NotOlderThan"}):
        listed = await api.list("assistants", resourceVersion=first, **match)
        assert listed.names == ["a", "b"]
        assert listed.position >= second


async def test_an_exact_list_shows_what_was_then(api: Api) -> None:
    first, second = await fill(api, "a", "b")
    edited = await api.merge("assistants", "a", {"spec": {"displayName": "x"}})
    await api.delete("assistants", "a")
    exact = {"resourceVersionMatch": "Exact"}
    assert (await api.list("assistants", resourceVersion=first, **exact)).names == ["a"]
    both = await api.list("assistants", resourceVersion=second, **exact)
    assert (both.names, both.position) == (["a", "b"], second)
    found = await api.list("assistants", resourceVersion=edited.position, fieldSelector="metadata.name=a", **exact)
    assert found.body["items"][0] == edited.body
    assert (await api.list("assistants")).names == ["b"]


async def test_an_exact_list_can_be_in_pages(api: Api) -> None:
    _, second = await fill(api, "a", "b")
    await fill(api, "aa")
    page = await api.list("assistants", resourceVersion=second, resourceVersionMatch="Exact", limit=1)
    assert page.names == ["a"]
    rest = await api.list("assistants", limit=5, **{"continue": page.meta["continue"]})
    assert (rest.names, rest.position) == (["b"], second)


async def test_a_resource_version_that_does_not_exist_yet_is_a_timeout(api: Api) -> None:
    """The API server waits three seconds for it."""
    position = (await api.list("assistants")).position + TOO_LATE
    answers = await asyncio.gather(
        api.list("assistants", resourceVersion=position),
        api.list("assistants", resourceVersion=position, resourceVersionMatch="Exact"),
        api.get("assistants", "a", resourceVersion=position),
    )
    for refused in answers:
        assert refused.refusal == (504, "Timeout")
        assert refused.message.startswith(f"Timeout: Too large resource version: {position}, current: ")
        cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
        assert refused.body["details"] == {"causes": [cause], "retryAfterSeconds": 1}
        assert refused.headers["Retry-After"] == "1"


async def test_a_read_waits_for_a_resource_version_that_is_about_to_be(api: Api) -> None:
    (position,) = await fill(api, "a")
    waiting = asyncio.create_task(api.list("assistants", resourceVersion=position + 1))
    await asyncio.sleep(0.2)
    while not waiting.done():
        await fill(api, f"b{await latest(api)}")
        await asyncio.sleep(0.05)
    assert (await waiting).status == 200


async def latest(api: Api) -> int:
    return (await api.list("graphs")).position


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"resourceVersionMatch": "Exact"}, "resourceVersionMatch is forbidden unless resourceVersion is provided"),
        (
            {"resourceVersionMatch": "Exact", "resourceVersion": "0"},
            'resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
        ),
        (
            {"resourceVersionMatch": "Sideways", "resourceVersion": "5"},
            'Unsupported value: "Sideways": supported values: "Exact", "NotOlderThan", ""',
        ),
    ],
    ids=["without a resource version", "exactly zero", "unknown"],
)
async def test_a_match_that_makes_no_sense_is_invalid(api: Api, query: dict[str, str], message: str) -> None:
    refused = await api.list("assistants", **query)
    assert refused.refusal == (422, "Invalid")
    assert message in refused.message
    assert refused.causes[0]["field"] == "resourceVersionMatch"


async def test_a_resource_version_that_is_no_number_is_a_bad_request(api: Api) -> None:
    refused = await api.list("assistants", resourceVersion="latest")
    assert refused.refusal == (400, "BadRequest")
    assert refused.message.startswith("invalid resource version")


async def test_a_get_from_the_cache_finds_what_was_written_before(api: Api) -> None:
    (position,) = await fill(api, "a")
    assert (await api.get("assistants", "a", resourceVersion=position)).status == 200
    assert (await api.get("assistants", "a", resourceVersion="0")).status == 200


async def test_compacted_history_is_expired(api: Api, cluster: Cluster) -> None:
    await fill(api, "a", "b", "c")
    page = await api.list("assistants", limit=1)
    await api.merge("assistants", "b", {"spec": {"displayName": "x"}})
    await fill(api, "d")
    await cluster.compact()
    exact = await api.list("assistants", resourceVersion=page.position, resourceVersionMatch="Exact")
    assert exact.refusal == (410, "Expired")
    assert exact.message == "The resourceVersion for the provided list is too old."
    expired = await api.list("assistants", limit=1, **{"continue": page.meta["continue"]})
    assert expired.refusal == (410, "Expired")
    assert expired.message.startswith("The provided continue parameter is too old to display a consistent list result.")
    # The rest can be had as it is now.
    rest = await api.list("assistants", limit=5, **{"continue": expired.meta["continue"]})
    assert rest.names == ["b", "c", "d"]
    assert rest.body["items"][0]["spec"]["displayName"] == "x"


async def test_a_list_as_metadata_has_no_specs(api: Api) -> None:
    made = await api.create("assistants", assistant("a"))
    await fill(api, "b")
    listed = await api.list("assistants", accept=METADATA_LIST, limit=1)
    assert (listed.body["kind"], listed.body["apiVersion"]) == ("PartialObjectMetadataList", "meta.k8s.io/v1")
    assert listed.meta["continue"]
    (item,) = listed.body["items"]
    assert item == {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": made.meta}


async def test_a_write_can_be_answered_with_metadata(api: Api) -> None:
    made = await api.create("assistants", assistant("a"), accept=METADATA)
    assert (made.status, made.body["kind"], "spec" in made.body) == (201, "PartialObjectMetadata", False)
    edited = await api.merge("assistants", "a", {"spec": {"displayName": "x"}}, accept=METADATA)
    assert (edited.meta["generation"], "spec" in edited.body) == (2, False)
    assert (await api.get("assistants", "a", accept=METADATA)).meta == edited.meta


async def test_each_kind_has_its_own_list(api: Api) -> None:
    await fill(api, "a")
    await api.create("graphs", graph("g"))
    assert (await api.list("graphs")).names == ["g"]
    assert (await api.list("assistants")).names == ["a"]
    assert (await api.list("assistantversions")).names == []
