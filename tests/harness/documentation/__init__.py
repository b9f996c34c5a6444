"""The documents of the project: the pages and tables that are generated, and what the tests read in all of them."""

from pathlib import Path

ROOT = Path(__file__).parents[3]
DOCS = ROOT / "docs"
