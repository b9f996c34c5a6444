"""pytest fixtures: one control plane a session, one namespace a test; no control plane is an error, never a skip."""

import secrets
from collections.abc import Iterator

import pytest

from .plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    plane = ControlPlane(tmp_path_factory.mktemp("plane"))
    # The first build takes minutes, and its progress is for the person who waits.
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        plane.start()
    yield plane
    plane.stop()


@pytest.fixture
def namespace(control_plane: ControlPlane) -> Iterator[str]:
    name = f"test-{secrets.token_hex(4)}"
    control_plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name}})
    yield name
    control_plane.admin.request("DELETE", f"/api/v1/namespaces/{name}")
