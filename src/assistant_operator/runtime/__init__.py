"""Machinery that knows none of our kinds: queues, leader election, events, metrics, health, logging."""
