"""What a LangGraph Server says: an assistant as it stands there, and what the server says of a graph."""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict

from .graph import Schemas
from .meta import FreeForm
from .reason import Reason


class RemoteAssistant(BaseModel):
    """An assistant on a LangGraph Server. The names of its fields are the server's own."""

    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)

    assistant_id: str
    graph_id: str = ""
    name: str | None = None
    description: str | None = None
    context: FreeForm | None = None
    config: FreeForm | None = None
    metadata: FreeForm | None = None
    version: int | None = None

    @property
    def configurable(self) -> FreeForm:
        return (self.config or {}).get("configurable") or {}

    def mark(self, name: str) -> str | None:
        """What the metadata says under that key, if it is text."""
        said = (self.metadata or {}).get(name)
        return said if isinstance(said, str) else None


@dataclass(frozen=True, slots=True)
class ServerStatus:
    """Whether a server serves a graph, and what it says of it."""

    serves: bool
    reason: Reason
    message: str
    release: str = ""
    schemas: Schemas | None = None
    """None while it does not say: what it said before still holds."""
