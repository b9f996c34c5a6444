"""After an interruption nothing is written before it is known whether the storage was restored."""

import asyncio

import pytest
from aiohttp import web

from assistant_operator.clients.kubernetes import objects as objects_module
from assistant_operator.clients.kubernetes.objects import Objects
from assistant_operator.clients.kubernetes.transport import Call, ClusterUnavailable
from assistant_operator.clients.kubernetes.versions import Versions
from harness.worlds import a_record

from .test_transport import answering, refusal


class Storage:
    """Answers lists with a resource version, a refusal or after a while; and writes."""

    def __init__(self, **lists: str | float) -> None:
        """`lists`: by plural, or by plural and namespace; a float is a delay in seconds."""
        self.lists = lists
        self.called: list[tuple[str, str]] = []

    async def answer(self, request: web.Request) -> web.Response:
        parts = request.path.split("/")
        plural, namespace = parts[-1], parts[-2] if "namespaces" in parts else ""
        self.called.append((request.method, plural))
        found = self.lists.get(f"{plural}_{namespace}", self.lists.get(plural, "9"))
        if isinstance(found, int):
            return web.json_response(refusal("Forbidden", "no"), status=found)
        if isinstance(found, float):
            await asyncio.sleep(found)
        return web.json_response({"metadata": {"resourceVersion": str(found)}, "items": []})


VERSIONS, ASSISTANTS = ("GET", "assistantversions"), ("GET", "assistants")


@pytest.mark.parametrize(
    ("lists", "said", "reads"),
    [
        pytest.param({}, None, [VERSIONS], id="the storage is the same"),
        pytest.param({"assistantversions": "4"}, "the storage was restored", [VERSIONS], id="it was restored"),
        pytest.param({"assistantversions": 403}, None, [VERSIONS, ASSISTANTS], id="one kind may not be listed"),
        pytest.param({"assistantversions": 503}, None, [VERSIONS, ASSISTANTS], id="one kind fails"),
        pytest.param(
            {"assistantversions": 403, "assistants": "4"},
            "the storage was restored",
            [VERSIONS, ASSISTANTS],
            id="one kind may not be listed, and it was restored",
        ),
        pytest.param(
            {"assistantversions": 403, "assistants": 503}, "not known", [VERSIONS, ASSISTANTS], id="none can be"
        ),
    ],
)
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_after_an_interruption_nothing_is_written_before_the_storage_is_known_to_be_the_same(
    method: str, lists: dict[str, str | int | float], said: str | None, reads: list[tuple[str, str]]
) -> None:
    storage = Storage(**lists)
    async with answering(storage.answer) as api:
        objects = Objects(api)
        objects.resource_versions.record("5", 0)

        async def write() -> None:
            if method == "DELETE":
                await Versions(objects).delete(a_record(1))
            else:
                await objects.write(Call("PATCH", "/one", body={}))

        await write()
        assert len(storage.called) == 1, "no read, for nothing was interrupted"
        objects.resource_versions.interrupt()
        storage.called.clear()
        if said is None:
            await write()
            assert storage.called[:-1] == reads
            assert storage.called[-1][0] == method
        else:
            with pytest.raises(ClusterUnavailable, match=said):
                await write()
            assert storage.called == reads


@pytest.mark.parametrize(
    "lists",
    [
        pytest.param({"assistantversions_one": 500, "assistants_one": 403}, id="lists of one namespace fail"),
        pytest.param({"assistantversions_one": 60.0, "assistants_one": 60.0}, id="they are not answered"),
    ],
)
async def test_what_fails_in_one_namespace_stops_no_write_in_another(
    lists: dict[str, str | int | float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(objects_module, "_CONFIRMATION", 0.1)
    storage = Storage(**lists)
    async with answering(storage.answer) as api:
        objects = Objects(api, ("one", "two"))
        for reads in (3, 1):
            objects.resource_versions.interrupt()
            storage.called.clear()
            await objects.write(Call("PATCH", "/one", body={}))
            assert len(storage.called) == reads + 1, "where a list succeeded is read first the next time"


async def test_of_many_writes_after_an_interruption_one_reads() -> None:
    storage = Storage()
    async with answering(storage.answer) as api:
        objects = Objects(api)
        objects.resource_versions.interrupt()
        await asyncio.gather(*(objects.write(Call("PATCH", "/one", body={})) for _ in range(9)))
    assert sorted(storage.called) == sorted([VERSIONS, *[("PATCH", "one")] * 9])
