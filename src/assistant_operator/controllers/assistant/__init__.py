"""Which version is in force, and the status of an Assistant."""
