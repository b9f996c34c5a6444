"""One suite of behaviours that the simulated API server shares with the real one."""
