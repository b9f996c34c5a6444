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
class _Exclusion:
    """One entry of NO_PROXY: an address, a network or a domain. With a port it applies to that port only."""

    network: _Network | None = None
    domain: str = ""
    """With its leading dot."""
    is_domain_itself: bool = False
    port: int | None = None

    @classmethod
    def parsed(cls, entry: str) -> "_Exclusion | None":
        if network := _network(entry):
            return cls(network)
        host, port = _host_and_port(entry)
        if network := _network(host):
            return cls(network, port=port)
        domain = host.removeprefix("*").rstrip(".")
        if not domain.strip("."):
            return None
        return cls(domain=f".{domain.lstrip('.')}", is_domain_itself=not domain.startswith("."), port=port)

    def matches(self, host: str, port: int, address: _Address | None) -> bool:
        if self.port not in (None, port):
            return False
        if self.network or address:
            return self.network is not None and address is not None and address in self.network
        return host.endswith(self.domain) or (self.is_domain_itself and host == self.domain[1:])


@dataclass(frozen=True, slots=True)
class Proxies:
    """The proxies that the environment defines."""

    http: str = field(default="", repr=False)
    https: str = field(default="", repr=False)
    excluded: tuple[_Exclusion, ...] = ()
    excludes_all: bool = False

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> Self:
        """Read each variable by its name in capitals, otherwise in small letters."""
        http, https, no = (
            environ.get(name) or environ.get(name.lower(), "") for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")
        )
        entries = [entry for entry in re.split(r"[,\s]+", no.lower()) if entry]
        parsed = (_Exclusion.parsed(entry) for entry in entries)
        return cls(http, https, tuple(exclusion for exclusion in parsed if exclusion), "*" in entries)

    def of(self, url: str) -> Proxy | None:
        """Return the proxy for requests to `url`, or None. Raises ValueError if the defined proxy cannot be used."""
        parts = urlsplit(url)
        proxy = {"http": self.http, "https": self.https}.get(parts.scheme)
        if not proxy or self._is_excluded((parts.hostname or "").rstrip("."), parts.port or _PORTS[parts.scheme]):
            return None
        return Proxy.parsed(proxy, f"{parts.scheme.upper()}_PROXY")

    def _is_excluded(self, host: str, port: int) -> bool:
        address = _address(host)
        if host == "localhost" or (address and address.is_loopback) or self.excludes_all:
            return True
        return any(exclusion.matches(host, port, address) for exclusion in self.excluded)


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
