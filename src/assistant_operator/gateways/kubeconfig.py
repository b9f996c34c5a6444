"""Where a person's cluster is, who they are and which namespace is theirs: kubeconfig, then the flags they typed."""

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from kubernetes.aio import client, config
from kubernetes.aio.config.kube_config import KubeConfigMerger

from .api_server import ApiServer, Call
from .connection import UNREADABLE, configuration, find_proxy, telling

_POD_NAMESPACE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


@dataclass(frozen=True, slots=True)
class Wish:
    """What a person typed about the connection; None where they left it to their kubeconfig."""

    kubeconfig: str | None = None
    context: str | None = None
    user: str | None = None


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach a cluster, as whom, and in which namespace they are unless they say otherwise."""

    configuration: client.Configuration
    namespace: str = "default"
    headers: Mapping[str, str] = field(default_factory=dict)

    def server(self, tell: Callable[[str], None] | None = None) -> ApiServer:
        """`tell`: hears of each request."""
        if tell:
            return _ToldServer(tell, self.configuration, headers=self.headers)
        return ApiServer(self.configuration, headers=self.headers)


class _ToldServer(ApiServer):
    """Says what it asks, and how long the answer took."""

    def __init__(self, tell: Callable[[str], None], configuration: client.Configuration, **told: Any) -> None:
        super().__init__(configuration, **told)
        self._tell, self._host = tell, configuration.host

    async def send(self, call: Call, *, timeout: float = 30.0) -> dict[str, Any]:
        started = time.monotonic()
        try:
            return await super().send(call, timeout=timeout)
        finally:
            self._tell(f"{call.method} {self._host}{call.url} in {(time.monotonic() - started) * 1000:.0f} ms")


async def access(wish: Wish) -> Access:
    """Asks the exec plugin that a kubeconfig names. Raises ValueError, with words for the person."""
    if _is_in_pod(wish):
        return Access(await configuration(), _pod_namespace(), _impersonation(wish.user))
    found, where = client.Configuration(), files(wish)
    if not _is_there(where):
        raise ValueError(f"there is no kubeconfig at {where}: set KUBECONFIG, or say --kubeconfig")
    if wish.context and wish.context not in contexts(wish):
        raise ValueError(f"context {wish.context!r} does not exist in {where}")
    with telling(where):
        loader = await config.load_kube_config(  # type: ignore[no-untyped-call]
            where, wish.context, client_configuration=found, persist_config=False
        )
        context = loader.current_context["context"]
        said = _user(where, context.get("user"))
    find_proxy(found)
    if "exec" in said and not found.api_key and not found.cert_file:
        raise ValueError(
            f"the credential plugin {said['exec'].get('command')!r} that {where} names gave no credentials"
        )
    if not wish.user and {"as-groups", "as-uid", "as-user-extra"} & said.keys():
        raise ValueError(f"{where} impersonates more than a name: that is beyond this plugin; say --as")
    return Access(found, context.get("namespace") or "default", _impersonation(wish.user or said.get("as")))


def _pod_namespace() -> str:
    return _POD_NAMESPACE.read_text().strip() if _POD_NAMESPACE.exists() else "default"


def contexts(wish: Wish) -> list[str]:
    """Their names; none where no kubeconfig can be read."""
    if not _is_there(where := files(wish)):
        return []
    try:
        return [each["name"] for each in KubeConfigMerger(where).config.value["contexts"]]  # type: ignore[no-untyped-call]
    except (*UNREADABLE, KeyError):
        return []


def files(wish: Wish) -> str:
    """The kubeconfig files, as KUBECONFIG spells several."""
    return wish.kubeconfig or os.environ.get("KUBECONFIG") or str(Path("~/.kube/config").expanduser())


def _is_there(where: str) -> bool:
    return any(Path(each).expanduser().exists() for each in where.split(os.pathsep) if each)


def _is_in_pod(wish: Wish) -> bool:
    told = wish.kubeconfig or wish.context or "KUBECONFIG" in os.environ
    return not told and "KUBERNETES_SERVICE_HOST" in os.environ and not Path(files(wish)).exists()


def _user(where: str, name: str | None) -> dict[str, Any]:
    """What the kubeconfig says of that user."""
    users = KubeConfigMerger(where).config.value["users"]  # type: ignore[no-untyped-call]
    return next((each.value.get("user") or {} for each in users if each["name"] == name), {})


def _impersonation(user: str | None) -> dict[str, str]:
    return {"Impersonate-User": user} if user else {}
