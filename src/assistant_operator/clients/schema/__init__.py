"""JSON Schema validation in a process of its own."""
