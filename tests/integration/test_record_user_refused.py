"""--record-user on an API server that does not serve MutatingAdmissionPolicy, as before Kubernetes 1.36."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import Answer, ControlPlane, Fault, FaultProxy, Page, Request
from harness.controlplane.faults import Trouble
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess

DISCOVERY = "/apis/admissionregistration.k8s.io/v1"
KIND = "mutatingadmissionpolicies"
MESSAGE = (
    "Error: --record-user: this API server does not serve MutatingAdmissionPolicy in admissionregistration.k8s.io/v1."
    " Use Kubernetes 1.36 or newer, or run without --record-user"
)


@pytest.fixture
def proxy(installed: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(installed) as proxy:
        yield proxy


@pytest.fixture
def kubeconfig(installed: ControlPlane, proxy: FaultProxy) -> Path:
    return installed.kubeconfig_for("assistant-operator", "assistant-operator", server=proxy.url)


def older(plane: ControlPlane) -> Page:
    """What Kubernetes 1.34 answers: the same resources, and not that kind."""
    said: dict[str, Any] = plane.admin.request("GET", DISCOVERY).body
    kept = [each for each in said["resources"] if not each["name"].startswith(KIND)]
    assert kept, said
    return Page(json.dumps({**said, "resources": kept}))


def instead(answer: Fault) -> Trouble:
    """The proxy answers the discovery so."""
    return lambda request: answer if is_discovery(request) else None


def is_discovery(request: Request) -> bool:
    return request.path == DISCOVERY


def started(kubeconfig: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "assistant_operator", "run", "--listen=127.0.0.1:0", *flags]
    environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)


@pytest.mark.parametrize("flags", [["--leader-elect"], ["--no-leader-elect"]], ids=["as one of several", "alone"])
def test_it_is_refused_at_the_start_with_one_line(
    installed: ControlPlane, proxy: FaultProxy, kubeconfig: Path, flags: list[str]
) -> None:
    proxy.fault = instead(older(installed))
    done = started(kubeconfig, "--record-user", *flags)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == MESSAGE
    assert "Traceback" not in done.stderr
    assert not [each for each in proxy.requests if each.method != "GET" and "/leases" not in each.path]


def test_without_the_flag_it_starts_and_does_not_ask(
    installed: ControlPlane, proxy: FaultProxy, kubeconfig: Path, tmp_path: Path
) -> None:
    proxy.fault = instead(older(installed))
    with OperatorProcess(kubeconfig, tmp_path / "operator.log") as process:
        assert process.terminate() == 0
    assert not [each for each in proxy.requests if is_discovery(each)]


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(Answer(503, "ServiceUnavailable", "not now"), id="not ready yet"),
        pytest.param(Answer(403, "Forbidden", "no"), id="it does not know its roles yet"),
        pytest.param(Answer(404, "NotFound", "no such page"), id="a proxy answers 404"),
        pytest.param(Page("<html>", content_type="text/html"), id="a proxy answers with a page"),
        pytest.param(Page('{"resources": ["a"]}'), id="a proxy answers with JSON"),
    ],
)
def test_an_api_server_that_does_not_answer_yet_is_awaited(
    installed: ControlPlane, proxy: FaultProxy, kubeconfig: Path, tmp_path: Path, answer: Fault
) -> None:
    proxy.fault = instead(answer)
    process = OperatorProcess(kubeconfig, tmp_path / "operator.log", "--record-user")
    process.start(wait=False)
    try:
        eventually(lambda: len([each for each in proxy.requests if is_discovery(each)]) > 1)
        assert process.is_running
        assert process.get("/healthz") is not None
        assert process.get("/readyz") is None
        proxy.fault = instead(older(installed))
        eventually(lambda: not process.is_running)
    finally:
        process.kill()
    assert process.log.read_text().splitlines()[-1] == MESSAGE
