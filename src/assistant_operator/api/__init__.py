"""The custom resources: pydantic models, conditions, reasons and canonical JSON. Pure."""
