"""What can go wrong between a client and the API server, as values."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Request:
    """What a client asked; `number` counts from 1 over the life of the proxy."""

    method: str
    path: str
    query: str
    user_agent: str
    number: int

    @property
    def is_watch(self) -> bool:
        return bool({"watch=true", "watch=1", "watch=True"} & set(self.query.split("&")))


@dataclass(frozen=True)
class Answer:
    """Refused by the proxy; the server never saw it."""

    status: int
    reason: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, object]:
        """The metav1.Status that clients look for."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.status,
        }


@dataclass(frozen=True)
class Page:
    """An answer as it comes from something that is no API server, or breaks off; the server never saw the request."""

    text: str
    status: int = 200
    content_type: str = "application/json"


@dataclass(frozen=True)
class Hang:
    """The connection stays open, and no answer comes; the server never saw the request."""


@dataclass(frozen=True)
class DropBefore:
    """The connection closes; the server never saw the request."""


@dataclass(frozen=True)
class DropAfter:
    """The server did it; the connection closes without an answer."""


@dataclass(frozen=True)
class Delay:
    """Forwarded, but late."""

    seconds: float


@dataclass(frozen=True)
class CutStream:
    """The connection closes after that much of the answer's body."""

    after_bytes: int


Fault = Answer | Page | Hang | DropBefore | DropAfter | Delay | CutStream
Trouble = Callable[[Request], Fault | None]
