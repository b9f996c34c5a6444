"""The health endpoints of an operator that cannot watch, and of one whose event loop is blocked."""

import signal
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controlplane import Answer, ControlPlane, Fault, FaultProxy, Request
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess

GONE = Answer(404, "NotFound", "the server could not find the requested resource")


@pytest.fixture
def proxy(installed: ControlPlane) -> Iterator[FaultProxy]:
    with FaultProxy(installed) as proxy:
        yield proxy


@pytest.fixture
def operator(installed: ControlPlane, proxy: FaultProxy, tmp_path: Path) -> Iterator[OperatorProcess]:
    kubeconfig = installed.kubeconfig_for("assistant-operator", "assistant-operator", server=proxy.url)
    with OperatorProcess(kubeconfig, tmp_path / "operator.log") as operator:
        yield operator


def health(operator: OperatorProcess) -> tuple[int, str]:
    """Return status and text; 0 and the error if there is no answer within a second."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{operator.port}/healthz", timeout=1) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refusal:
        with refusal:
            return refusal.code, refusal.read().decode()
    except OSError as error:
        return 0, str(error)


def no_watch_of_graphs(request: Request) -> Fault | None:
    return GONE if request.is_watch and request.path.endswith("/graphs") else None


def test_a_closed_watch_is_opened_again_and_a_refused_one_is_named_in_readyz(
    operator: OperatorProcess, proxy: FaultProxy
) -> None:
    eventually(lambda: proxy.open_watches == 4)
    assert health(operator) == (200, "ok\n")
    assert proxy.cut_watches() == 4
    eventually(lambda: proxy.open_watches == 4)
    assert health(operator) == (200, "ok\n")
    proxy.fault = no_watch_of_graphs
    proxy.cut_watches()
    named = "graphs in all namespaces: Kubernetes refused GET"
    eventually(lambda: named in (operator.get("/readyz") or ""))
    assert health(operator) == (200, "ok\n")
    proxy.fault = None
    eventually(lambda: operator.get("/readyz") == "ok\n")
    assert operator.is_running


def test_a_stopped_process_does_not_answer(operator: OperatorProcess) -> None:
    operator.send(signal.SIGSTOP)
    try:
        assert health(operator) == (0, "timed out")
    finally:
        operator.send(signal.SIGCONT)
    eventually(lambda: health(operator) == (200, "ok\n"))
