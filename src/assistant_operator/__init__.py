"""The operator of LangGraph assistants on Kubernetes: every edit an immutable version."""
