"""The log of a real operator: one line a step, as text and as JSON, without secrets and configuration."""

import base64
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.rights import grant_credentials

from .conftest import Busy

KEY, PROMPT = "canary-of-the-key", "canary-of-the-prompt"
LINE = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z (DEBUG  |INFO   |WARNING|ERROR  ) \S.*")
STEPS = "assistant_operator.controllers."


def parsed(operator: OperatorProcess) -> list[dict[str, Any]]:
    """Return the JSON object of each line."""
    return [json.loads(line) for line in operator.log.read_text().splitlines()]


def test_each_json_line_has_time_level_logger_and_message(busy: Busy, exposition: str) -> None:
    lines = parsed(busy.operator)
    assert all(each.keys() >= {"time", "level", "logger", "message"} for each in lines)
    assert {each["level"] for each in lines} <= {"DEBUG", "INFO", "WARNING"}
    assert all(re.fullmatch(r"[\d-]{10}T[\d:]{8}\.\d{3}Z", each["time"]) for each in lines)


@pytest.mark.parametrize("controller", ["assistant", "graph"])
def test_each_step_has_one_line_with_its_object(busy: Busy, exposition: str, controller: str) -> None:
    def taken() -> list[dict[str, Any]]:
        return [each for each in parsed(busy.operator) if each["logger"] == f"{STEPS}{controller}.reconciler"]

    eventually(lambda: len(taken()) == busy.figure("steps_total", controller=controller))
    steps = taken()
    assert {each["level"] for each in steps} == {"DEBUG"}
    assert {each["kind"].lower() for each in steps} == {controller}
    step = re.compile(r"started step kind=\w+ namespace=(\S+) name=(\S+) step=\w+\(.*\)")
    matches = [step.fullmatch(each["message"]) for each in steps]
    assert [match and (match[1], match[2]) for match in matches] == [
        (each["namespace"], each["name"]) for each in steps
    ]


def test_each_created_version_is_logged_once(busy: Busy, exposition: str) -> None:
    messages = [each["message"] for each in parsed(busy.operator) if each["message"].startswith("created version ")]
    where, kinds = busy.workspace.namespace, ("Created", "Edited", "Reverted")
    created = {f"created version namespace={where} name=bot-v{n} kind={kind}" for n, kind in enumerate(kinds, 1)}
    assert sorted(line for line in messages if "name=bot-v" in line) == sorted(created)


@contextmanager
def an_unauthorized_server() -> Iterator[tuple[str, list[str]]]:
    """Answer 401 to each request, in several lines. Yields the address, and the keys of the requests."""
    keys: list[str] = []

    class Refuses(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            keys.append(self.headers["x-api-key"])
            body = json.dumps({"detail": "who\nare\nyou?"}).encode()
            self.send_response(401)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Write nothing into the output of the tests."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Refuses) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", keys
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_line_has_a_secret_or_a_configuration_and_each_is_well_formed(
    operator_kubeconfig: Path, workspace: Workspace, tmp_path: Path, form: str
) -> None:
    flags = (f"--log-format={form}", "--log-level=debug", f"--namespace={workspace.namespace}")
    with (
        an_unauthorized_server() as (url, keys),
        OperatorProcess(operator_kubeconfig, tmp_path / "log", *flags) as operator,
    ):
        _be_refused(workspace, url)
        workspace.until_ready("plain")
        workspace.until_not_ready("SchemaRefused", "wrong")
        workspace.until_not_ready("ServerUnauthorized", "remote", "graphs")
        assert operator.terminate() == 0
    log = operator.log.read_text()
    assert keys
    assert set(keys) == {KEY}
    assert "who are you?" in log
    assert KEY not in log
    assert base64.b64encode(KEY.encode()).decode() not in log
    assert PROMPT not in log
    assert "Traceback" not in log
    lines = log.splitlines()
    assert [line for line in lines if not (LINE.fullmatch(line) if form == "text" else json.loads(line))] == []


def _be_refused(workspace: Workspace, url: str) -> None:
    grant_credentials(workspace)
    secret = {"metadata": {"name": "key"}, "stringData": {"key": KEY}}
    workspace.client.demand("POST", f"/api/v1/namespaces/{workspace.namespace}/secrets", secret)
    no_default = {"policy": "None"}
    server = {"url": url, "apiKeySecretRef": {"name": "key", "key": "key"}}
    workspace.graph("remote", server=server, contextSchema={}, configSchema={}, defaultAssistant=no_default)
    wrong = {"properties": {"prompt": {"type": "integer"}}}
    workspace.graph("strict", contextSchema=wrong, defaultAssistant=no_default)
    workspace.graph(defaultAssistant=no_default)
    workspace.assistant("wrong", graph="strict", context={"prompt": PROMPT})
    workspace.assistant("far", graph="remote", context={"prompt": PROMPT})
    workspace.assistant("plain", context={"prompt": PROMPT})
