"""JSON Schema validation in separate processes."""
