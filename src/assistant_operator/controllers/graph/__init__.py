"""Schemas, the default Assistant and the status of a Graph."""
