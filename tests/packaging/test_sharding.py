"""Two releases of the chart share one cluster: each has namespaces, a Lease and rights of its own."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.controlplane import ControlPlane
from harness.support import OperatorProcess, Workspace
from harness.support.fixtures import control_plane, installed
from harness.support.histories import a_workspace, assert_history
from harness.tools.rendering import Json, charted, of_kind

__all__ = ["control_plane", "installed"]

RIGHTS = ("ServiceAccount", "Role", "RoleBinding")
SHARED = ("--set=crds.install=false", "--set=rbac.aggregateRoles=false")


@dataclass
class Release:
    """A release in a namespace of its own, whose pod runs here as a process with the flags of its Deployment."""

    plane: ControlPlane
    name: str
    home: str
    log: Path

    def install(self, *namespaces: str) -> OperatorProcess:
        """Apply the rights of the release, which work in these namespaces only. The process is not started."""
        rendered = self._rendered(*namespaces)
        rights = [each for kind in RIGHTS for each in of_kind(kind, rendered)]
        self.plane.kubectl("apply", "-f-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": rights}))
        kubeconfig = self.plane.kubeconfig_for(self.home, f"{self.name}-assistant-operator")
        return OperatorProcess(kubeconfig, self.log, *self._flags(rendered))

    def _rendered(self, *namespaces: str) -> list[Json]:
        watched = f"--set=namespaces={{{','.join(namespaces)}}}"
        return charted(*SHARED, watched, release=self.name, namespace=self.home)

    def _flags(self, rendered: list[Json]) -> list[str]:
        (deployment,) = of_kind("Deployment", rendered)
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        _, *flags = map(str, container["args"])
        return [
            *(each for each in flags if not each.startswith(("--listen", "--lease-namespace"))),
            f"--lease-namespace={self.home}",  # in a pod it is read from the mounted token
            "--leader-elect",
        ]

    def user(self) -> str:
        return f"system:serviceaccount:{self.home}:{self.name}-assistant-operator"


@pytest.fixture
def teams(installed: ControlPlane) -> Iterator[tuple[Workspace, Workspace]]:
    with a_workspace(installed) as one, a_workspace(installed) as two:
        yield one, two


@pytest.fixture
def releases(installed: ControlPlane, tmp_path: Path) -> Iterator[tuple[Release, Release]]:
    with ExitStack() as stack:
        homes = [stack.enter_context(a_workspace(installed)).namespace for _ in range(2)]
        one, two = (
            Release(installed, name, home, tmp_path / f"{name}.log")
            for name, home in zip(("one", "two"), homes, strict=True)
        )
        yield one, two


def test_each_release_works_in_its_namespaces_alone(
    releases: tuple[Release, Release], teams: tuple[Workspace, Workspace]
) -> None:
    plane = releases[0].plane
    _, position = plane.audit_since()
    with ExitStack() as stack:
        for release, team in zip(releases, teams, strict=True):
            stack.enter_context(release.install(team.namespace))
        for team in teams:
            team.assistant(context={"prompt": 0})
            for prompt in range(1, 6):
                team.edit(context={"prompt": prompt})
        for team in teams:
            assert_history(team.until_versions(6), range(6))
            team.until_active(6)
    entries, _ = plane.audit_since(position)
    for release, team in zip(releases, teams, strict=True):
        calls = [each for each in entries if each["user"].get("username") == release.user()]
        assert {each["objectRef"].get("namespace") for each in calls if "objectRef" in each} == {
            team.namespace,
            release.home,
        }
        assert [each["requestURI"] for each in calls if each["responseStatus"]["code"] == 403] == []
        lease = plane.admin.request(
            "GET", f"/apis/coordination.k8s.io/v1/namespaces/{release.home}/leases/assistant-operator"
        ).body
        assert lease["spec"]["leaseTransitions"] == 0


def test_a_release_that_ends_stops_nobody_else(
    releases: tuple[Release, Release], teams: tuple[Workspace, Workspace]
) -> None:
    one, two = (release.install(team.namespace) for release, team in zip(releases, teams, strict=True))
    for team in teams:
        team.assistant(context={"prompt": 0})
    with two:
        with one:
            for team in teams:
                team.until_versions(1)
        for team in teams:
            team.edit(context={"prompt": 1})
        assert_history(teams[1].until_versions(2), range(2))
        assert len(teams[0].versions()) == 1
        with one:
            assert_history(teams[0].until_versions(2), range(2))


def test_a_namespace_moves_from_one_release_to_another_with_its_history(
    releases: tuple[Release, Release], teams: tuple[Workspace, Workspace]
) -> None:
    moved = teams[0]
    with releases[0].install(*(team.namespace for team in teams)):
        moved.assistant(context={"prompt": 0})
        moved.edit(context={"prompt": 1})
        moved.until_versions(2)
        moved.until_active(2)
    moved.edit(context={"prompt": 2})
    with releases[0].install(teams[1].namespace), releases[1].install(moved.namespace):
        moved.edit(context={"prompt": 3})
        assert_history(moved.until_versions(4), range(4))
        moved.until_active(4)
        assert "missedGenerations" not in moved.status()
