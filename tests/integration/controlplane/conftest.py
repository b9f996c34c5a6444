"""The control plane that is under test itself."""

from harness.support.fixtures import control_plane

__all__ = ["control_plane"]
