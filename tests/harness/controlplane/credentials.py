"""Keys, tokens and kubeconfigs of one control plane; all of them worthless elsewhere."""

import base64
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
P256_KEY = bytes.fromhex("020101" + "0420")
P256_NAME = bytes.fromhex("a00a06082a8648ce3d030107")


@dataclass(frozen=True)
class Access:
    """Who somebody is, and where."""

    server: str
    ca_file: Path
    user: str
    token: str

    def write_kubeconfig(self, path: Path, namespace: str = "default") -> Path:
        """JSON, which is YAML too."""
        cluster = {"server": self.server, "certificate-authority": str(self.ca_file)}
        context = {"cluster": "controlplane", "user": self.user, "namespace": namespace}
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "controlplane",
            "clusters": [{"name": "controlplane", "cluster": cluster}],
            "users": [{"name": self.user, "user": {"token": self.token}}],
            "contexts": [{"name": "controlplane", "context": context}],
        }
        return write_private(path, json.dumps(config, indent=2) + "\n")


def signing_key() -> str:
    """A fresh EC key in PEM. RFC 5915 can do without the public half, so this needs neither openssl nor a library."""
    number = secrets.randbelow(P256_ORDER - 1) + 1
    content = P256_KEY + number.to_bytes(32, "big") + P256_NAME
    text = base64.encodebytes(bytes([0x30, len(content)]) + content).decode()
    return f"-----BEGIN EC PRIVATE KEY-----\n{text}-----END EC PRIVATE KEY-----\n"


def token_file(tokens: dict[str, str], group: str) -> str:
    return "".join(f'{token},{user},{user},"{group}"\n' for user, token in tokens.items())


def write_private(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch(mode=0o600)
    path.write_text(text)
    return path
