"""etcd, kube-apiserver and kube-controller-manager, started, stopped, broken and mended; nothing of ours runs here."""

import json
import secrets
import shutil
import subprocess
from collections.abc import Iterable
from http import HTTPStatus
from itertools import islice
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from . import commands, etcd
from .api import Api
from .build import Programs, programs
from .component import Component, ComponentFailed
from .credentials import Access
from .kubectl import KubectlFailed, kubectl
from .layout import ADMIN, CONTROLLERS, Layout

PATIENCE = 120.0
DAY = 86_400


class ControlPlane:
    """One Kubernetes API, in one folder, on ports of its own."""

    def __init__(self, directory: Path, *, keep: bool = False) -> None:
        self._layout = Layout(directory.absolute() / "controlplane")
        self._keep = keep
        self._tokens = {user: secrets.token_urlsafe(24) for user in (ADMIN, CONTROLLERS)}
        self._ports: commands.Ports | None = None
        self._components: list[Component] = []

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def start(self) -> None:
        """All three, ready; or none of them, and ComponentFailed."""
        found = programs()
        self._layout.prepare(self._tokens)
        self._ports = commands.Ports.free()
        self._components = self._made_of(found, self._ports)
        try:
            self._bring_up(*self._components)
        except BaseException:
            self._end()
            raise

    def stop(self) -> None:
        """End everything; what was started with `keep` starts again with its objects."""
        self._end()
        if not self._keep and self._layout.home.exists():
            self._layout.remove()

    def check(self) -> None:
        """ComponentFailed if one of them ended by itself."""
        for component in self._components:
            if not component.is_running:
                raise component.failure("ended")

    @property
    def url(self) -> str:
        return self._chosen.api_url

    @property
    def ca_file(self) -> Path:
        return self._layout.certificate

    @property
    def key_file(self) -> Path:
        """Of the server's certificate, for whoever stands in front of it on the same host."""
        return self._layout.certificate_key

    @property
    def admin_kubeconfig(self) -> Path:
        return self._layout.kubeconfig(ADMIN)

    @property
    def admin(self) -> Api:
        return Api(self._access(ADMIN))

    def log(self, component: str) -> Path:
        return self._layout.log(component)

    def kubeconfig_for(
        self, namespace: str, service_account: str, server: str | None = None, ca_file: Path | None = None
    ) -> Path:
        """A fresh token of that ServiceAccount, to use here or through a proxy."""
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{service_account}/token"
        made = self.admin.create(path, {"spec": {"expirationSeconds": DAY}})
        access = Access(server or self.url, ca_file or self.ca_file, service_account, made["status"]["token"])
        name = f"{namespace}.{service_account}.{secrets.token_hex(4)}"
        return access.write_kubeconfig(self._layout.kubeconfig(name), namespace)

    def kubectl(
        self, *args: str, input: str | None = None, check: bool = True, kubeconfig: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """As admin unless told otherwise."""
        done = kubectl(kubeconfig or self.admin_kubeconfig, self._layout.kubectl_cache, args, input)
        if check and done.returncode != 0:
            raise KubectlFailed(f"kubectl {' '.join(args)} ended with {done.returncode}: {done.stderr or done.stdout}")
        return done

    def kill_apiserver(self) -> None:
        self._apiserver.kill()

    def stop_apiserver(self) -> None:
        self._apiserver.stop()

    def start_apiserver(self) -> None:
        """Where it was, with what it knew."""
        self._apiserver.start()
        self._apiserver.wait_until(self._is_ready, PATIENCE)

    def restart_apiserver(self) -> None:
        self.stop_apiserver()
        self.start_apiserver()

    def snapshot(self) -> Path:
        """What etcd holds now, for `restore`. Everything is stopped for it, and started again."""
        self._halt()
        kept = self._layout.etcd.with_name("etcd-snapshot")
        shutil.rmtree(kept, ignore_errors=True)
        shutil.copytree(self._layout.etcd, kept)
        self._bring_up(*self._components)
        return kept

    def restore(self, snapshot: Path) -> None:
        """Bring etcd back to a snapshot, as after a disaster: resource versions go back with it."""
        self._halt()
        shutil.rmtree(self._layout.etcd)
        shutil.copytree(snapshot, self._layout.etcd)
        self._bring_up(*self._components)

    def _halt(self) -> None:
        for component in reversed(self._components):
            component.stop()

    def compact(self) -> None:
        """Forget history up to now.

        etcd does at once. A running API server answers from its watch cache until it looks again, every 15 s; a
        restarted one has nothing to answer from.
        """
        etcd.compact(self._chosen.etcd_url)

    def stored(self, prefix: str) -> dict[str, str]:
        """Custom resources as etcd holds them: JSON by key."""
        return etcd.objects(self._chosen.etcd_url, prefix)

    def store(self, content: Iterable[tuple[str, str]]) -> None:
        """Write objects past the API server, as a restored backup does. Nothing validates them."""
        left = iter(content)
        while some := dict(islice(left, 100)):
            etcd.put(self._chosen.etcd_url, some)

    def audit_since(self, position: int = 0) -> tuple[list[dict[str, Any]], int]:
        """Whole entries after that byte, and the byte after them; an answer may overtake its entry by a moment."""
        with self._layout.audit_log.open("rb") as log:
            log.seek(position)
            whole, end, _ = log.read().rpartition(b"\n")
        return [json.loads(line) for line in whole.splitlines()], position + len(whole) + len(end)

    @property
    def _chosen(self) -> commands.Ports:
        if self._ports is None:
            raise ComponentFailed("the control plane was not started")
        return self._ports

    @property
    def _apiserver(self) -> Component:
        if not self._components:
            raise ComponentFailed("the control plane was not started")
        return self._components[1]

    def _access(self, user: str) -> Access:
        return Access(self.url, self.ca_file, user, self._tokens[user])

    def _made_of(self, found: Programs, ports: commands.Ports) -> list[Component]:
        layout = self._layout
        lines = {
            "etcd": commands.etcd(found.etcd, layout, ports),
            "kube-apiserver": commands.apiserver(found.kube_apiserver, layout, ports),
            "kube-controller-manager": commands.controller_manager(found.kube_controller_manager, layout),
        }
        return [Component(name, line, layout.log(name)) for name, line in lines.items()]

    def _bring_up(self, store: Component, apiserver: Component, controllers: Component) -> None:
        store.start()
        store.wait_until(lambda: etcd.is_healthy(self._chosen.etcd_url), PATIENCE)
        apiserver.start()
        apiserver.wait_until(self._is_ready, PATIENCE)
        for user in self._tokens:
            self._access(user).write_kubeconfig(self._layout.kubeconfig(user))
        controllers.start()
        controllers.wait_until(self._has_controllers, PATIENCE)

    def _is_ready(self) -> bool:
        try:
            return self.ca_file.exists() and self.admin.request("GET", "/readyz").status == HTTPStatus.OK
        except OSError:
            return False

    def _has_controllers(self) -> bool:
        """The first thing one of them makes is there."""
        path = "/api/v1/namespaces/default/serviceaccounts/default"
        return self.admin.request("GET", path).status == HTTPStatus.OK

    def _end(self) -> None:
        for component in reversed(self._components):
            if self._keep:
                component.stop()
            else:
                component.kill()
