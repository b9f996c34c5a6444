"""Where a person's cluster is, as whom and in which namespace: kubeconfig, then what they typed."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from assistant_operator.clients.kubernetes.configuration import Configuration
from assistant_operator.clients.kubernetes.transport import Call
from assistant_operator.kubectl.kubeconfig import Access, ConnectionFlags, access, contexts

SERVER = "https://cluster.example:6443"


def a_kubeconfig(path: Path, *, user: Any = None, cluster: Any = None, context: Any = None, name: str = "here") -> str:
    told = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": SERVER, **(cluster or {})}}],
        "users": [{"name": name, "user": {"token": "secret"} if user is None else user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **(context or {})}}],
    }
    path.write_text(json.dumps(told))
    return str(path)


async def test_what_the_kubeconfig_says(tmp_path: Path) -> None:
    found = await access(ConnectionFlags(a_kubeconfig(tmp_path / "config", context={"namespace": "team"})))
    assert (found.configuration.host, found.namespace, found.headers) == (SERVER, "team", {})
    assert found.configuration.authorization == "Bearer secret"


async def test_without_a_namespace_it_is_default(tmp_path: Path) -> None:
    assert (await access(ConnectionFlags(a_kubeconfig(tmp_path / "config")))).namespace == "default"


async def test_several_files_are_merged_and_a_context_is_chosen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = a_kubeconfig(tmp_path / "first", name="here")
    second = a_kubeconfig(tmp_path / "second", name="there", context={"namespace": "far"})
    monkeypatch.setenv("KUBECONFIG", f"{first}:{tmp_path / 'missing'}:{second}")
    assert contexts(ConnectionFlags()) == ["here", "there"]
    assert (await access(ConnectionFlags(context="there"))).namespace == "far"
    assert (await access(ConnectionFlags(kubeconfig=first))).namespace == "default"


async def test_an_exec_plugin_is_asked(tmp_path: Path) -> None:
    status = {"token": "fresh"}
    told = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    plugin = {
        "apiVersion": told["apiVersion"],
        "command": sys.executable,
        "args": ["-c", f"print('{json.dumps(told)}')"],
    }
    found = await access(ConnectionFlags(a_kubeconfig(tmp_path / "config", user={"exec": plugin})))
    assert found.configuration.authorization == "Bearer fresh"


@pytest.mark.parametrize(
    "program",
    ["raise SystemExit('not today')", "print('{}')", "print('no JSON')"],
    ids=["fails", "says nothing", "babbles"],
)
async def test_an_exec_plugin_without_credentials_makes_nobody_anonymous(tmp_path: Path, program: str) -> None:
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": sys.executable, "args": ["-c", program]}
    with pytest.raises(ValueError, match=r"the credential plugin .* gave no credentials"):
        await access(ConnectionFlags(a_kubeconfig(tmp_path / "config", user={"exec": plugin})))


async def test_proxy_and_server_name_are_kept(tmp_path: Path) -> None:
    cluster = {"proxy-url": "http://proxy.example:3128", "tls-server-name": "api.internal"}
    made = (await access(ConnectionFlags(a_kubeconfig(tmp_path / "config", cluster=cluster)))).configuration
    assert (made.proxy, made.tls_server_name) == ("http://proxy.example:3128", "api.internal")


@pytest.mark.parametrize(
    ("server", "environment", "proxy"),
    [
        pytest.param(SERVER, {}, None, id="none is named"),
        pytest.param(SERVER, {"HTTPS_PROXY": "http://proxy:3128"}, "http://proxy:3128", id="one is named"),
        pytest.param(SERVER, {"HTTPS_PROXY": "proxy:3128"}, "http://proxy:3128", id="without its scheme"),
        pytest.param(SERVER, {"HTTP_PROXY": "http://proxy:3128"}, None, id="for another scheme"),
        pytest.param(SERVER, {"HTTPS_PROXY": "http://proxy", "NO_PROXY": ".example"}, None, id="not for this server"),
        pytest.param("https://127.0.0.1:6443", {"HTTPS_PROXY": "http://proxy"}, None, id="never for this machine"),
        pytest.param("https://localhost:6443", {"HTTPS_PROXY": "http://proxy"}, None, id="by whatever name"),
    ],
)
async def test_the_proxy_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, environment: dict[str, str], proxy: str | None
) -> None:
    for name in ("HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    found = await access(ConnectionFlags(a_kubeconfig(tmp_path / "config", cluster={"server": server})))
    assert found.configuration.proxy == proxy


@pytest.mark.parametrize(
    ("user", "wish", "headers"),
    [
        pytest.param({}, None, {}, id="nobody"),
        pytest.param({"as": "alice"}, None, {"Impersonate-User": "alice"}, id="as the kubeconfig says"),
        pytest.param({"as": "alice"}, "bob", {"Impersonate-User": "bob"}, id="what is typed wins"),
        pytest.param({"as": "alice", "as-groups": ["g"]}, "bob", {"Impersonate-User": "bob"}, id="as a whole"),
    ],
)
async def test_whom_it_impersonates(
    tmp_path: Path, user: dict[str, Any], wish: str | None, headers: dict[str, str]
) -> None:
    found = await access(ConnectionFlags(a_kubeconfig(tmp_path / "config", user={"token": "t", **user}), user=wish))
    assert found.headers == headers


async def test_groups_are_not_quietly_left_out(tmp_path: Path) -> None:
    user = {"token": "t", "as": "alice", "as-groups": ["admins"]}
    with pytest.raises(ValueError, match="impersonates more than a name"):
        await access(ConnectionFlags(a_kubeconfig(tmp_path / "config", user=user)))


@pytest.mark.parametrize(
    ("text", "wish", "message"),
    [
        pytest.param(None, {}, "there is no kubeconfig at", id="no file"),
        pytest.param("[]", {}, "cannot determine from .* how to reach a cluster", id="no mapping"),
        pytest.param("{", {}, "cannot determine from .* how to reach a cluster", id="no YAML"),
        pytest.param("{}", {}, "cannot determine from .* how to reach a cluster", id="nothing in it"),
        pytest.param("{}", {"context": "x"}, "context 'x' does not exist in", id="no such context"),
    ],
)
async def test_what_is_no_kubeconfig_is_said(
    tmp_path: Path, text: str | None, wish: dict[str, str], message: str
) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ValueError, match=message):
        await access(ConnectionFlags(str(path), **wish))


@pytest.mark.parametrize("text", [None, "[]", "{", "{}"])
def test_where_there_is_no_kubeconfig_there_is_no_context(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    assert contexts(ConnectionFlags(str(path))) == []


async def test_each_request_says_whom_it_impersonates_and_may_be_told_of() -> None:
    seen: list[str] = []
    told: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        seen.append(request.headers["Impersonate-User"])
        return web.json_response({})

    app = web.Application()
    app.router.add_get("/things", answer)
    async with TestServer(app) as server:
        where = str(server.make_url("")).rstrip("/")
        found = Access(Configuration(host=where), headers={"Impersonate-User": "alice"})
        for door in (found.server(), found.server(told.append)):
            await door.send(Call("GET", "/things"))
            await door.close()
    assert seen == ["alice", "alice"]
    assert [line.partition(" in ")[0] for line in told] == [f"GET {where}/things"]
