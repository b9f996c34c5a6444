"""Metrics, alerts, dashboard, health and log of an operator on the real control plane."""
