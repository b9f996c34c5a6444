"""From a reference to a server to a way to speak to it: the key and the certificates in Secrets and ConfigMaps."""

import asyncio
import ssl
from dataclasses import dataclass
from typing import Literal

from ..resources.assistant import Copy
from .api_server import ClusterRefused
from .cluster import Cluster
from .langgraph import Endpoint

REMEMBERED = 10.0
"""Seconds a value that was read is used: a rotated key is picked up after that at the latest."""


class CredentialsMissing(Exception):
    """What a reference names is not there, or is not what it should be."""


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

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._read: dict[_Entry, tuple[float, str]] = {}

    async def endpoint(self, namespace: str, copy: Copy) -> Endpoint:
        """How to speak to the server of `copy`. Raises CredentialsMissing, ClusterUnavailable."""
        key, bundle = copy.api_key_secret_ref, copy.ca_bundle_ref
        return Endpoint(
            copy.server,
            key=await self._header(_Entry("Secret", namespace, key.name, key.key)) if key else None,
            authorities=await self._bundle(_Entry(bundle.kind, namespace, bundle.name, bundle.key)) if bundle else None,
        )

    def forget(self) -> None:
        """Read everything anew: a server did not take what was read."""
        self._read.clear()

    async def _header(self, entry: _Entry) -> str:
        value = (await self._value(entry)).strip()
        if not value or not value.isascii() or not value.isprintable():
            self._read.pop(entry)
            raise CredentialsMissing(f"{entry} is not a key that a header can hold")
        return value

    async def _bundle(self, entry: _Entry) -> str:
        value = await self._value(entry)
        try:
            ssl.create_default_context(cadata=value)
        except (ssl.SSLError, TypeError, ValueError) as error:
            self._read.pop(entry)
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
            raise CredentialsMissing(f"{entry} cannot be read: {refused}") from refused
        except ValueError as error:
            raise CredentialsMissing(f"{entry} is not text") from error
        if found is None:
            raise CredentialsMissing(f"{entry} does not exist")
        self._read = {known: each for known, each in self._read.items() if now - each[0] < REMEMBERED}
        self._read[entry] = (now, found)
        return found
