"""Pure decisions: an input in, a decision, a status or the next steps out. No clock, chance, log or I/O."""
