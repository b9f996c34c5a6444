"""The conditions and labels of versions, and pruning: what the status of an Assistant does not wait for."""
