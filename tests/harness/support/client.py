"""One kept connection to the API server as admin: edits are to arrive as fast as they can be sent."""

import http.client
import json
import ssl
import threading
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

MERGE = "application/merge-patch+json"
_LONGEST_IDLE = 30.0
"""Seconds for which a connection is kept without a request: the API server closes one after 90."""


class Refused(Exception):
    """The API server said no to what had to work."""

    def __init__(self, what: str, status: int, body: Any) -> None:
        super().__init__(f"{what}: {status} {body}")
        self.status = status
        self.body = body


class Client:
    """Plain JSON over one connection a thread."""

    def __init__(self, kubeconfig: Path) -> None:
        said = yaml.safe_load(kubeconfig.read_text())
        cluster, user = said["clusters"][0]["cluster"], said["users"][0]["user"]
        self._host = urlsplit(cluster["server"]).netloc
        self._trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._token = user["token"]
        self._connections = threading.local()

    def ask(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> tuple[int, Any]:
        """Status and body, whatever they are. A connection that broke since the last request is made anew once."""
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": content_type}
        content = None if body is None else json.dumps(body)
        for attempt in (1, 2):
            try:
                connection = self._connection()
                connection.request(method, path, content, headers)
                answer = connection.getresponse()
                text = answer.read()
            except (http.client.HTTPException, OSError):
                del self._connections.one
                if attempt == 2 or method not in {"GET", "PATCH"}:
                    raise
            else:
                return answer.status, _parsed(text)
        raise AssertionError("not reached")

    def demand(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> Any:
        """The body of an answer that must be good, or Refused."""
        status, told = self.ask(method, path, body, content_type)
        if status >= 300:
            raise Refused(f"{method} {path}", status, told)
        return told

    def _connection(self) -> http.client.HTTPSConnection:
        kept, now = self._connections, time.monotonic()
        if hasattr(kept, "one") and now - kept.used > _LONGEST_IDLE:
            kept.one.close()
            del kept.one
        if not hasattr(kept, "one"):
            kept.one = http.client.HTTPSConnection(self._host, context=self._trust, timeout=30)
        kept.used = now
        connection: http.client.HTTPSConnection = kept.one
        return connection


def _parsed(text: bytes) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text.decode(errors="replace")
