"""Shared by the HTTP clients: bounded responses, proxies, TLS contexts."""
