"""The copies on LangGraph Servers: publish, withdraw, probe, detect drift."""
