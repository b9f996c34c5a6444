"""An assistant as a LangGraph Server has it."""

from pydantic import BaseModel, ConfigDict

from .meta import FreeForm


class RemoteAssistant(BaseModel):
    """An assistant on a LangGraph Server, with the field names of its API."""

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
        """The value of that key of the metadata, if it is a string."""
        value = (self.metadata or {}).get(name)
        return value if isinstance(value, str) else None
