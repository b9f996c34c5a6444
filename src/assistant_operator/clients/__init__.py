"""Everything that speaks to the outside. Models in, models out; two errors a client: it may pass, or it may not."""
