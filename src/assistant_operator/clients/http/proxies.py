"""Selects the proxy of a request by HTTP_PROXY, HTTPS_PROXY and NO_PROXY, with the rules of Go (so, of kubectl)."""

import base64
import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Self
from urllib.parse import unquote, urlsplit

_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy. Its credentials are not part of `url` and are never shown."""

    url: str
    authorization: str | None = field(default=None, repr=False)
    """The value of the header Proxy-Authorization."""

    @property
    def headers(self) -> dict[str, str]:
        """The headers for the proxy, which the server must not receive."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}

    @classmethod
    def parsed(cls, url: str, source: str) -> Self:
        """Parse a proxy URL. `source`: its name in messages. Raises ValueError, without the URL's credentials."""
        text = url if "://" in url else f"http://{url}"
        try:
            parts = urlsplit(text)
            host, port = parts.hostname, parts.port
        except ValueError:
            raise ValueError(f"the proxy that {source} names is no URL") from None
        if parts.scheme not in _PORTS:
            raise ValueError(f"the proxy that {source} names speaks {parts.scheme}: only http and https are supported")
        if not host:
            raise ValueError(f"the proxy that {source} names has no host")
        address = f"[{host}]" if ":" in host else host
        credentials = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
        return cls(
            f"{parts.scheme}://{address}" + (f":{port}" if port else ""),
            f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else None,
        )


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that the environment defines."""

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    excluded: tuple[str, ...] = ()
    """Entries of NO_PROXY."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read each variable by its name in capitals, otherwise in small letters."""
        http, https, no = (
            environ.get(name) or environ.get(name.lower(), "") for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        )
        return cls(http, https, tuple(entry for entry in re.split(r"[,\s]+", no.lower()) if entry))

    def of(self, url: str) -> Proxy | None:
        """Return the proxy for requests to `url`, or None. Raises ValueError if the defined proxy cannot be used."""
        parts = urlsplit(url)
        proxy = {"http": self.http, "https": self.https}.get(parts.scheme)
        if not proxy or self._is_excluded((parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]):
            return None
        return Proxy.parsed(proxy, f"{parts.scheme.upper()}_PROXY")

    def _is_excluded(self, host: str, port: int) -> bool:
        address = _address(host)
        if host == "localhost" or (address and address.is_loopback) or "*" in self.excluded:
            return True
        return any(_excludes(entry, host, port, address) for entry in self.excluded)


def _excludes(entry: str, host: str, port: int, address: _Address | None) -> bool:
    """Return whether an entry of NO_PROXY matches: an address, a network or a domain, with or without a port.

    `address`: of `host`, if it is an IP address.
    """
    network, entry_port = _network(entry), None
    if network is None:
        entry, entry_port = _host_and_port(entry)
        network = _network(entry)
    if entry_port not in (None, port):
        return False
    if network or address:
        return network is not None and address is not None and address in network
    domain = entry.removeprefix("*").rstrip(".")
    name = domain.lstrip(".")
    # With a leading dot only subdomains match.
    return bool(name) and (host.endswith(f".{name}") or (host == name and not domain.startswith(".")))


def _address(host: str) -> _Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _network(text: str) -> _Network | None:
    try:
        return ipaddress.ip_network(text.strip("[]"), strict=False)
    except ValueError:
        return None


def _host_and_port(entry: str) -> tuple[str, int | None]:
    host, colon, port = entry.rpartition(":")
    return (host, int(port)) if colon and port.isascii() and port.isdigit() else (entry, None)
