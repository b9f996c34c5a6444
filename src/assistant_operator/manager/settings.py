"""The settings of `assistant-operator run`."""

import os
import secrets
import socket
from dataclasses import dataclass

from assistant_operator.clients.kubernetes.grants import DEFAULT_ROLE


@dataclass(frozen=True, slots=True)
class Settings:
    """The flags of `assistant-operator run`."""

    namespaces: tuple[str, ...] = ()
    cluster_name: str = "default"
    listen: str = "0.0.0.0:8080"
    leader_elect: bool = True
    lease_namespace: str = "default"
    server_credentials_role: str = DEFAULT_ROLE
    record_user: bool = False
    log_level: str = "info"
    log_format: str = "text"
    identity: str = ""

    @property
    def address(self) -> tuple[str, int]:
        """Return the host and port to listen on. Raises ValueError unless `listen` is `host:port` or `:port`."""
        host, colon, port = self.listen.rpartition(":")
        if not colon or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 (the largest port)
            raise ValueError(f"--listen takes host:port, such as 0.0.0.0:8080, not '{self.listen}'")
        return host.strip("[]"), int(port)


def identity() -> str:
    """Return a name that is unique to this process: the name of the pod or host, and a random suffix."""
    return f"{os.environ.get('POD_NAME') or socket.gethostname()}_{secrets.token_hex(4)}"
