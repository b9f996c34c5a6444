"""`python -m assistant_operator` is `assistant-operator`."""

from assistant_operator.manager.__main__ import main

main()
