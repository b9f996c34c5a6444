"""Requests to the API server as somebody, in plain JSON; not a Kubernetes client."""

import http.client
import json
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from .credentials import Access

PATIENCE = 30.0


class ApiRefused(Exception):
    """The API server said no to what had to work."""


@dataclass(frozen=True)
class Reply:
    """JSON where it was JSON, text where not."""

    status: int
    body: Any


class Api:
    """One API server seen by one user."""

    def __init__(self, access: Access) -> None:
        self._access = access

    def request(self, method: str, path: str, body: object = None) -> Reply:
        """Whatever the server says, whatever its status; ConnectionError where it says nothing."""
        request = urllib.request.Request(
            self._access.server + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._access.token}", "Content-Type": "application/json"},
        )
        try:
            with self._opener().open(request, timeout=PATIENCE) as response:
                return Reply(response.status, _parsed(response.read()))
        except urllib.error.HTTPError as refusal:
            with refusal:
                return Reply(refusal.code, _parsed(refusal.read()))
        except (urllib.error.URLError, http.client.HTTPException) as broken:
            raise ConnectionError(f"{method} {path}: {broken}") from broken

    def create(self, path: str, body: object) -> dict[str, Any]:
        """What was made of it, or ApiRefused."""
        reply = self.request("POST", path, body)
        if reply.status != HTTPStatus.CREATED:
            raise ApiRefused(f"POST {path}: {reply.status} {reply.body}")
        return dict(reply.body)

    def _opener(self) -> urllib.request.OpenerDirector:
        context = ssl.create_default_context(cafile=str(self._access.ca_file))
        # No proxy: the environment's is not for loopback.
        return urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context)
        )


def _parsed(content: bytes) -> object:
    try:
        parsed: object = json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
    return parsed
