"""The plugin's client: objects of another release, field conflicts, and 500s that are refusals."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.transport import ApiServer, ClusterRefused, ClusterUnavailable
from assistant_operator.kubectl.client import Conflict, FieldConflict, KubectlClient

KEY = ("team", "bot")
CONFIGURATION = {"metadata": {"name": "bot"}}


@asynccontextmanager
async def answering(code: int, body: Any) -> AsyncIterator[KubectlClient]:
    """A client of a server that gives each request that answer."""

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body, status=code)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        address = str(server.make_url("")).rstrip("/")
        client = KubectlClient(ApiServer(Configuration(host=address)))
        try:
            yield client
        finally:
            await client.close()


def refusal(message: str, *causes: dict[str, str], reason: str = "Conflict") -> dict[str, Any]:
    return {"kind": "Status", "message": message, "reason": reason, "details": {"causes": causes}}


def owned(field: str, message: str) -> dict[str, str]:
    return {"reason": "FieldManagerConflict", "field": field, "message": message}


@pytest.mark.parametrize(
    ("message", "manager"),
    [
        ('conflict with "kubectl-edit"', "kubectl-edit"),
        ('conflict with "me" with subresource "status" using example.com/v1', "me"),
        (
            'conflict with "kubectl-client-side-apply" using example.com/v1 at 2026-01-01T00:00:00Z',
            "kubectl-client-side-apply",
        ),
        (r'conflict with "a \"quoted\" manager"', 'a "quoted" manager'),
        ("another message", "another message"),
    ],
)
async def test_a_field_conflict_has_field_and_manager(message: str, manager: str) -> None:
    body = refusal("Apply failed with 1 conflict", owned(".spec.context.p", message))
    async with answering(409, body) as client:
        with pytest.raises(FieldConflict) as conflict:
            await client.apply(KEY, CONFIGURATION)
    assert conflict.value.owners == ((".spec.context.p", manager),)


@pytest.mark.parametrize(
    ("code", "body", "error", "message"),
    [
        pytest.param(
            409, refusal("the object has been modified"), Conflict, "been modified", id="another version of it"
        ),
        pytest.param(403, refusal("no", reason="Forbidden"), ClusterRefused, "403 Forbidden: no", id="a refusal"),
        pytest.param(
            500,
            refusal(
                "failed to create typed patch object (t/bot; x/v1, Kind=A): .spec.config.tags: expected list, got &{1}"
            ),
            ValueError,
            r"^spec\.config\.tags: expected list$",
            id="another type",
        ),
        pytest.param(
            500,
            refusal(
                "failed to create typed patch object (t/bot; x/v1, Kind=A): .spec.nope: field not declared in schema"
            ),
            ValueError,
            r"^spec\.nope: field not declared in schema$",
            id="an unknown field",
        ),
        pytest.param(500, refusal("etcd is away"), ClusterUnavailable, "etcd is away", id="an API server in trouble"),
    ],
)
async def test_an_apply_that_fails(code: int, body: Any, error: type[Exception], message: str) -> None:
    async with answering(code, body) as client:
        with pytest.raises(error, match=message):
            await client.apply(KEY, CONFIGURATION)


SPEC: dict[str, Any] = {
    "assistantRef": {"name": "bot", "uid": "u"},
    "number": 1,
    "generation": 1,
    "digest": "d",
    "chain": "c",
    "snapshot": {"graphRef": {"name": "g"}},
    "change": {"kind": "Created"},
}


@pytest.mark.parametrize("field", ["chain", "digest", "change", "snapshot"])
async def test_an_object_of_another_release_is_named_without_its_values(field: str) -> None:
    spec = {name: value for name, value in SPEC.items() if name != field}
    item = {"metadata": {"name": "bot-v1", "namespace": "team"}, "spec": {**spec, "secret": "hidden"}}
    page = {"metadata": {"resourceVersion": "1"}, "items": [item]}
    async with answering(200, page) as client:
        with pytest.raises(ValueError, match=r"assistantversions 'bot-v1' cannot be read: ") as error:
            await client.versions(KEY)
        read = [each async for each in client.each_version(*KEY)]
    assert str(error.value) == (
        f"assistantversions 'bot-v1' cannot be read: spec.{field}: Field required. Another release of the operator may"
        " have written it: install the plugin of that release"
    )
    assert read == [item], "verify reads it all the same"
