"""The files of the chart that are generated: Helm reads no file outside a chart."""

import json
from collections.abc import Iterator
from pathlib import Path

from harness.tools.values_table import put_in, table

from . import ROOT

CHART = ROOT / "deploy/chart"
COPIES = {
    "crds/assistantaliases.yaml": "crds/assistantaliases.yaml",
    "crds/assistants.yaml": "crds/assistants.yaml",
    "crds/assistantversions.yaml": "crds/assistantversions.yaml",
    "crds/graphs.yaml": "crds/graphs.yaml",
    "alerts.yaml": "deploy/monitoring/alerts.yaml",
    "dashboard.json": "deploy/monitoring/dashboard.json",
    "record-user.yaml": "deploy/record-user/policy.yaml",
    "strict-history.yaml": "deploy/strict-history/policy.yaml",
    "no-secrets.yaml": "deploy/no-secrets/policy.yaml",
}
"""By name below files/: what it is a copy of."""


def written() -> Iterator[tuple[Path, str]]:
    """Each generated file of the chart, with the text that it should have."""
    for name, source in COPIES.items():
        yield CHART / "files" / name, (ROOT / source).read_text()
    schema = json.loads((CHART / "values.schema.json").read_text())
    readme = CHART / "README.md"
    yield readme, put_in(readme.read_text(), table((CHART / "values.yaml").read_text(), schema))
