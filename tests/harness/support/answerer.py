"""The least that a LangGraph Server answers: enough for a Graph to be deployed. For tests of the way to it."""

from typing import Any

from .http_thread import HttpThread, JsonHandler

SCHEMAS = {"context_schema": {"type": "object"}, "config_schema": {}}


class Answerer(HttpThread):
    """A server on loopback that knows every graph and has no assistants."""

    def __init__(self) -> None:
        super().__init__()
        self.heads: list[str] = []
        """The headers of each request."""

    @property
    def url(self) -> str:
        return f"http://{self.address}"

    def _handler(self) -> type[JsonHandler]:
        heads = self.heads

        class Handler(JsonHandler):
            def do_GET(self) -> None:  # noqa: N802 (the library's name)
                self.rfile.read(int(self.headers.get("Content-Length", 0)))
                heads.append(str(self.headers))
                self.answer(*_answer(self.path))

            do_POST = do_GET  # noqa: N815 (the library's name)

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
