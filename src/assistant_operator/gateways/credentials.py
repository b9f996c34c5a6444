"""From a reference to a server to a way to speak to it: the key and the certificates in Secrets and ConfigMaps."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from ..resources.assistant import Copy
from ..resources.reason import Reason
from .api_server import ClusterRefused
from .cluster import Cluster
from .grants import DEFAULT_ROLE, missing_grant
from .wire import Endpoint, ServerTrouble

REMEMBERED = 10.0
"""Seconds a value that was read is used: a rotated key is picked up after that at the latest."""


class CredentialsMissing(ServerTrouble):
    """What a reference names is not there, or is not what it should be."""

    reason = Reason.CREDENTIALS_NOT_FOUND


class CredentialsForbidden(CredentialsMissing):
    """The operator has no right to read what a reference names."""

    reason = Reason.CREDENTIALS_FORBIDDEN


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: Literal["Secret", "ConfigMap"]
    namespace: str
    name: str
    key: str

    def __str__(self) -> str:
        return f"key '{self.key}' of {self.kind} '{self.name}' in namespace '{self.namespace}'"


class Credentials:
    """Reads what it is asked for, when it is asked, and keeps it for seconds. No value of it is ever told."""

    def __init__(self, cluster: Cluster, role: str = DEFAULT_ROLE) -> None:
        """`role`: the one that allows to read Secrets and ConfigMaps, as grants.checked_role returns it."""
        self._cluster = cluster
        self._role = role
        self._read: dict[_Entry, tuple[float, str]] = {}
        self._last: dict[_Entry, str] = {}

    async def endpoint(self, namespace: str, copy: Copy) -> Endpoint:
        """How to speak to the server of `copy`. Raises CredentialsMissing, ClusterUnavailable."""
        return await self._endpoint(namespace, copy, self._value)

    async def last_endpoint(self, namespace: str, copy: Copy) -> Endpoint:
        """The same for a farewell: a namespace that goes may take its Secrets first, so what they said last holds."""
        return await self._endpoint(namespace, copy, self._last_value)

    async def _endpoint(self, namespace: str, copy: Copy, read: Callable[[_Entry], Awaitable[str]]) -> Endpoint:
        key, bundle = copy.api_key_secret_ref, copy.ca_bundle_ref
        entries = (
            _Entry("Secret", namespace, key.name, key.key) if key else None,
            _Entry(bundle.kind, namespace, bundle.name, bundle.key) if bundle else None,
        )
        return Endpoint(
            copy.server,
            key=self._header(entries[0], await read(entries[0])) if entries[0] else None,
            authorities=self._bundle(entries[1], await read(entries[1])) if entries[1] else None,
        )

    def forget(self) -> None:
        """Read everything anew: a server did not take what was read."""
        self._read.clear()

    def _header(self, entry: _Entry, value: str) -> str:
        value = value.strip()
        if not value or not value.isascii() or not value.isprintable():
            self._read.pop(entry, None)
            raise CredentialsMissing(f"{entry} is not a key that a header can hold")
        return value

    def _bundle(self, entry: _Entry, value: str) -> str:
        try:
            ssl.create_default_context(cadata=value)
        except (ssl.SSLError, TypeError, ValueError) as error:
            self._read.pop(entry, None)
            raise CredentialsMissing(f"{entry} holds no certificates (PEM)") from error
        return value

    async def _value(self, entry: _Entry) -> str:
        now = asyncio.get_running_loop().time()
        when, value = self._read.get(entry, (-REMEMBERED, ""))
        if now - when < REMEMBERED:
            return value
        try:
            found = await self._cluster.value(entry.kind, (entry.namespace, entry.name), entry.key)
        except ClusterRefused as refused:
            if refused.status.code == 403:
                grant = missing_grant(self._role, entry.namespace, refused.status.message)
                raise CredentialsForbidden(f"{entry} cannot be read: {grant}") from refused
            raise CredentialsMissing(f"{entry} cannot be read: {refused}") from refused
        except ValueError as error:
            raise CredentialsMissing(f"{entry} is not text") from error
        if found is None:
            raise CredentialsMissing(f"{entry} does not exist")
        self._read = {known: each for known, each in self._read.items() if now - each[0] < REMEMBERED}
        self._read[entry], self._last[entry] = (now, found), found
        return found

    async def _last_value(self, entry: _Entry) -> str:
        try:
            return await self._value(entry)
        except CredentialsMissing:
            if entry not in self._last:
                raise
            return self._last[entry]
