"""`python -m assistant_operator` is `assistant-operator`."""

from .operator.__main__ import main

main()
