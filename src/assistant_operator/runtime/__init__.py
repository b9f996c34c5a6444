"""Machinery that knows none of our kinds: informer, queues, leader election, events, metrics, health, logging."""
