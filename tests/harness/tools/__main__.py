"""`python -m harness.tools`: make what is not there yet, and say where everything is."""

from . import ALL, chromium

for program in ALL:
    print(program.path())
print(chromium())
