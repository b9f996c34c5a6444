"""The settings: flags, environment variables, and the errors for wrong values."""

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
from assistant_operator.manager.settings import Settings, identity
from harness.controlplane.waiting import eventually
from harness.documentation.definitions import manifests

RUN = [sys.executable, "-m", "assistant_operator", "run"]
DEFAULTS = {
    "namespace": (),
    "cluster_name": "default",
    "listen": "0.0.0.0:8080",
    "leader_elect": True,
    "lease_namespace": None,
    "server_credentials_role": "clusterrole/assistant-operator-server-credentials",
    "record_user": False,
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
        pytest.param(["--record-user"], {"record_user": True}, id="record user"),
        pytest.param(
            ["--log-level=debug", "--log-format=json"], {"log_level": "debug", "log_format": "json"}, id="log"
        ),
    ],
)
def test_flags(flags: list[str], different: dict[str, Any]) -> None:
    assert parsed(*flags) == {**DEFAULTS, **different}


def test_each_flag_is_an_environment_variable_and_a_flag_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    variables = {
        "NAMESPACE": "a,b c",
        "CLUSTER_NAME": "east",
        "LISTEN": "127.0.0.1:1",
        "LEADER_ELECT": "false",
        "LEASE_NAMESPACE": "ns",
        "SERVER_CREDENTIALS_ROLE": "role/x",
        "RECORD_USER": "true",
        "LOG_LEVEL": "error",
        "LOG_FORMAT": "json",
    }
    assert {name.lower() for name in variables} == DEFAULTS.keys()
    for name, value in variables.items():
        monkeypatch.setenv(f"ASSISTANT_OPERATOR_{name}", value)
    wanted = {name.lower(): value for name, value in variables.items()}
    assert parsed() == {**wanted, "namespace": ("a,b", "c"), "leader_elect": False, "record_user": True}
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
def test_an_invalid_address_is_refused_with_an_example(listen: str) -> None:
    with pytest.raises(ValueError, match=re.escape(f"--listen takes host:port, such as 0.0.0.0:8080, not '{listen}'")):
        _ = Settings(listen=listen).address


def test_each_process_has_a_name_of_its_own_that_begins_with_its_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POD_NAME", "operator-0")
    assert re.fullmatch(r"operator-0_[0-9a-f]{8}", identity())
    assert identity() != identity()


@pytest.mark.parametrize(
    ("arguments", "message"),
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
def test_a_usage_error_is_one_line(arguments: list[str], message: str) -> None:
    result = CliRunner().invoke(main, arguments)
    assert result.exit_code == click.UsageError.exit_code
    assert message in result.stderr.splitlines()[-1].replace("option: ", "option ")
    assert "Traceback" not in result.output


def test_crds_prints_the_definitions_or_writes_them_into_a_directory(tmp_path: Path) -> None:
    printed = CliRunner().invoke(main, ["crds"])
    kinds = [document["spec"]["names"]["kind"] for document in yaml.safe_load_all(printed.stdout)]
    assert (printed.exit_code, sorted(kinds)) == (0, ["Assistant", "AssistantAlias", "AssistantVersion", "Graph"])
    assert CliRunner().invoke(main, ["crds", f"--directory={tmp_path / 'new'}"]).exit_code == 0
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == manifests()


class Unavailable(BaseHTTPRequestHandler):
    """Records the path of each request, and answers 503."""

    def do_GET(self) -> None:
        requested: list[str] = self.server.requested  # type: ignore[attr-defined]
        requested.append(self.path)
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the library's name)
        pass


@pytest.fixture(scope="module")
def unavailable() -> Iterator[ThreadingHTTPServer]:
    """An HTTP server that is no API server."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Unavailable) as server:
        server.requested = []  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def kubeconfig(unavailable: ThreadingHTTPServer, tmp_path: Path) -> Path:
    cluster = {"name": "c", "cluster": {"server": f"http://127.0.0.1:{unavailable.server_port}"}}
    user, context = {"name": "u", "user": {"token": "t"}}, {"name": "c", "context": {"cluster": "c", "user": "u"}}
    config = {"current-context": "c", "clusters": [cluster], "users": [user], "contexts": [context]}
    (tmp_path / "kubeconfig").write_text(json.dumps(config))
    return tmp_path / "kubeconfig"


def environment(kubeconfig: Path, **flags: str) -> Mapping[str, str]:
    return os.environ | {"KUBECONFIG": str(kubeconfig)} | {f"ASSISTANT_OPERATOR_{name}": flags[name] for name in flags}


def test_it_watches_the_namespaces_of_the_environment(kubeconfig: Path, unavailable: ThreadingHTTPServer) -> None:
    requested: list[str] = unavailable.requested  # type: ignore[attr-defined]
    env = environment(kubeconfig, NAMESPACE="a, b,a", LISTEN="127.0.0.1:0", LEADER_ELECT="no")
    with subprocess.Popen(RUN, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            versions = {f"/namespaces/{name}/assistantversions" for name in "ab"}
            eventually(lambda: all(any(version in path for path in requested) for version in versions), within=60)
        finally:
            process.kill()
    assert not [path for path in requested if "/namespaces/" in path and not re.search(r"/namespaces/[ab]/", path)]
    assert not [path for path in requested if "/leases" in path]


def test_a_missing_kubeconfig_is_reported_in_one_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing"
    assert run(environment(missing)) == f"Error: there is no kubeconfig at {missing}: set KUBECONFIG"


def test_an_address_in_use_is_reported_in_one_line(kubeconfig: Path, unavailable: ThreadingHTTPServer) -> None:
    taken = f"127.0.0.1:{unavailable.server_port}"
    line = run(environment(kubeconfig, LISTEN=taken))
    assert line.startswith(f"Error: cannot listen on {taken}: ")


def run(env: Mapping[str, str]) -> str:
    """Return the only line that an operator wrote which could not start."""
    done = subprocess.run(RUN, env=env, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line
