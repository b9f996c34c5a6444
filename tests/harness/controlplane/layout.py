"""Where the files of one control plane are: all in one folder, so that one removal forgets it."""

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

from .credentials import signing_key, token_file, write_private

ADMIN = "admin"
CONTROLLERS = "system:kube-controller-manager"
# The server's own housekeeping is nobody's write.
QUIET = {"level": "None", "users": ["system:apiserver", CONTROLLERS]}
PROBES = {"level": "None", "nonResourceURLs": ["/readyz*", "/livez*", "/healthz*"]}
AUDIT_POLICY = {
    "apiVersion": "audit.k8s.io/v1",
    "kind": "Policy",
    "omitStages": ["RequestReceived"],
    "rules": [QUIET, PROBES, {"level": "Metadata"}],
}


@dataclass(frozen=True)
class Layout:
    """Paths; nothing is there before `prepare`."""

    home: Path

    @property
    def etcd(self) -> Path:
        return self.home / "etcd"

    @property
    def certificates(self) -> Path:
        return self.home / "certificates"

    @property
    def certificate(self) -> Path:
        """The server's own, with the authority that signed it behind: good as a CA file too."""
        return self.certificates / "apiserver.crt"

    @property
    def certificate_key(self) -> Path:
        return self.certificates / "apiserver.key"

    @property
    def signing_key(self) -> Path:
        return self.home / "service-accounts.pem"

    @property
    def tokens(self) -> Path:
        return self.home / "tokens.csv"

    @property
    def audit_policy(self) -> Path:
        return self.home / "audit-policy.json"

    @property
    def audit_log(self) -> Path:
        return self.home / "audit.log"

    @property
    def kubectl_cache(self) -> Path:
        return self.home / "kubectl"

    def log(self, component: str) -> Path:
        return self.home / "logs" / f"{component}.log"

    def kubeconfig(self, name: str) -> Path:
        return self.home / "kubeconfigs" / f"{name.removeprefix('system:')}.yaml"

    def prepare(self, tokens: dict[str, str]) -> None:
        (self.home / "logs").mkdir(parents=True, exist_ok=True)
        if not self.signing_key.exists():
            write_private(self.signing_key, signing_key())
        write_private(self.tokens, token_file(tokens, group="system:masters"))
        write_private(self.audit_policy, json.dumps(AUDIT_POLICY, indent=2))
        self.audit_log.touch()

    def remove(self) -> None:
        shutil.rmtree(self.home)
