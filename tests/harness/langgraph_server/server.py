"""One LangGraph Server: started, stopped, killed, wiped, and asked what it holds and what it answers."""

import json
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from harness.controlplane.component import Component
from harness.support.ports import free_port

from .environment import server_python

PROJECT = Path(__file__).with_name("project")
WRITER_ID = "b4a486dd-d043-5b64-b6e1-20bae3a982fb"
ALL = {"writer": "writer", "router": "router", "shop": "shop"}
PATIENCE = 60.0
QUIET = {"LANGSMITH_TRACING": "false", "LANGGRAPH_NO_VERSION_CHECK": "true", "LANGGRAPH_CLI_NO_ANALYTICS": "1"}
Json = dict[str, Any]


@dataclass(frozen=True)
class Reply:
    """JSON where it was JSON, text where not."""

    status: int
    body: Any


class LangGraphServer:
    """A server in a folder, at one address for as long as the folder is used."""

    def __init__(
        self,
        directory: Path,
        graphs: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
        http: Mapping[str, bool] | None = None,
    ) -> None:
        """`graphs`: ids and what of project/graphs.py they are. `key`: what a request must carry as x-api-key.

        `http`: the section of that name in langgraph.json, such as disable_meta.
        """
        self._home = directory
        self._http = dict(http or {})
        self._graphs = dict(graphs or ALL)
        self.key = key
        self._port = free_port()
        command = [str(server_python()), "-m", "langgraph_cli", "dev", "--host=127.0.0.1", f"--port={self._port}"]
        command += ["--no-browser", "--no-reload", "--n-jobs-per-worker=4", "--config=langgraph.json"]
        self._server = Component(
            "the LangGraph Server",
            command,
            directory / "server.log",
            directory=directory,
            environment={**_environment(), **QUIET, "NO_COLOR": "1", "THE_KEY": key or ""},
        )

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Ready to answer when this returns."""
        self._home.mkdir(parents=True, exist_ok=True)
        for source in PROJECT.glob("*.py"):
            shutil.copy(source, self._home)
        self.deploy(self._graphs)
        self._server.start()
        self._server.wait_until(self._answers, PATIENCE)

    def deploy(self, graphs: Mapping[str, str]) -> None:
        """From the next start on it serves these graphs."""
        self._graphs = dict(graphs)
        found = {graph_id: f"./graphs.py:{name}" for graph_id, name in graphs.items()}
        settings: Json = {"dependencies": ["."], "graphs": found}
        if self.key:
            settings["auth"] = {"path": "./auth.py:auth", "disable_studio_auth": True}
        if self._http:
            settings["http"] = self._http
        (self._home / "langgraph.json").write_text(json.dumps(settings))

    def stop(self) -> None:
        """Ask it to end; it keeps what it knows."""
        self._server.stop()

    def kill(self) -> None:
        self._server.kill()

    def wipe(self) -> None:
        """Restart it as if it had just been installed."""
        self.kill()
        shutil.rmtree(self._home / ".langgraph_api", ignore_errors=True)
        self.start()

    def copy_to(self, directory: Path) -> None:
        """Stop it and leave a copy of its folder there, data and all, for another server."""
        self.stop()
        shutil.copytree(self._home, directory)

    def request(self, method: str, path: str, body: object = None) -> Reply:
        """Whatever it says, whatever its status."""
        headers = {"Content-Type": "application/json", **({"x-api-key": self.key} if self.key else {})}
        content = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=content, headers=headers)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as answer:
                return Reply(answer.status, _parsed(answer.read()))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Reply(refusal.code, _parsed(refusal.read()))

    def assistant(self, assistant_id: str) -> Json | None:
        """What it holds; None if nothing."""
        reply = self.request("GET", f"/assistants/{assistant_id}")
        return reply.body if reply.status == 200 else None

    def assistants(self, graph: str = "writer") -> list[Json]:
        """All it holds of a graph."""
        found: list[Json] = self.request("POST", "/assistants/search", {"graph_id": graph, "limit": 1000}).body
        return found

    def edit(self, assistant_id: str, **fields: Any) -> Json:
        """As somebody in Studio would."""
        reply = self.request("PATCH", f"/assistants/{assistant_id}", fields)
        assert reply.status == 200, reply
        changed: Json = reply.body
        return changed

    def answer(self, assistant: str, question: str) -> str:
        """What a run of that assistant (its UUID, or a graph's id for the default one) answers."""
        reply = self.request("POST", "/runs/wait", {"assistant_id": assistant, "input": {"question": question}})
        assert reply.status == 200, reply
        return str(reply.body["answer"])

    def _answers(self) -> bool:
        try:
            return self.request("GET", "/ok").status == 200
        except OSError:
            return False


def _environment() -> dict[str, str]:
    """Ours, without what would make the server call home or our packages its own."""
    strange = ("LANGSMITH", "LANGCHAIN", "LANGGRAPH", "PYTHON", "VIRTUAL_ENV")
    return {name: value for name, value in os.environ.items() if not name.startswith(strange)}


def _parsed(content: bytes) -> Any:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
