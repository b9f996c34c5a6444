"""`python -m harness.documentation crds|docs|chart`: write generated files: CRDs, parts of docs/, of the chart."""

import sys

from . import ROOT, chart, definitions, generated

GENERATED = {"crds": definitions.written, "docs": generated.written, "chart": chart.written}

for argument in sys.argv[1:]:
    for path, text in GENERATED[argument]():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
