"""A real LangGraph Server on loopback, from PyPI, in an environment of its own: for tests and demo, no part of ours."""

from .server import LangGraphServer, Reply

__all__ = ["LangGraphServer", "Reply"]
