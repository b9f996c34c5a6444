"""Address, CA, proxy and credentials of an API server, and how the operator finds them.

This module imports little: a kubeconfig is read while the rest of the operator is still being imported.
"""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistant_operator.clients.http.proxies import Proxies, Proxy

_READER = f"{__package__}.kubeconfig"
SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(slots=True)
class Configuration:
    """How to reach an API server."""

    host: str = "http://localhost"
    authorization: str | None = field(default=None, repr=False)
    """The value of the header Authorization."""
    token_file: str | None = None
    """Where the token is read again: the kubelet writes a new one before that of a service account expires."""
    ca: str | None = None
    """Certificates (PEM) to trust; without them, those of the system."""
    certificate: str | None = None
    key: str | None = field(default=None, repr=False)
    """The client's certificate and its key (PEM)."""
    verify: bool = True
    tls_server_name: str | None = None
    proxy: str | None = field(default=None, repr=False)
    """After `find_proxy` without credentials."""
    proxy_headers: Mapping[str, str] = field(default_factory=dict, repr=False)

    def find_proxy(self, environ: Mapping[str, str] = os.environ) -> None:
        """Set the proxy as kubectl does: `proxy-url` of the kubeconfig, else the environment. Raises ValueError."""
        if self.proxy:
            proxy: Proxy | None = Proxy.parsed(self.proxy, "proxy-url in the kubeconfig")
        else:
            proxy = Proxies.from_environment(environ).of(self.host)
        if proxy:
            self.proxy, self.proxy_headers = proxy.url, proxy.headers


Load = Callable[[], Awaitable[Configuration]]


class ConfigurationLoader:
    """Loads KUBECONFIG, else the pod's service account, else ~/.kube/config.

    A kubeconfig is read in a process of its own. The package kubernetes, which knows credential plugins and OIDC, takes
    16 MB of memory, and 0.3 s to be imported. The process is started at once, and again for each later load.
    """

    def __init__(self) -> None:
        self._process = None if _is_in_pod() else _start()

    async def __call__(self) -> Configuration:
        """Raises ValueError with a message for the user."""
        if _is_in_pod():
            return service_account()
        process, self._process = self._process or _start(), None
        return await _finish(process)


def undetermined(source: str, reason: object) -> ValueError:
    """Return the error for a configuration that cannot be used. `source`: where it was read."""
    return ValueError(f"cannot determine from {source} how to reach a cluster: {reason}")


def service_account(directory: Path = SERVICE_ACCOUNT, environ: Mapping[str, str] = os.environ) -> Configuration:
    """Return the configuration that each pod gets. Raises ValueError."""
    host, port = environ.get("KUBERNETES_SERVICE_HOST"), environ.get("KUBERNETES_SERVICE_PORT")
    token_file = directory / "token"
    try:
        if not host or not port:
            raise ValueError("KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not both set")  # noqa: TRY301
        found = Configuration(
            f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
            authorization=read_token(token_file),
            token_file=str(token_file),
            ca=(directory / "ca.crt").read_text(),
        )
    except (OSError, ValueError) as error:
        raise undetermined("the pod's service account", error) from None
    found.find_proxy(environ)
    return found


def pod_namespace(directory: Path = SERVICE_ACCOUNT) -> str:
    """Return the namespace of this pod; `default` outside a cluster."""
    try:
        return (directory / "namespace").read_text().strip() or "default"
    except OSError:
        return "default"


def read_token(file: Path) -> str:
    """Return the value of Authorization. Raises OSError, and ValueError for an empty file."""
    if token := file.read_text().strip():
        return f"Bearer {token}"
    raise ValueError(f"{file} is empty")


def _is_in_pod() -> bool:
    return "KUBECONFIG" not in os.environ and "KUBERNETES_SERVICE_HOST" in os.environ


def _start() -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", _READER], stdout=subprocess.PIPE)  # noqa: S603 (no user's input)


async def _finish(process: subprocess.Popen[bytes]) -> Configuration:
    try:
        output, _ = await asyncio.to_thread(process.communicate)
    finally:
        if process.poll() is None:
            process.kill()
    try:
        answer = json.loads(output)
    except ValueError:
        raise ValueError(f"the kubeconfig could not be read: {_READER} ended with {process.returncode}") from None
    if isinstance(answer, str):
        raise ValueError(answer)  # noqa: TRY004 (the message of an error)
    return Configuration(**answer)
