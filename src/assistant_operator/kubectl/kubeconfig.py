"""Address, credentials and namespace of the cluster: from the connection flags, else from the kubeconfig."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from assistant_operator.clients.kubernetes import kubeconfig
from assistant_operator.clients.kubernetes.configuration import Configuration, pod_namespace, service_account
from assistant_operator.clients.kubernetes.transport import ApiServer, Call


@dataclass(frozen=True, slots=True)
class ConnectionFlags:
    """The flags that choose cluster and user; None: as the kubeconfig has it."""

    kubeconfig: str | None = None
    context: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """Address and credentials of a cluster, and the default namespace."""

    configuration: Configuration
    namespace: str = "default"
    headers: Mapping[str, str] = field(default_factory=dict)

    def server(self, log: Callable[[str], None] | None = None) -> ApiServer:
        """`log`: is called with a line for each request."""
        if log:
            return _LoggingApiServer(log, self.configuration, headers=self.headers)
        return ApiServer(self.configuration, headers=self.headers)


class _LoggingApiServer(ApiServer):
    """Logs each request with its duration."""

    def __init__(self, log: Callable[[str], None], configuration: Configuration, **options: Any) -> None:
        super().__init__(configuration, **options)
        self._log, self._host = log, configuration.host

    async def send(self, call: Call, *, timeout: float = 30.0) -> dict[str, Any]:
        started = time.monotonic()
        try:
            return await super().send(call, timeout=timeout)
        finally:
            self._log(f"{call.method} {self._host}{call.url} in {(time.monotonic() - started) * 1000:.0f} ms")


async def access(flags: ConnectionFlags) -> Access:
    """Read the kubeconfig, and run its exec plugin if it names one. Raises ValueError with a message for the user."""
    if _is_in_pod(flags):
        return Access(service_account(), pod_namespace(), _impersonation(flags.user))
    paths = files(flags)
    if not kubeconfig.exist(paths):
        raise ValueError(f"there is no kubeconfig at {paths}: set KUBECONFIG, or say --kubeconfig")
    if flags.context and flags.context not in contexts(flags):
        raise ValueError(f"context {flags.context!r} does not exist in {paths}")
    found, context = await kubeconfig.load(paths, flags.context)
    user = kubeconfig.user(paths, context.get("user"))
    if "exec" in user and not found.authorization and not found.certificate:
        raise ValueError(
            f"the credential plugin {user['exec'].get('command')!r} that {paths} names gave no credentials"
        )
    if not flags.user and {"as-groups", "as-uid", "as-user-extra"} & user.keys():
        raise ValueError(f"{paths} impersonates more than a name: that is beyond this plugin; say --as")
    return Access(found, context.get("namespace") or "default", _impersonation(flags.user or user.get("as")))


def contexts(flags: ConnectionFlags) -> list[str]:
    """Names of the contexts; empty if no kubeconfig can be read."""
    paths = files(flags)
    return kubeconfig.contexts(paths) if kubeconfig.exist(paths) else []


def files(flags: ConnectionFlags) -> str:
    """Paths of the kubeconfig files, separated as in KUBECONFIG."""
    return flags.kubeconfig or kubeconfig.default_paths()


def _is_in_pod(flags: ConnectionFlags) -> bool:
    is_chosen = flags.kubeconfig or flags.context or "KUBECONFIG" in os.environ
    return not is_chosen and "KUBERNETES_SERVICE_HOST" in os.environ and not Path(files(flags)).exists()


def _impersonation(user: str | None) -> dict[str, str]:
    return {"Impersonate-User": user} if user else {}
