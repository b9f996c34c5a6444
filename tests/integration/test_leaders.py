"""Several operators at once: one leads, another takes over, and even two that both lead make each version once."""

import base64
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane, Delay, FaultProxy
from harness.controlplane.faults import Trouble
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import WRITES, a_workspace, assert_history

LEASE = "/apis/coordination.k8s.io/v1/namespaces/assistant-operator/leases/assistant-operator"
EVERY = {"historyLimit": 1000}


class Replica(OperatorProcess):
    """An operator with a token of its own, by which the audit log tells it from the others."""

    def __init__(self, plane: ControlPlane, log: Path, *flags: str) -> None:
        kubeconfig = plane.kubeconfig_for("assistant-operator", "assistant-operator")
        super().__init__(kubeconfig, log, *flags)
        token = json.loads(kubeconfig.read_text())["users"][0]["user"]["token"]
        drafts = token.split(".")[1]
        self._credential = "JTI=" + json.loads(base64.urlsafe_b64decode(drafts + "=="))["jti"]
        self._plane = plane

    @property
    def leads(self) -> bool:
        metric = 'assistant_operator_leader_election_master_status{name="assistant-operator"} 1.0'
        return metric in (self.get("/metrics") or "")

    def calls_since(self, position: int) -> list[str]:
        """Verb and resource of each of its requests."""
        entries, _ = self._plane.audit_since(position)
        ours = [each for each in entries if self._credential in _credentials(each)]
        return [f"{each['verb']} {each.get('objectRef', {}).get('resource')}" for each in ours]


def _credentials(entry: dict[str, Any]) -> list[str]:
    found: list[str] = entry["user"].get("extra", {}).get("authentication.kubernetes.io/credential-id", [])
    return found


@pytest.fixture
def workspace(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


def pair(plane: ControlPlane, tmp_path: Path, *flags: str) -> Iterator[tuple[Replica, Replica]]:
    with ExitStack() as stack:
        first, second = (
            stack.enter_context(Replica(plane, tmp_path / f"{name}.log", *flags)) for name in ("first", "second")
        )
        yield first, second


@pytest.fixture
def replicas(installed: ControlPlane, tmp_path: Path) -> Iterator[tuple[Replica, Replica]]:
    """The first leads, the second stands by."""
    for first, second in pair(installed, tmp_path, "--leader-elect", "--lease-namespace=assistant-operator"):
        eventually(lambda first=first: first.leads)  # type: ignore[misc]
        assert not second.leads
        yield first, second
        # For the next test: nobody waits for the Lease of a dead one.
        for each in (first, second):
            each.terminate()
        installed.admin.request("DELETE", LEASE)


def holder(workspace: Workspace) -> str:
    lease = workspace.client.demand("GET", LEASE)
    return str(lease["spec"].get("holderIdentity") or "")


def edit(workspace: Workspace, prompts: range, name: str = "bot") -> None:
    for prompt in prompts:
        workspace.edit(name, context={"prompt": prompt})


def assert_complete(workspace: Workspace, count: int, name: str = "bot") -> None:
    assert_history(workspace.until_versions(count, name), range(count), name)
    status = workspace.until_ready(name)
    assert (status["latestVersion"], status["activeVersion"], status["versions"]) == (count, count, count)
    assert "missedGenerations" not in status


def test_a_standby_takes_over_within_twenty_seconds_of_a_kill(
    replicas: tuple[Replica, Replica], workspace: Workspace
) -> None:
    first, second = replicas
    workspace.assistant(context={"prompt": 0})
    edit(workspace, range(1, 11))
    first.kill()
    edit(workspace, range(11, 31))
    eventually(lambda: second.leads)
    edit(workspace, range(31, 41))
    assert_complete(workspace, 41)


def test_a_standby_takes_over_at_once_when_the_leader_is_asked_to_end(
    replicas: tuple[Replica, Replica], workspace: Workspace
) -> None:
    first, second = replicas
    workspace.assistant(context={"prompt": 0})
    edit(workspace, range(1, 11))
    asked = time.monotonic()
    assert first.terminate() == 0
    assert time.monotonic() - asked < 5
    edit(workspace, range(11, 21))
    eventually(lambda: second.leads, within=5)
    assert_complete(workspace, 21)
    assert second.terminate() == 0
    assert holder(workspace) == ""


def test_a_leader_that_was_frozen_writes_nothing_and_ends(
    replicas: tuple[Replica, Replica], workspace: Workspace
) -> None:
    first, second = replicas
    workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    led = holder(workspace)
    first.send(signal.SIGSTOP)
    edit(workspace, range(1, 11))
    eventually(lambda: second.leads, within=25)
    assert_complete(workspace, 11)
    assert holder(workspace) not in ("", led)
    _, position = workspace.plane.audit_since()
    first.send(signal.SIGCONT)
    edit(workspace, range(11, 21))
    eventually(lambda: not first.is_running)
    assert_complete(workspace, 21)
    calls = first.calls_since(position)
    assert calls, "it came back to life"
    assert [each for each in calls if each.split()[0] in WRITES] == []
    assert second.leads


def test_two_that_both_lead_make_each_version_once(
    installed: ControlPlane, workspace: Workspace, tmp_path: Path
) -> None:
    names = ("one", "two", "three")
    for first, second in pair(installed, tmp_path, "--no-leader-elect"):
        _, position = installed.audit_since()
        for name in names:
            workspace.assistant(name, context={"prompt": 0}, versioning=EVERY)
        for prompt in range(1, 101):
            for name in names:
                workspace.edit(name, context={"prompt": prompt})
        for name in names:
            assert_complete(workspace, 101, name)
        for each in (first, second):
            made = each.calls_since(position).count("create assistantversions")
            assert made >= 50, "both took part"
            assert "Traceback" not in each.log.read_text()


LEASES = "/leases"


def slow_leases(seconds: float) -> Trouble:
    return lambda request: Delay(seconds) if LEASES in request.path else None


@pytest.fixture
def proxy(installed: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(installed) as proxy:
        yield proxy


@pytest.fixture
def alone(installed: ControlPlane, proxy: FaultProxy, tmp_path: Path) -> Iterator[OperatorProcess]:
    """One that leads, behind a proxy."""
    kubeconfig = installed.kubeconfig_for("assistant-operator", "assistant-operator", server=proxy.url)
    flags = ("--leader-elect", "--lease-namespace=assistant-operator")
    with OperatorProcess(kubeconfig, tmp_path / "operator.log", *flags) as process:
        eventually(lambda: LEADS in (process.get("/metrics") or ""))
        yield process
        proxy.fault = None
    installed.admin.request("DELETE", LEASE)


LEADS = 'assistant_operator_leader_election_master_status{name="assistant-operator"} 1.0'


@pytest.mark.parametrize(("seconds", "ends"), [(2.0, False), (3.0, False), (5.0, True), (9.0, True)])
def test_with_slow_calls_it_leads_without_a_gap_or_ends(
    alone: OperatorProcess, proxy: FaultProxy, workspace: Workspace, seconds: float, *, ends: bool
) -> None:
    workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    proxy.fault = slow_leases(seconds)
    prompts = iter(range(1, 1_000))
    until = time.monotonic() + 25
    led, last = True, 0
    while time.monotonic() < until and alone.is_running:
        last = next(prompts)
        workspace.edit(context={"prompt": last})
        led = led and (LEADS in (alone.get("/metrics") or LEADS))
        time.sleep(0.5)
    assert alone.is_running == (not ends)
    assert led or ends
    proxy.fault = None
    if ends:
        alone.start(wait=False)
    assert_history(workspace.until_versions(last + 1), range(last + 1))
    assert "Traceback" not in alone.log.read_text()


@pytest.mark.parametrize("seconds", [5.0, 12.0, 20.0])
def test_a_process_that_stood_still_loses_no_edit(alone: OperatorProcess, workspace: Workspace, seconds: float) -> None:
    workspace.assistant(context={"prompt": 0})
    workspace.until_ready()
    edit(workspace, range(1, 6))
    alone.send(signal.SIGSTOP)
    edit(workspace, range(6, 11))
    time.sleep(seconds)
    alone.send(signal.SIGCONT)
    edit(workspace, range(11, 16))
    time.sleep(1.0)
    if seconds > 10:
        eventually(lambda: not alone.is_running)
        alone.start(wait=False)
    assert_history(workspace.until_versions(16), range(16))
    assert workspace.until_ready().get("missedGenerations") is None
    assert "Traceback" not in alone.log.read_text()
