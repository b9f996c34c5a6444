"""The option that rewrites the golden stories."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-stories", action="store_true", help="Rewrite the golden stories with what is told now.")
