"""What there is, and what each is for. The first call makes it, which takes minutes; all later ones find it."""

from pathlib import Path

from .go import GoProgram
from .wheel import WheelProgram

_HELM = GoProgram(
    "helm",
    "helm.sh/helm/v4/cmd/helm",
    # Without its version it calls itself v4.3.
    stamp="helm.sh/helm/v4/internal/version.version",
)
_PROMTOOL = GoProgram(
    "promtool",
    "github.com/prometheus/prometheus/cmd/promtool",
    # The clients of thirty clouds, which no rule and no metric needs.
    tags="remove_all_sd",
    stamp="github.com/prometheus/common/version.Version",
)
_KUBECONFORM = GoProgram("kubeconform", "github.com/yannh/kubeconform/cmd/kubeconform", stamp="main.version")
_ORACLE = GoProgram("oracle", ".")
_HADOLINT = WheelProgram("hadolint")
_KUBESCORE = GoProgram("kubescore", "github.com/zegl/kube-score/cmd/kube-score", stamp="main.version")
_PEER = GoProgram("peer", ".")
ALL = (_HELM, _PROMTOOL, _KUBECONFORM, _ORACLE, _HADOLINT, _KUBESCORE)


def helm() -> Path:
    """Helm 4."""
    return _HELM.path()


def promtool() -> Path:
    """Checks and tests rules, checks metrics; without service discovery."""
    return _PROMTOOL.path()


def kubeconform() -> Path:
    """Manifests against JSON Schemas."""
    return _KUBECONFORM.path()


def oracle() -> Path:
    """Of a manifest, with `kstatus`: what Flux makes of it; with `monitoring`: whether it is Prometheus' operator's."""
    return _ORACLE.path()


def hadolint() -> Path:
    """Dockerfiles."""
    return _HADOLINT.path()


def kubescore() -> Path:
    """kube-score: what a manifest lacks for a robust and secure installation."""
    return _KUBESCORE.path()


def peer() -> Path:
    """A controller in Go that does the least of our job on our kinds: the reference of the benchmark."""
    return _PEER.path()
