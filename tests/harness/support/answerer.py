"""The least that a LangGraph Server answers: enough for a Graph to be deployed. For tests of the way to it."""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

SCHEMAS = {"context_schema": {"type": "object"}, "config_schema": {}}


class Answerer:
    """A server on loopback that knows every graph and has no assistants."""

    def __enter__(self) -> Self:
        self.heads: list[str] = []
        """The headers of each request."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        heads = self.heads

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heads.append(str(self.headers))
                status, told = _answer(self.path)
                body = json.dumps(told).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_POST = do_GET  # noqa: N815 (the library's name)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                pass

        return Handler


def _answer(path: str) -> tuple[int, Any]:
    match path.strip("/").split("/"):
        case ["info"]:
            return 200, {"version": "9.9.9"}
        case ["ok"]:
            return 200, {"ok": True}
        case ["assistants", "search"]:
            return 200, []
        case ["assistants", _, "schemas"]:
            return 200, SCHEMAS
    return 404, {"detail": "Not Found"}
