"""The real kube-apiserver, etcd and kube-controller-manager behind the same interface."""

import asyncio
import shutil
import ssl
import urllib.request
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import yaml
from aiohttp import ClientSession

from harness.controlplane import ControlPlane
from harness.controlplane.build import programs
from harness.controlplane.commands import Ports, apiserver
from harness.controlplane.component import Component
from harness.controlplane.waiting import eventually

from .client import GROUP, Api
from .clusters import Refusal, Rights

PATIENCE = 120.0
POLICIES = "/apis/admissionregistration.k8s.io/v1"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
Json = dict[str, Any]


class Plane(ControlPlane):
    """A control plane whose etcd can be put back, and which can have a second API server."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._second: Component | None = None
        self._second_ports: Ports | None = None

    def stop(self) -> None:
        self._end_second()
        super().stop()

    def forget(self) -> None:
        """Compact, and restart every API server: a running one goes on answering from what it holds in memory."""
        self.compact()
        self.restart_apiservers()

    def restart_apiservers(self) -> None:
        """The second one is only ended: whoever needs it starts it anew."""
        self._end_second()
        self.restart_apiserver()

    def snapshot(self) -> Path:
        """A copy of etcd's files, made while it is stopped."""
        copy = self._layout.home / "snapshot"
        shutil.rmtree(copy, ignore_errors=True)
        self._components[0].stop()
        shutil.copytree(self._layout.etcd, copy)
        self._start_etcd()
        self._apiserver.wait_until(self._is_ready, PATIENCE)
        return copy

    def restore(self, copy: Path) -> None:
        self._end_second()
        for component in reversed(self._components):
            component.stop()
        shutil.rmtree(self._layout.etcd)
        shutil.copytree(copy, self._layout.etcd)
        self._start_etcd()
        self.start_apiserver()
        self._components[2].start()

    def second_url(self) -> str:
        if self._second_ports is None:
            self._second_ports = Ports(self._chosen.etcd, self._chosen.peers, Ports.free().api)
            line = apiserver(programs().kube_apiserver, self._layout, self._second_ports)
            line = [each for each in line if not each.startswith("--audit-")]
            self._second = Component("second-apiserver", line, self._layout.log("second-apiserver"))
            self._second.start()
            self._second.wait_until(self._second_is_ready, PATIENCE)
        return self._second_ports.api_url

    def _end_second(self) -> None:
        if self._second:
            self._second.kill()
        self._second, self._second_ports = None, None

    def _start_etcd(self) -> None:
        self._components[0].start()
        url = f"{self._chosen.etcd_url}/health"
        self._components[0].wait_until(lambda: _answers(url), PATIENCE)

    def _second_is_ready(self) -> bool:
        assert self._second_ports
        return _answers(f"{self._second_ports.api_url}/readyz", ssl.create_default_context(cafile=str(self.ca_file)))


class Real:
    """A Plane as the contract's tests see it."""

    def __init__(self, session: ClientSession, plane: Plane) -> None:
        self._session = session
        self._plane = plane
        self._trust = ssl.create_default_context(cafile=str(plane.ca_file))
        self._token = yaml.safe_load(plane.admin_kubeconfig.read_text())["users"][0]["user"]["token"]

    def api(self, namespace: str) -> Api:
        return Api(self._session, self._plane.url, namespace, token=self._token, trust=self._trust)

    async def restart(self) -> None:
        await asyncio.to_thread(self._plane.restart_apiservers)
        await self._serves_ours()

    async def compact(self) -> None:
        await asyncio.to_thread(self._plane.forget)
        await self._serves_ours()

    async def snapshot(self) -> object:
        copy = await asyncio.to_thread(self._plane.snapshot)
        await self._serves_ours()
        return copy

    async def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, Path)
        await asyncio.to_thread(self._plane.restore, snapshot)
        await self._serves_ours()

    async def second_url(self) -> str:
        url = await asyncio.to_thread(self._plane.second_url)
        await self._serves_ours(url)
        return url

    async def user(self, namespace: str, name: str, rights: Rights | None = None) -> str:
        api = self.api(namespace)
        accounts = f"/api/v1/namespaces/{namespace}/serviceaccounts"
        await api.done("POST", accounts, {"metadata": {"name": name}})
        if rights:
            await self._grant(namespace, name, rights)
        made = await api.done("POST", f"{accounts}/{name}/token", {"spec": {"expirationSeconds": 3600}})
        return str(made.body["status"]["token"])

    async def revoke(self, namespace: str, name: str) -> None:
        await self.api(namespace).done("DELETE", f"{RBAC}/namespaces/{namespace}/rolebindings/{name}")

    @asynccontextmanager
    async def quota(self, namespace: str, name: str, resource: str, hard: int) -> AsyncIterator[None]:
        """No controller of quotas runs here: its part, which is to say what is used at first, is done by hand."""
        api, path = self.api(namespace), f"/api/v1/namespaces/{namespace}/resourcequotas"
        counted, status = {f"count/{resource}": str(hard)}, {f"count/{resource}": "0"}
        await api.done("POST", path, {"metadata": {"name": name}, "spec": {"hard": counted}})
        told = {"status": {"hard": counted, "used": status}}
        await api.done("PATCH", f"{path}/{name}/status", told, kind="application/merge-patch+json")
        yield
        await api.done("DELETE", f"{path}/{name}")

    @asynccontextmanager
    async def policy(self, namespace: str, name: str, refusal: Refusal) -> AsyncIterator[None]:
        api = self.api(namespace)
        rule = {"apiGroups": [GROUP], "apiVersions": ["*"], "operations": list(refusal.operations)}
        policy = {
            "matchConstraints": {"resourceRules": [{**rule, "resources": [refusal.plural]}]},
            "validations": [{"expression": refusal.expression, "message": refusal.message}],
        }
        where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}}
        binding = {"policyName": name, "validationActions": ["Deny"], "matchResources": where}
        kinds = {"validatingadmissionpolicies": policy, "validatingadmissionpolicybindings": binding}
        for plural, spec in kinds.items():
            await api.done("POST", f"{POLICIES}/{plural}", {"metadata": {"name": name}, "spec": spec})
        yield
        for plural in reversed(kinds):
            await api.done("DELETE", f"{POLICIES}/{plural}/{name}")

    async def _grant(self, namespace: str, name: str, rights: Rights) -> None:
        api = self.api(namespace)
        base = f"{RBAC}/namespaces/{namespace}"
        await api.done("POST", f"{base}/roles", {"metadata": {"name": name}, "rules": [rights.rule()]})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        binding = {"metadata": {"name": name}, "roleRef": role, "subjects": [subject]}
        await api.done("POST", f"{base}/rolebindings", binding)

    async def _serves_ours(self, url: str = "") -> None:
        """An API server that just started does not know the kinds of CustomResourceDefinitions yet."""
        api = self.api("default").at(url or self._plane.url)
        for plural in ("graphs", "assistants", "assistantversions"):
            path = api.path(plural)
            while (await api.send("GET", path)).status != 200:  # noqa: ASYNC110 (nothing tells)
                await asyncio.sleep(0.05)


def install(plane: Plane, crds: Path) -> None:
    """Put our CustomResourceDefinitions there, and wait until they are served."""
    plane.kubectl("apply", "--server-side", "-k", str(crds))
    names = [f"crd/{kind}.{GROUP}" for kind in ("graphs", "assistants", "assistantversions")]
    plane.kubectl("wait", "--for=condition=Established", "--timeout=60s", *names)
    eventually(lambda: plane.kubectl("get", "langgraph", check=False).returncode == 0, 60)


def _answers(url: str, context: ssl.SSLContext | None = None) -> bool:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
