"""One cluster behind one interface, real or simulated: restarts, compaction, snapshots, users, policies."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from .client import Api

Json = dict[str, Any]


@dataclass(frozen=True)
class Refusal:
    """A ValidatingAdmissionPolicy that is bound to one namespace: as CEL, and as what CEL says."""

    plural: str
    operations: tuple[str, ...]
    expression: str
    """CEL over `object`; what is false is refused."""
    allows: Callable[[Json], bool]
    """The same over the new object."""
    message: str


@dataclass(frozen=True)
class Rights:
    """What a user may do in one namespace."""

    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]
    names: tuple[str, ...] = ()
    """Of the objects that it is about; empty for all."""

    def rule(self) -> Json:
        """As a Role says it."""
        names = {"resourceNames": list(self.names)} if self.names else {}
        return {"apiGroups": [self.group], "resources": list(self.resources), "verbs": list(self.verbs), **names}


class Cluster(Protocol):
    """What a test may do to the cluster that it runs on."""

    def api(self, namespace: str) -> Api:
        """The first API server, as admin."""
        ...

    async def restart(self) -> None:
        """Stop the API server and start it again, with an empty watch cache."""
        ...

    async def compact(self) -> None:
        """Forget all history up to now, also where a running API server would still hold it."""
        ...

    async def snapshot(self) -> object:
        """What etcd holds."""
        ...

    async def restore(self, snapshot: object) -> None:
        """Put that back, and start everything anew."""
        ...

    async def second_url(self) -> str:
        """Another API server before the same etcd."""
        ...

    async def user(self, namespace: str, name: str, rights: Rights | None = None) -> str:
        """The token of a ServiceAccount with these rights and no others."""
        ...

    async def revoke(self, namespace: str, name: str) -> None:
        """Take the rights of that user away again."""
        ...

    def quota(self, namespace: str, name: str, resource: str, hard: int) -> AbstractAsyncContextManager[None]:
        """While it is open, so many more objects of that resource (plural and group) can be created there."""
        ...

    def policy(self, namespace: str, name: str, refusal: Refusal) -> AbstractAsyncContextManager[None]:
        """While it is open, that is refused there."""
        ...
