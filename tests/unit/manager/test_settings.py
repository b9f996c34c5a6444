"""What the person who runs the operator can set, by flags and by the environment, and what a wrong one is told."""

import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from click.testing import CliRunner

from assistant_operator.manager.__main__ import main
from assistant_operator.manager.settings import Settings, identity, pod_namespace
from controlplane.waiting import eventually
from documentation.definitions import manifests

RUN = [sys.executable, "-m", "assistant_operator", "run"]
DEFAULTS = {
    "namespace": (),
    "cluster_name": "default",
    "listen": "0.0.0.0:8080",
    "leader_elect": True,
    "lease_namespace": None,
    "server_credentials_role": "clusterrole/assistant-operator-server-credentials",
    "log_level": "info",
    "log_format": "text",
}


def parsed(*flags: str) -> dict[str, Any]:
    command = main.commands["run"]
    with command.make_context("run", list(flags), **command.context_settings) as context:
        return dict(context.params)


@pytest.mark.parametrize(
    ("flags", "different"),
    [
        pytest.param([], {}, id="none"),
        pytest.param(["--namespace=a", "--namespace", "b"], {"namespace": ("a", "b")}, id="namespaces, repeated"),
        pytest.param(["--cluster-name=east"], {"cluster_name": "east"}, id="cluster name"),
        pytest.param(["--listen=:9"], {"listen": ":9"}, id="listen"),
        pytest.param(["--no-leader-elect"], {"leader_elect": False}, id="no leader election"),
        pytest.param(["--lease-namespace=ns"], {"lease_namespace": "ns"}, id="lease namespace"),
        pytest.param(
            ["--server-credentials-role=role/x"], {"server_credentials_role": "role/x"}, id="server credentials role"
        ),
        pytest.param(
            ["--log-level=debug", "--log-format=json"], {"log_level": "debug", "log_format": "json"}, id="log"
        ),
    ],
)
def test_flags(flags: list[str], different: dict[str, Any]) -> None:
    assert parsed(*flags) == {**DEFAULTS, **different}


def test_each_flag_is_an_environment_variable_and_a_flag_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {
        "NAMESPACE": "a,b c",
        "CLUSTER_NAME": "east",
        "LISTEN": "127.0.0.1:1",
        "LEADER_ELECT": "false",
        "LEASE_NAMESPACE": "ns",
        "SERVER_CREDENTIALS_ROLE": "role/x",
        "LOG_LEVEL": "error",
        "LOG_FORMAT": "json",
    }
    assert {name.lower() for name in told} == DEFAULTS.keys()
    for name, value in told.items():
        monkeypatch.setenv(f"ASSISTANT_OPERATOR_{name}", value)
    wanted = {name.lower(): value for name, value in told.items()}
    assert parsed() == {**wanted, "namespace": ("a,b", "c"), "leader_elect": False}
    assert parsed("--listen=:9", "--leader-elect")["listen"] == ":9"
    assert parsed("--leader-elect")["leader_elect"] is True


@pytest.mark.parametrize(
    ("listen", "address"),
    [
        ("0.0.0.0:8080", ("0.0.0.0", 8080)),
        (":8080", ("", 8080)),
        ("[::1]:0", ("::1", 0)),
        ("localhost:65535", ("localhost", 65535)),
    ],
)
def test_an_address_is_host_and_port(listen: str, address: tuple[str, int]) -> None:
    assert Settings(listen=listen).address == address


@pytest.mark.parametrize("listen", ["8080", "localhost", "", "localhost:", "localhost:http", ":65536", ":-1", ":²"])
def test_what_is_no_address_is_told_what_one_looks_like(listen: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"--listen takes host:port, such as 0.0.0.0:8080, not '{listen}'")):
        _ = Settings(listen=listen).address


def test_each_process_has_a_name_of_its_own_that_begins_with_its_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "operator-0")
    assert re.fullmatch(r"operator-0_[0-9a-f]{8}", identity())
    assert identity() != identity()
    assert pod_namespace() == "default", "outside a cluster"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        pytest.param(["run", "--log-level=loud"], "'--log-level': 'loud' is not one of 'debug', 'info'", id="level"),
        pytest.param(["run", "--log-format=xml"], "'--log-format': 'xml' is not one of 'text', 'json'", id="format"),
        pytest.param(
            ["run", "--server-credentials-role=reader"],
            "'--server-credentials-role': 'reader' is neither clusterrole/NAME nor role/NAME",
            id="a role without its kind",
        ),
        pytest.param(["run", "--leader-elect=maybe"], "'--leader-elect' does not take a value", id="a switch's value"),
        pytest.param(["run", "--namespaces=a"], "No such option '--namespaces'", id="a flag that is none"),
        pytest.param(["run", "extra"], "Got unexpected extra argument (extra)", id="an argument"),
        pytest.param(["start"], "No such command 'start'", id="a command that is none"),
    ],
)
def test_a_wrong_word_is_told_in_one_line(arguments: list[str], told: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == click.UsageError.exit_code
    assert told in result.stderr.splitlines()[-1].replace("option: ", "option ")
    assert "Traceback" not in result.output


def test_crds_prints_the_definitions_and_writes_them_where_it_is_told(tmp_path: Path) -> None:
    printed = CliRunner().invoke(main, ["crds"])
    kinds = [document["spec"]["names"]["kind"] for document in yaml.safe_load_all(printed.stdout)]
    assert (printed.exit_code, sorted(kinds)) == (0, ["Assistant", "AssistantVersion", "Graph"])
    assert CliRunner().invoke(main, ["crds", f"--directory={tmp_path / 'new'}"]).exit_code == 0
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == manifests()


class Silence(BaseHTTPRequestHandler):
    """Knows nothing of what it is asked, but what that was."""

    def do_GET(self) -> None:
        asked: list[str] = self.server.asked  # type: ignore[attr-defined]
        asked.append(self.path)
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        pass


@pytest.fixture(scope="module")
def nobody() -> Iterator[ThreadingHTTPServer]:
    """An HTTP server that is no Kubernetes."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Silence) as server:
        server.asked = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def kubeconfig(nobody: ThreadingHTTPServer, tmp_path: Path) -> Path:
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{nobody.server_port}"}}
    user, context = {"name": "u", "user": {"token": "t"}}, {"name": "c", "context": {"cluster": "c", "user": "u"}}
    told = {"current-context": "c", "clusters": [cluster], "users": [user], "contexts": [context]}
    (tmp_path / "kubeconfig").write_text(json.dumps(told))
    return tmp_path / "kubeconfig"


def environment(kubeconfig: Path, **told: str) -> Mapping[str, str]:
    return os.environ | {"KUBECONFIG": str(kubeconfig)} | {f"ASSISTANT_OPERATOR_{name}": told[name] for name in told}


def test_it_looks_in_the_namespaces_of_the_environment(kubeconfig: Path, nobody: ThreadingHTTPServer) -> None:
    asked: list[str] = nobody.asked  # type: ignore[attr-defined]
    told = environment(kubeconfig, NAMESPACE="a, b,a", LISTEN="127.0.0.1:0", LEADER_ELECT="no")
    with subprocess.Popen(RUN, env=told, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            versions = {f"/namespaces/{name}/assistantversions" for name in "ab"}
            eventually(lambda: all(any(each in path for path in asked) for each in versions), within=60)
        finally:
            process.kill()
    assert not [path for path in asked if "/namespaces/" in path and not re.search(r"/namespaces/[ab]/", path)]
    assert not [path for path in asked if "/leases" in path]


def test_a_kubeconfig_that_is_missing_is_told_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    told = run(environment(missing))
    assert told.startswith(f"Error: cannot determine from KUBECONFIG={missing} how to reach a cluster: ")


def test_an_address_that_is_taken_is_told_in_one_line(kubeconfig: Path, nobody: ThreadingHTTPServer) -> None:
    taken = f"127.0.0.1:{nobody.server_port}"
    told = run(environment(kubeconfig, LISTEN=taken))
    assert told.startswith(f"Error: cannot listen on {taken}: ")


def run(told: Mapping[str, str]) -> str:
    """The last line of an operator that could not start."""
    done = subprocess.run(RUN, env=told, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    return done.stderr.splitlines()[-1]
