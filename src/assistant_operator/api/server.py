"""`spec.server` of a Graph: the address of a LangGraph Server and references to its credentials."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field

from .meta import Model, Name, bounded, rules

_DEFAULT_PORTS = {"http": 80, "https": 443}

KeyName = Annotated[str, bounded(253, minLength=1, pattern="^[-._a-zA-Z0-9]+$")]


class ServiceRef(Model):
    """A Service of the Graph's namespace."""

    name: Annotated[str, bounded(63, minLength=1, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
    """name of the Service."""
    port: int = Field(json_schema_extra={"minimum": 1, "maximum": 65535, "format": "int32"})
    """port of the Service, 1 to 65535."""
    scheme: Literal["http", "https"] = "http"
    """scheme is http or https."""
    path: Annotated[str, bounded(1024, pattern=r"^(/[^?#\s]*)?$")] = ""
    """path is put before the paths of the Assistants API; it starts with a slash."""


class SecretKeyRef(Model):
    """One key of a Secret of the Graph's namespace."""

    name: Name
    """name of the Secret."""
    key: KeyName
    """key within the Secret."""


class BundleRef(Model):
    """One key of a Secret or a ConfigMap of the Graph's namespace."""

    kind: Literal["Secret", "ConfigMap"]
    """kind is Secret or ConfigMap."""
    name: Name
    """name of the Secret or ConfigMap."""
    key: KeyName
    """key within it; its value is PEM."""


class Server(Model):
    """The LangGraph Server that serves the graph."""

    model_config = rules(
        {
            "rule": "has(self.url) != has(self.serviceRef)",
            "message": "exactly one of url and serviceRef must be set",
        },
        {
            "rule": "!has(self.url) || (isURL(self.url) && url(self.url).getHostname() != '')",
            "message": "url must be http:// or https:// and a host; a port and a path may follow",
            "fieldPath": ".url",
        },
    )

    url: Annotated[str, bounded(2048, pattern=r"^https?://[^/?#@\s]+(/[^?#\s]*)?$")] | None = None
    """url of the server, without user, query or fragment. Exactly one of url and serviceRef."""
    service_ref: ServiceRef | None = None
    """serviceRef names a Service of this namespace instead of a url. Exactly one of url and serviceRef."""
    api_key_secret_ref: SecretKeyRef | None = None
    """apiKeySecretRef names the Secret whose value is sent as the header x-api-key."""
    ca_bundle_ref: BundleRef | None = None
    """caBundleRef names the Secret or ConfigMap with the certificates (PEM) that the server's own is checked against;
    the system's when absent.
    """
    resync_period_seconds: int = Field(
        default=300, json_schema_extra={"minimum": 1, "maximum": 86400, "format": "int32"}
    )
    """resyncPeriodSeconds is how often the server's copies are compared and repaired, in seconds; at least 1."""

    def address(self, namespace: str) -> str:
        """The base URL of the server, without a trailing slash."""
        if self.service_ref is None:
            return (self.url or "").rstrip("/")
        service = self.service_ref
        return f"{service.scheme}://{service.name}.{namespace}.svc:{service.port}{service.path.rstrip('/')}"


def canonical_address(url: str) -> str:
    """`url` with normalized case of scheme and host, default port and trailing slashes, for comparisons.

    Two addresses with different canonical forms may still be one server, by DNS for example.
    """
    parts = urlsplit(url)
    try:
        host, port = parts.hostname or "", parts.port
    except ValueError:  # a port above 65535: there is no server at such an address
        return url.rstrip("/")
    host = f"[{host}]" if ":" in host else host
    suffix = "" if port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{port}"
    return f"{parts.scheme}://{host}{suffix}{parts.path.rstrip('/')}"
