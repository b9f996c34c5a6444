"""Programs of others that the tests run: made once from PyPI and Go modules, pinned, kept outside the repository."""

from harness.controlplane.build import BuildFailed

from .chromium import chromium
from .programs import ALL, hadolint, helm, kubeconform, kubescore, oracle, peer, promtool

__all__ = [
    "ALL",
    "BuildFailed",
    "chromium",
    "hadolint",
    "helm",
    "kubeconform",
    "kubescore",
    "oracle",
    "peer",
    "promtool",
]
