"""Secrets: read when they are needed, kept for seconds, and only what one server refused is read anew."""

import asyncio
import base64
import gc
import uuid
from collections.abc import AsyncIterator
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from assistant_operator.api.assistant import Copy
from assistant_operator.clients.kubernetes import server_credentials as module
from assistant_operator.clients.kubernetes.cluster import Cluster
from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.server_credentials import Credentials, CredentialsMissing
from assistant_operator.clients.kubernetes.transport import ApiServer

SERVER = "https://langgraph.example"
MISSING = "key 'key' of Secret 'langgraph' in namespace 'team' does not exist"


class Secrets:
    """An API server that has Secrets, which may change."""

    def __init__(self) -> None:
        self.values: dict[str, dict[str, Any]] = {}
        self.reads: list[str] = []

    def put(self, name: str, value: bytes | None, namespace: str = "team") -> None:
        data = {} if value is None else {"key": base64.b64encode(value).decode()}
        self.values[f"{namespace}/{name}"] = {"data": data}

    async def answer(self, request: web.Request) -> web.Response:
        name = f"{request.match_info['namespace']}/{request.match_info['name']}"
        self.reads.append(name)
        if found := self.values.get(name):
            return web.json_response(found)
        return web.json_response({"reason": "NotFound", "details": {"kind": "secrets"}}, status=404)


@pytest.fixture
def secrets() -> Secrets:
    return Secrets()


@pytest.fixture
async def cluster(secrets: Secrets) -> AsyncIterator[Cluster]:
    app = web.Application()
    app.router.add_get("/api/v1/namespaces/{namespace}/secrets/{name}", secrets.answer)
    async with TestServer(app) as server:
        api = ApiServer(Configuration(host=str(server.make_url("")).rstrip("/")))
        yield Cluster(api)
        await api.close()


@pytest.fixture
def credentials(cluster: Cluster) -> Credentials:
    return Credentials(cluster)


def a_copy(name: str = "langgraph", **ref: Any) -> Copy:
    told = {"server": SERVER, "assistantId": "id", "apiKeySecretRef": {"name": name, "key": "key"}, **ref}
    return Copy.model_validate(told)


async def key(credentials: Credentials, name: str = "langgraph", namespace: str = "team") -> str | None:
    return (await credentials.endpoint(namespace, a_copy(name))).key


async def last_key(credentials: Credentials) -> str | None:
    return (await credentials.endpoint_for_withdrawal("team", a_copy())).key


async def test_a_value_is_read_once_for_many_requests(credentials: Credentials, secrets: Secrets) -> None:
    secrets.put("langgraph", b"one\n")
    assert [await key(credentials) for _ in range(5)] == ["one"] * 5
    assert secrets.reads == ["team/langgraph"]


async def test_a_rotated_key_is_read(
    credentials: Credentials, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "FRESH", 0.0)
    secrets.put("langgraph", b"one")
    assert await key(credentials) == "one"
    secrets.put("langgraph", b"two")
    assert await key(credentials) == "two"
    del secrets.values["team/langgraph"]
    with pytest.raises(CredentialsMissing, match=f"^{MISSING}$"):
        await key(credentials)


async def test_one_server_that_refuses_costs_no_other_tenant_a_read(credentials: Credentials, secrets: Secrets) -> None:
    everywhere = [("langgraph", "team"), ("other", "team"), ("langgraph", "another-team")]
    for name, namespace in everywhere:
        secrets.put(name, b"one", namespace)
        await key(credentials, name, namespace)
    secrets.reads.clear()
    credentials.forget("team", a_copy())
    for name, namespace in everywhere:
        await key(credentials, name, namespace)
    assert secrets.reads == ["team/langgraph"]


async def test_a_farewell_takes_the_last_value_only_while_it_is_kept(
    credentials: Credentials, secrets: Secrets, monkeypatch: pytest.MonkeyPatch
) -> None:
    secrets.put("langgraph", b"one")
    await key(credentials)
    del secrets.values["team/langgraph"]
    monkeypatch.setattr(module, "FRESH", 0.0)
    with pytest.raises(CredentialsMissing):
        await key(credentials)
    assert await last_key(credentials) == "one"
    credentials.forget("team", a_copy())
    with pytest.raises(CredentialsMissing, match=f"^{MISSING}$"):
        await last_key(credentials)


async def test_nothing_that_was_read_outlives_its_time(
    secrets: Secrets, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not even where nobody asks again."""
    monkeypatch.setattr(module, "REMEMBERED", 2.0)
    credentials, value = Credentials(cluster), uuid.uuid4().hex
    secrets.put("langgraph", value.encode())
    assert await key(credentials) == value
    assert _holds(credentials, value)
    async with asyncio.timeout(10):
        while _holds(credentials, value):  # noqa: ASYNC110 (nobody says when)
            await asyncio.sleep(0.05)


def _holds(where: object, value: str) -> bool:
    """Whether the value is anywhere in there."""
    seen: set[int] = set()
    todo = [where]
    while todo:
        each = todo.pop()
        if each == value:
            return True
        if id(each) not in seen and not isinstance(each, (str, bytes, type, ModuleType, Cluster)):
            seen.add(id(each))
            todo += gc.get_referents(each)
    return False


@pytest.mark.parametrize(
    ("value", "words"),
    [
        pytest.param(b"", "is not a key that a header can hold", id="empty"),
        pytest.param(b" \n", "is not a key that a header can hold", id="blank"),
        pytest.param(b"canary\r\nx: y", "is not a key that a header can hold", id="two headers"),
        pytest.param("cänary".encode(), "is not a key that a header can hold", id="not ASCII"),
        pytest.param(b"canary\xff", "is not text", id="binary"),
        pytest.param(None, "does not exist", id="another key"),
    ],
)
async def test_what_is_no_key_is_told_without_it(
    credentials: Credentials, secrets: Secrets, value: bytes | None, words: str
) -> None:
    secrets.put("langgraph", value)
    with pytest.raises(CredentialsMissing) as told:
        await key(credentials)
    assert str(told.value) == f"key 'key' of Secret 'langgraph' in namespace 'team' {words}"
    assert told.value.__cause__ is None
    secrets.put("langgraph", b"right")
    assert await key(credentials) == "right", "and it is read again at the next request"


@pytest.mark.parametrize("value", [b"", b"no PEM", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
async def test_a_bundle_without_certificates_is_told(credentials: Credentials, secrets: Secrets, value: bytes) -> None:
    secrets.put("ca", value)
    bundle = {"kind": "Secret", "name": "ca", "key": "key"}
    with pytest.raises(CredentialsMissing, match=r"Secret 'ca' in namespace 'team' holds no certificates \(PEM\)$"):
        await credentials.endpoint("team", a_copy(apiKeySecretRef=None, caBundleRef=bundle))
