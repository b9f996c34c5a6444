"""The validation of many kept versions after a change of schemas."""
