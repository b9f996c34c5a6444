"""The networks of real clusters: certificates that kubectl accepts, proxies, and tokens that are rotated.

These tests run on the Python version of the image, too: from 3.13 on its defaults are stricter than kubectl.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane, FaultProxy
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.answerer import Answerer
from harness.support.certificates import BARE_LEAF, Certificate, authority, signed
from harness.support.front import Front, Proxy
from harness.support.rights import grant_credentials
from harness.support.walk import comes_to, complaints

PASSWORD = "canary-of-the-proxy"
API_NAME, GRAPH_NAME = "api.test.invalid:6443", "graphs.test.invalid:8443"
SERVICE_ACCOUNT = ("assistant-operator", "assistant-operator")
Json = dict[str, Any]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    """Without key identifiers and key usage."""
    return authority(tmp_path_factory.mktemp("ca"))


def leaf(ca: Certificate, name: str) -> Certificate:
    """For that host name, as little decorated as its CA."""
    extensions = BARE_LEAF.replace("IP:127.0.0.1", f"DNS:{name.partition(':')[0]}")
    return signed(ca, ca.certificate.parent, name, extensions)


@pytest.fixture
def front(installed: ControlPlane, ca: Certificate) -> Iterator[Front]:
    """The API server, with such a certificate."""
    with Front(installed.url, signed(ca, ca.certificate.parent)) as before:
        yield before


def kubeconfig(installed: ControlPlane, server: str, ca_file: Path, **cluster: str) -> Path:
    """The operator's, for that address."""
    path = installed.kubeconfig_for(*SERVICE_ACCOUNT, server, ca_file)
    told = json.loads(path.read_text())
    told["clusters"][0]["cluster"].update(cluster)
    path.write_text(json.dumps(told))
    return path


def records_edits(workspace: Workspace) -> None:
    workspace.assistant("bot", "none", context={"prompt": "1"})
    workspace.until_versions(1)
    workspace.edit(context={"prompt": "2"})
    workspace.until_versions(2)


def deployed(workspace: Workspace, name: str) -> tuple[str, str]:
    said = workspace.condition(name, "Deployed", "graphs")
    return said.get("status", ""), said.get("reason", "")


def a_graph(workspace: Workspace, name: str, url: str, bundle: Certificate | None = None) -> None:
    """With `bundle`, what the server's certificate is checked against."""
    trust: Json = {}
    if bundle:
        path = f"/api/v1/namespaces/{workspace.namespace}/configmaps"
        body = {"metadata": {"name": f"ca-of-{name}"}, "data": {"ca.crt": bundle.pem}}
        workspace.client.demand("POST", path, body)
        trust = {"caBundleRef": {"kind": "ConfigMap", "name": f"ca-of-{name}", "key": "ca.crt"}}
    server = {"url": url, "resyncPeriodSeconds": 1, **trust}
    workspace.graph(name, graphId="writer", server=server, defaultAssistant={"policy": "None"})


def get_assistants(kubeconfig: Path, workspace: Workspace, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a person types."""
    command = [str(Path(sys.executable).with_name("kubectl-assistants")), "get", "-n", workspace.namespace]
    told = os.environ | {"KUBECONFIG": str(kubeconfig), **environment}
    return subprocess.run(command, capture_output=True, text=True, check=False, env=told, timeout=60)


# Certificates


def test_where_kubectl_works_operator_and_plugin_work(
    installed: ControlPlane, workspace: Workspace, front: Front, ca: Certificate, tmp_path: Path
) -> None:
    access = kubeconfig(installed, front.url, ca.certificate)
    assert installed.kubectl("get", "graphs", "-A", kubeconfig=access).returncode == 0
    with OperatorProcess(access, tmp_path / "operator.log") as operator:
        records_edits(workspace)
        told = get_assistants(access, workspace)
        assert (told.returncode, told.stdout.split()[8]) == (0, "bot"), told
        assert complaints(operator) == []


def test_the_name_on_the_certificate_may_be_one_that_the_kubeconfig_tells(
    installed: ControlPlane, workspace: Workspace, ca: Certificate, tmp_path: Path
) -> None:
    with Front(installed.url, leaf(ca, "api.internal")) as front:
        access = kubeconfig(installed, front.url, ca.certificate, **{"tls-server-name": "api.internal"})
        with OperatorProcess(access, tmp_path / "operator.log") as operator:
            records_edits(workspace)
            assert get_assistants(access, workspace).returncode == 0
            assert complaints(operator) == []


@pytest.mark.parametrize("wrong", ["another CA", "another name"])
def test_a_certificate_that_kubectl_refuses_is_refused(
    installed: ControlPlane, workspace: Workspace, front: Front, ca: Certificate, tmp_path: Path, wrong: str
) -> None:
    trusted, cluster = ca, {"tls-server-name": "another"}
    if wrong == "another CA":
        trusted, cluster = authority(tmp_path, "kubernetes"), {}
    access = kubeconfig(installed, front.url, trusted.certificate, **cluster)
    assert installed.kubectl("get", "graphs", "-A", kubeconfig=access, check=False).returncode != 0
    operator = OperatorProcess(access, tmp_path / "operator.log")
    operator.start(wait=False)
    try:
        eventually(lambda: "certificate verify failed" in operator.log.read_text())
        assert operator.get("/readyz") is None
    finally:
        operator.kill()
    told = get_assistants(access, workspace)
    assert (told.returncode, "certificate verify failed" in told.stderr) == (1, True), told


def test_a_server_is_trusted_by_the_bundle_that_its_graph_names(
    operator_kubeconfig: Path, workspace: Workspace, ca: Certificate, tmp_path: Path
) -> None:
    operator = OperatorProcess(operator_kubeconfig, tmp_path / "operator.log")
    with Answerer() as server, Front(server.url, signed(ca, tmp_path)) as front, operator:
        grant_credentials(workspace)
        a_graph(workspace, "right", front.url, ca)
        a_graph(workspace, "another", front.url, authority(tmp_path, "kubernetes"))
        a_graph(workspace, "none", front.url)
        comes_to(lambda: deployed(workspace, "right"), ("True", "Served"))
        for name in ("another", "none"):
            comes_to(lambda name=name: deployed(workspace, name), ("False", "ServerUnreachable"))  # type: ignore[misc]
            said = workspace.condition(name, "Deployed", "graphs")["message"]
            assert f"{front.url}: the certificate is not trusted" in said


# Proxies


@pytest.mark.parametrize("named_by", ["proxy-url", "HTTPS_PROXY"])
def test_the_api_server_is_reached_through_a_proxy(
    installed: ControlPlane, workspace: Workspace, ca: Certificate, tmp_path: Path, named_by: str
) -> None:
    with Front(installed.url, leaf(ca, API_NAME)) as front, Proxy(PASSWORD, {API_NAME: front.address}) as proxy:
        url = proxy.url.replace("://", f"://user:{PASSWORD}@")
        cluster, environment = ({named_by: url}, {}) if named_by == "proxy-url" else ({}, {named_by: url})
        access = kubeconfig(installed, f"https://{API_NAME}", ca.certificate, **cluster)
        with OperatorProcess(access, tmp_path / "operator.log", environment=environment) as operator:
            records_edits(workspace)
            told = get_assistants(access, workspace, **environment)
            assert (told.returncode, told.stderr) == (0, "")
            assert set(proxy.asked) == {f"CONNECT {API_NAME}"}
            assert complaints(operator) == []
            assert PASSWORD not in operator.log.read_text()


def test_a_proxy_that_refuses_is_told_without_its_password_and_tried_again(
    installed: ControlPlane, workspace: Workspace, ca: Certificate, tmp_path: Path
) -> None:
    with Front(installed.url, leaf(ca, API_NAME)) as front, Proxy("changed", {API_NAME: front.address}) as proxy:
        url = proxy.url.replace("://", f"://user:{PASSWORD}@")
        access = kubeconfig(installed, f"https://{API_NAME}", ca.certificate, **{"proxy-url": url})
        told = get_assistants(access, workspace)
        assert (told.returncode, "the proxy answers 407" in told.stderr) == (1, True), told
        operator = OperatorProcess(access, tmp_path / "operator.log")
        operator.start(wait=False)
        try:
            eventually(lambda: operator.log.read_text().count("the proxy answers 407") > 2)
            proxy.password = PASSWORD
            eventually(operator.is_ready)
            assert PASSWORD not in operator.log.read_text() + told.stderr
        finally:
            operator.kill()


@pytest.mark.parametrize("scheme", ["socks5", "ftp"])
def test_a_proxy_of_another_kind_is_an_error_at_once(
    installed: ControlPlane, workspace: Workspace, tmp_path: Path, scheme: str
) -> None:
    url = f"{scheme}://user:{PASSWORD}@127.0.0.1:1"
    access = kubeconfig(installed, installed.url, installed.ca_file, **{"proxy-url": url})
    words = f"the proxy that proxy-url in the kubeconfig names speaks {scheme}: only http and https are supported"
    operator = OperatorProcess(access, tmp_path / "operator.log")
    operator.start(wait=False)
    eventually(lambda: not operator.is_running)
    assert operator.log.read_text() == f"Error: {words}\n"
    told = get_assistants(access, workspace)
    assert (told.returncode, words in told.stderr, PASSWORD in told.stderr) == (1, True, False), told


def test_servers_are_reached_through_the_proxies_of_the_environment(
    installed: ControlPlane, operator_kubeconfig: Path, workspace: Workspace, ca: Certificate, tmp_path: Path
) -> None:
    plain = "langgraph.test.invalid:8123"
    with Answerer() as server, Front(server.url, leaf(ca, GRAPH_NAME)) as front:
        hosts = {plain: server.address, GRAPH_NAME: front.address}
        with Proxy(PASSWORD, hosts) as proxy:
            url = proxy.url.replace("://", f"://user:{PASSWORD}@")
            environment = {"HTTP_PROXY": url, "HTTPS_PROXY": url, "NO_PROXY": "10.0.0.0/8,.direct.invalid"}
            with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log", environment=environment) as operator:
                grant_credentials(workspace)
                a_graph(workspace, "plain", f"http://{plain}")
                a_graph(workspace, "tunnel", f"https://{GRAPH_NAME}", ca)
                a_graph(workspace, "here", server.url)
                a_graph(workspace, "direct", "http://langgraph.direct.invalid:8123")
                a_graph(workspace, "unknown", "http://langgraph.unknown.invalid:8123")
                for name in ("plain", "tunnel", "here"):
                    comes_to(lambda name=name: deployed(workspace, name), ("True", "Served"))  # type: ignore[misc]
                said = {
                    "direct": "langgraph.direct.invalid:8123: the name cannot be resolved",
                    "unknown": f"unknown.invalid:8123: through the proxy {proxy.url}: the connection broke off",
                }
                for name, words in said.items():
                    comes_to(lambda name=name: deployed(workspace, name), ("False", "ServerUnreachable"))  # type: ignore[misc]
                    assert words in workspace.condition(name, "Deployed", "graphs")["message"]
                assert {f"GET http://{plain}/info", f"CONNECT {GRAPH_NAME}"} <= set(proxy.asked)
                assert not [each for each in proxy.asked if "direct" in each or "127.0.0.1" in each]
                shown = operator.log.read_text() + str(workspace.all("graphs"))
                assert PASSWORD not in shown
                # What the proxy is told is for it alone.
                assert b"Proxy-Authorization" in proxy.told[0]
                assert "authorization" not in " ".join(server.heads).lower()


# Tokens


def test_a_token_that_is_rotated_is_read_again(installed: ControlPlane, workspace: Workspace, tmp_path: Path) -> None:
    token = tmp_path / "token"
    revoke = write_token(installed, workspace, token, "first")
    with FaultProxy(installed) as proxy:
        access = kubeconfig(installed, proxy.url, installed.ca_file)
        told = json.loads(access.read_text())
        told["users"][0]["user"] = {"tokenFile": str(token)}
        access.write_text(json.dumps(told))
        with OperatorProcess(access, tmp_path / "operator.log") as operator:
            workspace.assistant("bot", "none", context={"prompt": "1"})
            workspace.until_versions(1)
            write_token(installed, workspace, token, "second")
            revoke()
            proxy.cut_watches()
            workspace.edit(context={"prompt": "2"})
            workspace.until_versions(2)
            workspace.edit(context={"prompt": "3"})
            workspace.until_versions(3)
            assert complaints(operator) == []


def write_token(installed: ControlPlane, workspace: Workspace, path: Path, name: str) -> Any:
    """A token that holds for as long as a Secret does: what ends it."""
    namespace, account = SERVICE_ACCOUNT
    secrets = f"/api/v1/namespaces/{namespace}/secrets"
    bound = workspace.client.demand("POST", secrets, {"metadata": {"name": f"{workspace.namespace}-{name}"}})
    meta = bound["metadata"]
    to = {"apiVersion": "v1", "kind": "Secret", "name": meta["name"], "uid": meta["uid"]}
    asked = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    made = workspace.client.demand("POST", asked, {"spec": {"boundObjectRef": to}})
    path.write_text(made["status"]["token"])

    def revoke() -> None:
        workspace.client.demand("DELETE", f"{secrets}/{meta['name']}")
        # The API server remembers for ten seconds that a token was good.
        eventually(lambda: is_refused(installed, made["status"]["token"]))

    return revoke


def is_refused(installed: ControlPlane, token: str) -> bool:
    refused = installed.kubectl("get", "graphs", "-A", f"--token={token}", check=False)
    return refused.returncode != 0
