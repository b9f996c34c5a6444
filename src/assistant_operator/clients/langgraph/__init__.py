"""LangGraph Servers: transport with limits and a circuit breaker, and the Assistants API."""
