"""The command, where something is wrong: a message, an exit code, and never a stack trace."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from playwright.sync_api import expect

from dashboard.conftest import Sessions
from dashboard.process import DashboardProcess
from harness.controlplane import ControlPlane
from harness.controlplane.waiting import PATIENCE
from harness.support import Workspace
from harness.support.ports import free_port

PROGRAM = Path(sys.executable).parent / "kubectl-assistants"


def failed(kubeconfig: Path, *words: str, code: int = 1) -> str:
    """Its stderr."""
    command = [str(PROGRAM), "dashboard", "--no-open", "--port=0", *words]
    environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=PATIENCE)
    assert (done.returncode, done.stdout) == (code, "")
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.fixture
def stranger(workspace: Workspace) -> Path:
    """A ServiceAccount without any rights."""
    accounts = f"/api/v1/namespaces/{workspace.namespace}/serviceaccounts"
    workspace.client.demand("POST", accounts, {"metadata": {"name": "stranger"}})
    return workspace.plane.kubeconfig_for(workspace.namespace, "stranger")


@pytest.fixture
def taken() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listener:
        yield listener.getsockname()[1]


def test_no_cluster(installed: ControlPlane, tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere.yaml"
    nowhere.write_text(
        installed.admin_kubeconfig.read_text().replace(installed.url, f"https://127.0.0.1:{free_port()}")
    )
    assert failed(nowhere).startswith("Unable to connect to the server: ")
    assert failed(tmp_path / "missing").startswith("error: there is no kubeconfig at ")


def test_no_permission(stranger: Path, workspace: Workspace) -> None:
    told = failed(stranger, "-n", workspace.namespace)
    assert told.startswith("Error from server (Forbidden): assistants.assistant-operator.dev is forbidden: ")


def test_no_such_assistant(installed: ControlPlane, workspace: Workspace) -> None:
    here = ("-n", workspace.namespace)
    told = failed(installed.admin_kubeconfig, "nope", *here)
    assert told == 'Error from server (NotFound): assistants.assistant-operator.dev "nope" not found\n'
    failed(installed.admin_kubeconfig, "x" * 200, *here)
    failed(installed.admin_kubeconfig, "../x", *here, code=2)
    failed(installed.admin_kubeconfig, "bot", "-A", code=2)


def test_a_port_that_is_in_use(installed: ControlPlane, taken: int) -> None:
    told = failed(installed.admin_kubeconfig, f"--port={taken}")
    assert told == (
        f"error: port {taken} on 127.0.0.1 cannot be used (Address already in use):"
        " choose another with --port, or --port 0 for a free one\n"
    )


def test_it_listens_on_loopback_alone(installed: ControlPlane) -> None:
    with DashboardProcess(installed.admin_kubeconfig) as dashboard:
        socket.create_connection(("127.0.0.1", dashboard.port), 5).close()
        for address in ("127.0.0.2", "::1"):  # another address of the same machine
            with pytest.raises(OSError, match="refused"):
                socket.create_connection((address, dashboard.port), 5)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_at_once_even_while_a_page_is_open(
    installed: ControlPlane, sessions: Sessions, number: signal.Signals
) -> None:
    with DashboardProcess(installed.admin_kubeconfig) as dashboard:
        sessions.sign_in(dashboard).wait_for_timeout(300)
        assert dashboard.end(number) == (0, "")


def test_a_name_opens_the_page_of_that_assistant(
    installed: ControlPlane, workspace: Workspace, sessions: Sessions
) -> None:
    workspace.assistant()
    with DashboardProcess(installed.admin_kubeconfig, "bot", "-n", workspace.namespace) as dashboard:
        page = sessions.sign_in(dashboard)
        assert page.url == f"{dashboard.base}/assistants/{workspace.namespace}/bot", "without the token"
        expect(page.locator("main")).to_contain_text("the operator has not observed this spec yet")
        expect(page.locator("main")).to_contain_text("There are no versions yet.")


def test_all_namespaces(installed: ControlPlane, workspace: Workspace, sessions: Sessions) -> None:
    workspace.assistant()
    with DashboardProcess(installed.admin_kubeconfig, "-A") as dashboard:
        page = sessions.sign_in(dashboard)
        expect(page.locator(f"tr[id='{workspace.namespace}/bot']")).to_be_visible()


def test_who_may_read_assistants_only_sees_them_and_what_is_missing(
    stranger: Path, workspace: Workspace, sessions: Sessions
) -> None:
    rbac = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{workspace.namespace}"
    rules = [
        {
            "apiGroups": ["assistant-operator.dev"],
            "resources": ["assistants", "assistantversions"],
            "verbs": ["get", "list", "watch"],
        }
    ]
    workspace.client.demand("POST", f"{rbac}/roles", {"metadata": {"name": "reader"}, "rules": rules})
    binding = {
        "metadata": {"name": "reader"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
        "subjects": [{"kind": "ServiceAccount", "name": "stranger", "namespace": workspace.namespace}],
    }
    workspace.client.demand("POST", f"{rbac}/rolebindings", binding)
    workspace.assistant()
    with DashboardProcess(stranger, "-n", workspace.namespace) as dashboard:
        page = sessions.sign_in(dashboard)
        expect(page.locator("main")).to_contain_text("the permission list on graphs.assistant-operator.dev is missing")
        missing = "the permission list on assistantaliases.assistant-operator.dev is missing"
        expect(page.locator("main")).to_contain_text(missing)
        page.get_by_role("link", name="bot", exact=True).click()
        expect(page.locator("main")).to_contain_text("the permission list on events is missing in this namespace")
        expect(page.get_by_role("region", name="Aliases")).to_contain_text(missing)
        assert "The connection to the cluster is lost" not in page.content()
