"""The control plane that what a release left is put on."""

from harness.support.fixtures import control_plane, installed, operator_kubeconfig

__all__ = ["control_plane", "installed", "operator_kubeconfig"]
