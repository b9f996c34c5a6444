"""Reads and writes one Lease. A write fails if the Lease has changed since it was read."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Self

from assistant_operator.api.meta import FreeForm

from .objects import reading
from .transport import ApiServer, Call, ClusterRefused


@dataclass(frozen=True, slots=True)
class Lease:
    """The fields of a coordination.k8s.io/v1 Lease that leader election uses."""

    holder: str
    duration: float
    """Seconds."""
    acquired: datetime
    renewed: datetime
    transitions: int
    resource_version: str = ""

    @classmethod
    def held_by(cls, holder: str, duration: float, now: datetime, *, before: "Lease | None") -> Self:
        """Return the Lease with that holder, to be written over `before`."""
        stays = before is not None and before.holder == holder
        return cls(
            holder,
            duration,
            acquired=before.acquired if before and stays else now,
            renewed=now,
            transitions=(before.transitions + (not stays)) if before else 0,
            resource_version=before.resource_version if before else "",
        )

    def released(self, now: datetime) -> Self:
        return replace(self, holder="", duration=1.0, renewed=now)


class Leases:
    """The client of one Lease."""

    def __init__(self, server: ApiServer, namespace: str, name: str) -> None:
        self._server = server
        self._namespace = namespace
        self._name = name

    async def read(self) -> Lease | None:
        call = Call("GET", self._path(self._name))
        try:
            return _parsed(call, await self._server.send(call, timeout=5))
        except ClusterRefused as refused:
            if refused.status.code == 404:
                return None
            raise

    async def write(self, lease: Lease, *, timeout: float = 5.0) -> Lease | None:
        """Write and return the Lease; None if another client has written or deleted it. `timeout`: seconds."""
        method, path = ("PUT", self._path(self._name)) if lease.resource_version else ("POST", self._path(""))
        call = Call(method, path, body=self._manifest(lease))
        try:
            written = await self._server.send(call, timeout=timeout)
        except ClusterRefused as refused:
            if refused.status.code == 409 or (method == "PUT" and refused.status.code == 404):
                return None
            raise
        return replace(lease, resource_version=_parsed(call, written).resource_version)

    def _path(self, name: str) -> str:
        return f"/apis/coordination.k8s.io/v1/namespaces/{self._namespace}/leases" + (f"/{name}" if name else "")

    def _manifest(self, lease: Lease) -> FreeForm:
        version = {"resourceVersion": lease.resource_version} if lease.resource_version else {}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self._name, "namespace": self._namespace, **version},
            "spec": {
                "holderIdentity": lease.holder,
                "leaseDurationSeconds": int(lease.duration),
                "acquireTime": _micro(lease.acquired),
                "renewTime": _micro(lease.renewed),
                "leaseTransitions": lease.transitions,
            },
        }


def _micro(time: datetime) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _parsed(call: Call, found: FreeForm) -> Lease:
    with reading(call):
        spec = found.get("spec") or {}
        renewed = datetime.fromisoformat(spec.get("renewTime") or "1970-01-01T00:00:00+00:00")
        return Lease(
            holder=spec.get("holderIdentity") or "",
            duration=float(spec.get("leaseDurationSeconds") or 0),
            acquired=datetime.fromisoformat(spec.get("acquireTime") or renewed.isoformat()),
            renewed=renewed,
            transitions=int(spec.get("leaseTransitions") or 0),
            resource_version=found["metadata"]["resourceVersion"],
        )
