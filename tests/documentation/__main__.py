"""`python -m documentation`: write what is generated in docs/; with `chart` also in deploy/chart."""

import sys

from . import ROOT
from .chart import written as of_the_chart
from .generated import written

files = [*written(), *(of_the_chart() if "chart" in sys.argv else ())]
for path, text in files:
    if path.read_text() != text:
        path.write_text(text)
        print(f"wrote {path.relative_to(ROOT)}")
