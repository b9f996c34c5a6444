"""A simulation that finds nothing proves nothing: each planted bug is found."""

import os
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from simulation.planted import BUGS
from simulation.programs import python

Hunts = dict[str, "Future[str]"]
NONE = ""


def _hunted(name: str) -> str:
    """How the bug was found; empty if it was not. In a process of its own, which imports the planted module."""
    done = python("-m", "simulation.planted", name)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


@pytest.fixture(scope="module")
def hunts(request: pytest.FixtureRequest) -> Iterator[Hunts]:
    """Of each bug that a test of this run is about: on all processors, the longest hunt first."""
    asked = {_name(each) for each in request.session.items}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {name: pool.submit(_hunted, name) for name in [NONE, *BUGS] if name in asked}


def _name(test: pytest.Item) -> Any:
    """Of the bug that a test is about."""
    called: Any = getattr(test, "callspec", None)
    return called.params.get("name") if called else None


@pytest.mark.parametrize("name", BUGS)
def test_a_planted_bug_is_found(name: str, hunts: Hunts) -> None:
    assert hunts[name].result(), "nothing was found"


@pytest.mark.parametrize("name", [NONE], ids=["nothing planted"])
def test_where_they_are_found_nothing_is_without_them(name: str, hunts: Hunts) -> None:
    assert not hunts[name].result()
