"""How fast the operator is, as ratios measured in one run; never a timed test."""
