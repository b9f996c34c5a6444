"""What an operator shows of itself: figures, alerts, dashboard, health, log; on the real control plane."""
