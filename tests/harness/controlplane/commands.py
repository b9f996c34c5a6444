"""The command line of each component; nothing here listens beyond loopback."""

import socket
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from .layout import CONTROLLERS, Layout

LOOPBACK = "127.0.0.1"
RUN = (
    "clusterrole-aggregation-controller",
    "garbage-collector-controller",
    "namespace-controller",
    "serviceaccount-controller",
    "statefulset-controller",
    "validatingadmissionpolicy-status-controller",
)


@dataclass(frozen=True)
class Ports:
    """Free ones when they were looked for."""

    etcd: int
    peers: int
    api: int

    @classmethod
    def free(cls) -> Self:
        with ExitStack() as held:
            sockets = [held.enter_context(socket.create_server((LOOPBACK, 0))) for _ in range(3)]
            return cls(*(each.getsockname()[1] for each in sockets))

    @property
    def etcd_url(self) -> str:
        return f"http://{LOOPBACK}:{self.etcd}"

    @property
    def peers_url(self) -> str:
        return f"http://{LOOPBACK}:{self.peers}"

    @property
    def api_url(self) -> str:
        return f"https://{LOOPBACK}:{self.api}"


def etcd(program: Path, layout: Layout, ports: Ports) -> list[str]:
    return [
        str(program),
        f"--data-dir={layout.etcd}",
        f"--listen-client-urls={ports.etcd_url}",
        f"--advertise-client-urls={ports.etcd_url}",
        f"--listen-peer-urls={ports.peers_url}",
        f"--initial-advertise-peer-urls={ports.peers_url}",
        f"--initial-cluster=default={ports.peers_url}",
        "--unsafe-no-fsync",
    ]


def apiserver(program: Path, layout: Layout, ports: Ports) -> list[str]:
    return [
        str(program),
        f"--etcd-servers={ports.etcd_url}",
        f"--bind-address={LOOPBACK}",
        f"--secure-port={ports.api}",
        # A loopback address is only accepted where nobody makes an Endpoints object of it.
        f"--advertise-address={LOOPBACK}",
        "--endpoint-reconciler-type=none",
        f"--cert-dir={layout.certificates}",
        "--service-cluster-ip-range=10.0.0.0/24",
        "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
        f"--service-account-key-file={layout.signing_key}",
        f"--service-account-signing-key-file={layout.signing_key}",
        "--authorization-mode=RBAC",
        f"--token-auth-file={layout.tokens}",
        "--disable-admission-plugins=ServiceAccount",
        "--watch-cache=true",
        # Without it a stopping server waits a minute for watches to end by themselves.
        "--shutdown-watch-termination-grace-period=3s",
        "--max-requests-inflight=3000",
        "--max-mutating-requests-inflight=1000",
        f"--audit-policy-file={layout.audit_policy}",
        f"--audit-log-path={layout.audit_log}",
        "--audit-log-format=json",
        # In megabytes: a log that rotates would move under those who remember a position in it.
        "--audit-log-maxsize=1000000",
    ]


def controller_manager(program: Path, layout: Layout) -> list[str]:
    return [
        str(program),
        f"--kubeconfig={layout.kubeconfig(CONTROLLERS)}",
        f"--controllers={','.join(RUN)}",
        "--leader-elect=false",
        "--use-service-account-credentials=false",
        "--secure-port=0",
        "--kube-api-qps=2000",
        "--kube-api-burst=4000",
        "--concurrent-statefulset-syncs=20",
    ]
