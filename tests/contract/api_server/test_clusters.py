"""What becomes of a cluster as a whole: a restored snapshot, and a second API server."""

from .client import Api
from .clusters import Cluster
from .objects import assistant
from .waiting import eventually


async def test_a_restored_snapshot_brings_back_objects_and_resource_versions(api: Api, cluster: Cluster) -> None:
    kept = await api.create("assistants", assistant("kept"))
    changed = await api.create("assistants", assistant("changed"))
    deleted = await api.create("assistants", assistant("deleted"))
    snapshot = await cluster.snapshot()
    await api.merge("assistants", "changed", {"spec": {"displayName": "x"}})
    await api.delete("assistants", "deleted")
    await api.create("assistants", assistant("new"))
    before = (await api.list("assistants")).position
    await cluster.restore(snapshot)
    for was in (kept, changed, deleted):
        assert (await api.get("assistants", was.meta["name"])).body == was.body
    assert (await api.get("assistants", "new")).status == 404
    # Time goes on from there: what is written now may have a resource version that was used before.
    again = await api.merge("assistants", "changed", {"spec": {"displayName": "y"}})
    assert again.meta["generation"] == 2
    assert changed.position < again.position
    assert (await api.list("assistants")).position < before + 1000


async def test_a_second_api_server_shows_and_writes_the_same_objects(api: Api, cluster: Cluster) -> None:
    other = api.at(await cluster.second_url())
    made = await api.create("assistants", assistant())
    assert (await other.get("assistants", "bot")).body == made.body
    edited = await other.merge("assistants", "bot", {"spec": {"displayName": "x"}})
    assert (await api.get("assistants", "bot")).body == edited.body
    assert (await api.put("assistants", "bot", made.body)).refusal == (409, "Conflict")
    assert (await other.create("assistants", assistant())).refusal == (409, "AlreadyExists")


async def test_a_watch_of_a_second_api_server_tells_what_is_written_through_the_first(
    api: Api, cluster: Cluster
) -> None:
    other = api.at(await cluster.second_url())
    start = (await other.list("assistants")).position
    async with other.watch("assistants", resourceVersion=start) as watch:
        made = await api.create("assistants", assistant())
        assert await watch.until("ADDED") == made.body


async def test_a_cached_read_of_a_second_api_server_comes_to_show_every_write(api: Api, cluster: Cluster) -> None:
    other = api.at(await cluster.second_url())
    await api.create("assistants", assistant())

    async def names() -> list[str]:
        return (await other.list("assistants", resourceVersion="0")).names

    assert await eventually(names) == ["bot"]
