"""The Assistants API of a LangGraph Server in memory, as far as tests/contract shows that the real one behaves so."""

from .graphs import ROUTER, WRITER, DeployedGraph, default_id
from .server import SimulatedLangGraphServer

__all__ = ["ROUTER", "WRITER", "DeployedGraph", "SimulatedLangGraphServer", "default_id"]
