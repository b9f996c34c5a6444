"""As whom and through what an API server is spoken to: tokens that change, proxies, secrets in a kubeconfig."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from assistant_operator.clients.kubernetes import connection
from assistant_operator.clients.kubernetes.configuration import (
    Configuration,
    ConfigurationLoader,
    pod_namespace,
    service_account,
)
from assistant_operator.clients.kubernetes.connection import Login
from assistant_operator.clients.kubernetes.transport import ApiServer, Call, ClusterRefused, ClusterUnavailable
from harness.support.front import Proxy

THINGS = Call("GET", "/things")
PASSWORD = "canary-of-the-proxy"


class Doorman:
    """An API server that lets in whoever has its token."""

    def __init__(self, token: str) -> None:
        self.token = token
        self.seen: list[tuple[str, str | None]] = []
        self.bodies: list[bytes] = []

    async def answer(self, request: web.Request) -> web.Response:
        said = request.headers.get("Authorization")
        self.seen.append((request.method, said))
        self.bodies.append(await request.read())
        return web.json_response({}, status=200 if said == f"Bearer {self.token}" else 401)

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.answer)
        async with TestServer(app) as server:
            yield str(server.make_url("")).rstrip("/")


class Tokens:
    """Where tokens are read anew."""

    def __init__(self, *tokens: str) -> None:
        self._tokens = iter(tokens)
        self.reads = 0

    async def __call__(self) -> Configuration:
        self.reads += 1
        await asyncio.sleep(0.05)
        if (token := next(self._tokens, None)) is None:
            raise ValueError("the exec plugin fails")
        return Configuration(authorization=f"Bearer {token}")


def an_api(url: str, token: str, reload: Tokens | None) -> ApiServer:
    return ApiServer(Configuration(host=url, authorization=f"Bearer {token}"), reload=reload)


async def test_a_token_that_is_refused_is_read_again_and_the_request_sent_again() -> None:
    doorman, tokens = Doorman("new"), Tokens("new")
    async with doorman.serving() as url:
        api = an_api(url, "old", tokens)
        await api.send(Call("POST", "/things", body={"a": 1}))
        await api.send(THINGS)
        await api.close()
    assert doorman.seen == [("POST", "Bearer old"), ("POST", "Bearer new"), ("GET", "Bearer new")]
    assert doorman.bodies[:2] == [b'{"a": 1}'] * 2
    assert tokens.reads == 1


async def test_many_that_are_refused_together_read_it_once() -> None:
    doorman, tokens = Doorman("new"), Tokens("new")
    async with doorman.serving() as url:
        api = an_api(url, "old", tokens)
        await asyncio.gather(*(api.send(THINGS) for _ in range(20)))
        await api.close()
    assert tokens.reads == 1


@pytest.mark.parametrize("tokens", [Tokens("old"), Tokens(), None], ids=["the same again", "none to be had", "never"])
async def test_a_token_that_stays_refused_is_a_refusal_and_is_not_read_at_each_request(tokens: Tokens | None) -> None:
    doorman = Doorman("new")
    async with doorman.serving() as url:
        api = an_api(url, "old", tokens)
        for _ in range(3):
            with pytest.raises(ClusterRefused) as refused:
                await api.send(THINGS)
            assert refused.value.status.code == 401
        await api.close()
    assert len(doorman.seen) == 3
    assert tokens is None or tokens.reads == 1


async def test_a_service_accounts_token_that_cannot_be_read_just_now_may_be_read_later(tmp_path: Path) -> None:
    doorman, token = Doorman("new"), tmp_path / "token"
    async with doorman.serving() as url:
        api = ApiServer(Configuration(host=url, authorization="Bearer old", token_file=str(token)))
        with pytest.raises(ClusterUnavailable, match="the service account's token cannot be read"):
            await api.send(THINGS)
        token.write_text("new\n")
        await api.send(THINGS)
        await api.close()


async def test_a_service_accounts_token_is_read_again_each_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_TOKEN_INTERVAL", 0.2)
    doorman, token = Doorman("first"), tmp_path / "token"
    token.write_text("first")
    async with doorman.serving() as url:
        api = ApiServer(Configuration(host=url, token_file=str(token)))
        await api.send(THINGS)
        token.write_text("second")
        await api.send(THINGS)
        doorman.token = "second"
        await asyncio.sleep(0.25)
        await api.send(THINGS)
        await api.close()
    assert [said for _, said in doorman.seen] == ["Bearer first", "Bearer first", "Bearer second"]


ENVIRON = {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.mark.parametrize(
    ("host", "expected"), [("10.0.0.1", "https://10.0.0.1:443"), ("fd00::1", "https://[fd00::1]:443")]
)
def test_a_pod_has_its_service_account(tmp_path: Path, host: str, expected: str) -> None:
    (tmp_path / "token").write_text("secret\n")
    (tmp_path / "ca.crt").write_text("PEM")
    found = service_account(tmp_path, {**ENVIRON, "KUBERNETES_SERVICE_HOST": host})
    token_file = str(tmp_path / "token")
    assert found == Configuration(expected, authorization="Bearer secret", token_file=token_file, ca="PEM")
    assert "secret" not in repr(found)


@pytest.mark.parametrize(
    ("files", "environ", "words"),
    [
        pytest.param({"token": "t", "ca.crt": "PEM"}, {}, "KUBERNETES_SERVICE_HOST and", id="no address"),
        pytest.param({"ca.crt": "PEM"}, ENVIRON, "No such file or directory: '.*token'", id="no token"),
        pytest.param({"token": "\n", "ca.crt": "PEM"}, ENVIRON, "token is empty", id="an empty token"),
        pytest.param({"token": "t"}, ENVIRON, "No such file or directory: '.*ca.crt'", id="no CA"),
    ],
)
def test_a_service_account_that_cannot_be_used(
    tmp_path: Path, files: dict[str, str], environ: dict[str, str], words: str
) -> None:
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    with pytest.raises(ValueError, match=rf"^cannot determine from the pod's service account how .*: .*{words}"):
        service_account(tmp_path, environ)


@pytest.mark.parametrize(
    ("content", "namespace"),
    [
        pytest.param("team\n", "team", id="in a pod"),
        pytest.param("", "default", id="an empty file"),
        pytest.param(None, "default", id="outside a cluster"),
    ],
)
def test_the_namespace_of_a_pod(tmp_path: Path, content: str | None, namespace: str) -> None:
    if content is not None:
        (tmp_path / "namespace").write_text(content)
    assert pod_namespace(tmp_path) == namespace


async def test_a_process_that_ends_without_an_answer_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "somewhere")
    monkeypatch.setattr(sys, "executable", "false")
    with pytest.raises(ValueError, match=r"^the kubeconfig could not be read: [a-z_.]+\.kubeconfig ended with 1$"):
        await ConfigurationLoader()()


def test_an_api_server_whose_ca_is_empty_is_not_trusted_by_the_systems() -> None:
    with pytest.raises(ValueError, match="the CA of the API server contains no certificate"):
        Login(Configuration(host="https://api", ca=""))


@pytest.mark.parametrize("line", ["token", "token\n"], ids=["bare", "with a line end"])
async def test_a_token_file_and_an_exec_plugin_are_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    token = tmp_path / "token"
    version = "client.authentication.k8s.io/v1"
    told = f"{{'apiVersion': {version!r}, 'kind': 'ExecCredential', 'status': {{'token': token}}}}"
    program = f"import json; token = open({str(token)!r}).read().strip(); print(json.dumps({told}))"
    plugin = {"apiVersion": version, "command": sys.executable, "args": ["-c", program]}
    doorman = Doorman("first")
    for user in ({"tokenFile": str(token)}, {"exec": plugin}):
        doorman.token = "first"
        async with doorman.serving() as url:
            path = a_kubeconfig(tmp_path, url, user)
            monkeypatch.setenv("KUBECONFIG", str(path))
            token.write_text(line.replace("token", "first"))
            load = ConfigurationLoader()
            api = ApiServer(await load(), reload=load)
            await api.send(THINGS)
            token.write_text(line.replace("token", "second"))
            doorman.token = "second"
            await api.send(THINGS)
            await api.close()


def a_kubeconfig(directory: Path, server: str, user: dict[str, Any], **cluster: str) -> Path:
    told = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server, **cluster}}],
        "users": [{"name": "here", "user": user}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "here"}}],
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(told))
    return path


async def test_a_proxy_is_told_what_is_for_it_and_nobody_else_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    doorman = Doorman("token")
    with Proxy(PASSWORD) as proxy:
        async with doorman.serving() as url:
            named = proxy.url.replace("://", f"://user:{PASSWORD}@")
            path = a_kubeconfig(tmp_path, url, {"token": "token"}, **{"proxy-url": named})
            monkeypatch.setenv("KUBECONFIG", str(path))
            found = await ConfigurationLoader()()
            assert found.proxy == proxy.url
            api = ApiServer(found)
            await api.send(THINGS)
            proxy.password = "changed"
            with pytest.raises(ClusterRefused, match="407") as refused:
                await api.send(THINGS)
            assert PASSWORD not in str(refused.value)
            await api.close()
        assert proxy.asked == [f"GET {url}/things"] * 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        pytest.param(
            "users: [{name: here, usr: {token: canary}}]", "Expected key user in", id="a key that is misspelled"
        ),
        pytest.param("users: [{name: here, user: {exec: {token: canary}}}]", "", id="a plugin without a command"),
        pytest.param("users: {token: canary}", "", id="no list"),
        pytest.param("users: [{name: here, user: {token: canary}", "", id="no YAML"),
    ],
)
async def test_what_is_wrong_in_a_kubeconfig_is_told_without_what_is_secret_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, text: str, words: str
) -> None:
    path = tmp_path / "kubeconfig"
    context = "contexts: [{name: here, context: {cluster: here, user: here}}]\ncurrent-context: here\n"
    path.write_text(f"clusters: [{{name: here, cluster: {{server: https://api}}}}]\n{context}{text}\n")
    monkeypatch.setenv("KUBECONFIG", str(path))
    told = ""
    try:
        await ConfigurationLoader()()
    except ValueError as error:
        told = str(error)
    assert words in told
    assert "canary" not in told + caplog.text
