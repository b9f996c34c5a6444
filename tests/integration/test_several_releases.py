"""Several releases over disjoint namespaces of one cluster: each leads by itself, and none sees what is another's."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import yaml

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace, assert_history

RBAC = "/apis/rbac.authorization.k8s.io/v1/namespaces"
LEASES = "/apis/coordination.k8s.io/v1/namespaces"
DEPLOYED = Path(__file__).parents[2] / "deploy/rbac.yaml"
ACCOUNT = "release"
LEADS = 'assistant_operator_leader_election_master_status{name="assistant-operator"} 1.0'


class Release:
    """One release: its account and its Lease are in a namespace of its own, `home`."""

    def __init__(self, home: Workspace, log: Path) -> None:
        self.home = home
        self._log = log
        accounts = f"/api/v1/namespaces/{home.namespace}/serviceaccounts"
        home.client.demand("POST", accounts, {"metadata": {"name": ACCOUNT}})
        self._rules = {each["kind"]: each.get("rules") for each in yaml.safe_load_all(DEPLOYED.read_text())}
        self._grant(home, "lease", "Role")

    def serving(self, *namespaces: Workspace) -> OperatorProcess:
        """Its operator, with rights in these namespaces alone."""
        for each in namespaces:
            self._grant(each, f"work-of-{self.home.namespace}", "ClusterRole")
        served = [f"--namespace={each.namespace}" for each in namespaces]
        lease = f"--lease-namespace={self.home.namespace}"
        kubeconfig = self.home.plane.kubeconfig_for(self.home.namespace, ACCOUNT)
        return OperatorProcess(kubeconfig, self._log, "--leader-elect", lease, *served)

    @property
    def log(self) -> str:
        return self._log.read_text()

    def _grant(self, workspace: Workspace, name: str, kind: str) -> None:
        meta, path = {"metadata": {"name": name}}, f"{RBAC}/{workspace.namespace}"
        workspace.plane.admin.request("POST", f"{path}/roles", {**meta, "rules": self._rules[kind]})
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": name}
        account = {"kind": "ServiceAccount", "name": ACCOUNT, "namespace": self.home.namespace}
        workspace.plane.admin.request("POST", f"{path}/rolebindings", {**meta, "roleRef": role, "subjects": [account]})

    def holder(self) -> str:
        lease = self.home.client.demand("GET", f"{LEASES}/{self.home.namespace}/leases/assistant-operator")
        return str(lease["spec"].get("holderIdentity") or "")


@pytest.fixture
def teams(installed: ControlPlane) -> Iterator[tuple[Workspace, Workspace, Workspace]]:
    with ExitStack() as kept:
        first, second, third = (kept.enter_context(a_workspace(installed)) for _ in range(3))
        yield first, second, third


@pytest.fixture
def releases(installed: ControlPlane, tmp_path: Path) -> Iterator[tuple[Release, Release]]:
    with ExitStack() as kept:
        homes = [kept.enter_context(a_workspace(installed)) for _ in range(2)]
        one, two = (Release(home, tmp_path / f"{number}.log") for number, home in enumerate(homes))
        yield one, two


def edit(workspace: Workspace, prompts: range) -> None:
    for prompt in prompts:
        workspace.edit(context={"prompt": prompt})


def assert_complete(workspace: Workspace, count: int) -> None:
    assert_history(workspace.until_versions(count), range(count))
    status = workspace.until_ready()
    assert (status["latestVersion"], status["activeVersion"]) == (count, count)
    assert "missedGenerations" not in status


def leads(process: OperatorProcess) -> bool:
    return LEADS in (process.get("/metrics") or "")


def test_both_lead_at_once_and_each_serves_its_own_namespaces(
    teams: tuple[Workspace, Workspace, Workspace], releases: tuple[Release, Release]
) -> None:
    one, two = releases
    with one.serving(*teams[:2]) as first, two.serving(teams[2]) as second:
        eventually(lambda: leads(first) and leads(second))
        assert one.holder() != two.holder()
        for team in teams:
            team.assistant(context={"prompt": 0})
        for prompt in range(1, 6):
            for team in teams:
                edit(team, range(prompt, prompt + 1))
        for team in teams:
            assert_complete(team, 6)
        second.kill()
        for team in teams:
            edit(team, range(6, 9))
        for team in teams[:2]:
            assert_complete(team, 9)
        assert len(teams[2].versions()) == 6, "nobody else serves that namespace"
        second.start()
        assert_complete(teams[2], 9)
    for release in releases:
        assert " ERROR " not in release.log


def test_a_namespace_moves_from_one_release_to_another_with_its_history(
    teams: tuple[Workspace, Workspace, Workspace], releases: tuple[Release, Release]
) -> None:
    (stays, moves, _), (one, two) = teams, releases
    with one.serving(stays, moves):
        for team in (stays, moves):
            team.assistant(context={"prompt": 0})
            edit(team, range(1, 4))
            assert_complete(team, 4)
    with one.serving(stays):
        edit(stays, range(4, 6))
        edit(moves, range(4, 6))
        assert_complete(stays, 6)
        with two.serving(moves):
            edit(moves, range(6, 8))
            assert_complete(moves, 8)
