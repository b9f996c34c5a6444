"""The Kubernetes API: transport, typed reads and writes, watches, Leases, credentials for LangGraph Servers."""
