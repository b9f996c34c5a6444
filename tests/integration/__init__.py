"""The operator against a real API server: our CRDs, our RBAC, kopf running."""
