"""The nouns of the house: pydantic models of our kinds, and what follows from a kind alone. No I/O."""
