"""The custom resources: pydantic models, conditions, reasons, canonical JSON and digests. Pure."""
