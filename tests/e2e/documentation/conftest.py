"""The control plane on which the commands of the documents are run."""

from harness.support.fixtures import control_plane, installed, operator_kubeconfig

__all__ = ["control_plane", "installed", "operator_kubeconfig"]
