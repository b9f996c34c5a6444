"""The verbs of the house: pure functions over a frozen World. They hold the whole behaviour of the product."""
