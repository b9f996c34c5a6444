"""Programs of others that the tests run: made once from PyPI and Go modules, pinned, kept outside the repository."""

from harness.controlplane.build import BuildFailed

from .programs import ALL, hadolint, helm, kubeconform, kubescore, oracle, promtool

__all__ = ["ALL", "BuildFailed", "hadolint", "helm", "kubeconform", "kubescore", "oracle", "promtool"]
