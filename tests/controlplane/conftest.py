"""The control plane that is under test itself."""

from support.fixtures import control_plane

__all__ = ["control_plane"]
