"""The operator, a real API server and a real LangGraph Server together."""
