"""Clients of the outside systems. They take and return models, and raise two errors each: retryable and permanent."""
