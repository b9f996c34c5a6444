"""The doors of the house: the only rooms that talk to the outside. Models in, models out, two errors a door."""
