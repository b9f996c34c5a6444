"""Reads the API key and the CA bundle of a LangGraph Server from Secrets and ConfigMaps."""

import asyncio
from dataclasses import dataclass
from typing import Literal

from assistant_operator.api.assistant import Copy
from assistant_operator.api.reason import Reason
from assistant_operator.clients.expiring import Expiring
from assistant_operator.clients.http import tls
from assistant_operator.clients.langgraph.transport import Endpoint, ServerTrouble

from .cluster import Cluster
from .grants import DEFAULT_ROLE, missing_grant
from .transport import ClusterRefused

FRESH = 5.0
"""Seconds until a value is read again: the longest delay until a rotated key is used."""
REMEMBERED = 10.0
"""Seconds until a value is removed from memory."""
_MOST = 10_000


class CredentialsMissing(ServerTrouble):
    """The referenced entry does not exist, or its value is invalid."""

    reason = Reason.CREDENTIALS_NOT_FOUND


class CredentialsForbidden(CredentialsMissing):
    """The operator has no permission to read the referenced object."""

    reason = Reason.CREDENTIALS_FORBIDDEN


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Literal["Secret", "ConfigMap"]
    namespace: str
    name: str
    key: str
    use: Literal["header", "bundle"]

    def __str__(self) -> str:
        return f"key '{self.key}' of {self.kind} '{self.name}' in namespace '{self.namespace}'"

    def checked(self, value: str) -> str:
        """Return the value in its usable form. Raises CredentialsMissing, without the value in the message."""
        match self.use:
            case "header":
                value = value.strip()
                if not value or not value.isascii() or not value.isprintable():
                    raise CredentialsMissing(f"{self} is not a key that a header can hold")
            case "bundle":
                try:
                    tls.of_bundle(value)
                except ValueError:
                    raise CredentialsMissing(f"{self} holds no certificates (PEM)") from None
        return value


class Credentials:
    """Reads credentials on demand and caches them for seconds. No log and no message contains a value."""

    def __init__(self, cluster: Cluster, role: str = DEFAULT_ROLE) -> None:
        """`role`: the role that permits reading Secrets and ConfigMaps, as grants.checked_role returns it."""
        self._cluster = cluster
        self._role = role
        self._read: Expiring[_Entry, tuple[str, float]] = Expiring(REMEMBERED, _MOST)
        """The value, and when it was read, in seconds of the event loop."""

    async def endpoint(self, namespace: str, copy: Copy) -> Endpoint:
        """Return the endpoint of the server of `copy`. Raises CredentialsMissing, ClusterUnavailable."""
        return await self._endpoint(namespace, copy, is_last=False)

    async def endpoint_for_withdrawal(self, namespace: str, copy: Copy) -> Endpoint:
        """Like `endpoint`, for withdrawing a copy. Falls back to the cached value, at most REMEMBERED seconds old.

        A terminating namespace may delete its Secrets before its Assistants.
        """
        return await self._endpoint(namespace, copy, is_last=True)

    def forget(self, namespace: str, copy: Copy) -> None:
        """Drop the cached credentials of `copy`, because its server refused them."""
        for entry in _entries(namespace, copy):
            if entry:
                self._read.pop(entry, None)

    async def _endpoint(self, namespace: str, copy: Copy, *, is_last: bool) -> Endpoint:
        key, bundle = _entries(namespace, copy)
        return Endpoint(
            copy.server,
            key=await self._value(key, is_last=is_last) if key else None,
            authorities=await self._value(bundle, is_last=is_last) if bundle else None,
        )

    async def _value(self, entry: _Entry, *, is_last: bool) -> str:
        loop, cached = asyncio.get_running_loop(), self._read.get(entry)
        if cached and loop.time() - cached[1] < FRESH:
            return cached[0]
        try:
            value = entry.checked(await self._found(entry))
        except CredentialsMissing:
            # Read from the cache again: the value may have expired during the request.
            cached = self._read.get(entry) if is_last else None
            if cached is None:
                raise
            return cached[0]
        self._read[entry] = value, loop.time()
        return value

    async def _found(self, entry: _Entry) -> str:
        try:
            found = await self._cluster.read_entry(entry.kind, (entry.namespace, entry.name), entry.key)
        except ClusterRefused as refused:
            if refused.status.code == 403:
                grant = missing_grant(self._role, entry.namespace, refused.status.message)
                raise CredentialsForbidden(f"{entry} cannot be read: {grant}") from refused
            raise CredentialsMissing(f"{entry} cannot be read: {refused}") from refused
        except ValueError:  # its message contains a part of the value
            raise CredentialsMissing(f"{entry} is not text") from None
        if found is None:
            raise CredentialsMissing(f"{entry} does not exist")
        return found


def _entries(namespace: str, copy: Copy) -> tuple[_Entry | None, _Entry | None]:
    """Return the entries of the API key and of the CA bundle."""
    key, bundle = copy.api_key_secret_ref, copy.ca_bundle_ref
    return (
        _Entry("Secret", namespace, key.name, key.key, "header") if key else None,
        _Entry(bundle.kind, namespace, bundle.name, bundle.key, "bundle") if bundle else None,
    )
