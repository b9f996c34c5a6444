"""What a LangGraph Server has deployed: graphs with their JSON Schemas, and the ids of their default assistants."""

from dataclasses import dataclass, field, replace
from typing import Any, Self
from uuid import UUID, uuid5

Json = dict[str, Any]
_NAMESPACE = UUID("6ba7b821-9dad-11d1-80b4-00c04fd430c8")


def default_id(graph_id: str) -> str:
    """The id of the assistant that the server itself makes for a graph."""
    return str(uuid5(_NAMESPACE, graph_id))


@dataclass(frozen=True)
class DeployedGraph:
    """An entry of langgraph.json."""

    name: str
    """The name of its default assistant: that of the compiled graph, which is the graph id if it has none."""
    description: str | None = None
    schemas: Json = field(default_factory=dict)
    """What GET /schemas answers, without `graph_id`."""

    def with_context(self, **properties: Json) -> Self:
        """The same with other properties of its context schema."""
        schema = {**(self.schemas.get("context_schema") or {}), "type": "object", "properties": properties}
        return replace(self, schemas={**self.schemas, "context_schema": schema, "config_schema": schema})


def _texts(title: str, *, default: bool = False, description: str | None = None) -> Json:
    """The schema of the state of both graphs of langgraph_server/project."""
    about = {} if description is None else {"description": description}
    extra = {"default": None} if default else {}
    properties = {name: {**extra, "title": name.title(), "type": "string"} for name in ("question", "answer")}
    return {**about, "properties": properties, "title": title, "type": "object"}


_STATE = _texts("State", description="What goes in and what comes out.")
_CONTEXT: Json = {
    "description": "The knobs of the writer.",
    "properties": {
        "prompt": {"default": "You are helpful.", "title": "Prompt", "type": "string"},
        "model": {"default": "small", "title": "Model", "type": "string"},
        "temperature": {"default": 0.5, "title": "Temperature", "type": "number"},
    },
    "title": "Context",
    "type": "object",
}


def _schemas(name: str, config: Json, context: Json | None) -> Json:
    return {
        "input_schema": _STATE,
        "output_schema": _STATE,
        "state_schema": _texts(f"{name}_state", default=True),
        "config_schema": config,
        "context_schema": context,
    }


WRITER = DeployedGraph("writer", schemas=_schemas("writer", _CONTEXT, _CONTEXT))
ROUTER = DeployedGraph("router", schemas=_schemas("router", {}, None))
