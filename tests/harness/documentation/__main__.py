"""`python -m harness.documentation crds|docs|policy|chart`: write generated files.

CustomResourceDefinitions, parts of docs/, the policy of deploy/no-secrets, and files of the chart, which are copies.
"""

import sys

from . import ROOT, admission, chart, definitions, generated

GENERATED = {
    "crds": definitions.written,
    "docs": generated.written,
    "policy": admission.written,
    "chart": chart.written,
}

for argument in sys.argv[1:]:
    for path, text in GENERATED[argument]():
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
