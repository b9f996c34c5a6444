"""The whole simulation on all processors: faults at each call, then random ones. Or one run of it again."""

import argparse
import sys
import zlib
from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from simulation.chaos import run_seed
from simulation.faults import KINDS
from simulation.parallel import Each, processes, quiet
from simulation.runs import Found, Run, run
from simulation.scenarios import SCENARIOS

T = TypeVar("T")
_SHOWN = 20
"""Failures that are shown with their schedule."""


def main() -> int:
    asked = _arguments()
    if asked.seed is not None or asked.scenario:
        quiet()
        one = Run(asked.scenario, asked.replicas or 1, asked.call, asked.fault)
        found = [_tried(lambda: _one(one if asked.scenario else asked.seed, shows=asked.trace))]
        return _shown([text for text in found if text])
    with processes() as each:
        found = _tried_at_each_call(each, asked) if asked.one_in else []
        found += _all(each, "seeds", _tried_seed, range(asked.first, asked.first + asked.seeds))
    return _shown([text for text in found if text])


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--trace", action="store_true", help="show what happened in that one in any case")
    parser.add_argument("--one-in", type=int, default=1, help="of so many calls and faults try one; 0 for none at all")
    parser.add_argument("--scenario", help="run this one alone", choices=[each.name for each in SCENARIOS])
    parser.add_argument("--replicas", type=int, help="of the operator; without it one, and then two", choices=(1, 2))
    parser.add_argument("--call", type=int, default=0, help="the number of the call that fails; 0 for none")
    parser.add_argument("--fault", default="", help="how it fails", choices=["", *KINDS])
    return parser.parse_args()


def _one(what: int | Run, *, shows: bool) -> None:
    world = run(what, None) if isinstance(what, Run) else run_seed(what, None)
    if shows:
        print(world.simulation.trace.text())


def _tried_at_each_call(each: Each, asked: argparse.Namespace) -> list[str]:
    counts = (asked.replicas,) if asked.replicas else (1, 2)
    whole = [Run(scenario.name, count) for count in counts for scenario in SCENARIOS]
    calls = zip(whole, each(_calls, whole), strict=True)
    runs = [Run(of.scenario, of.replicas, call, kind) for of, n in calls for call in range(1, n + 1) for kind in KINDS]
    chosen = [run for run in runs if zlib.crc32(str(run).encode()) % asked.one_in == 0]
    return _all(each, "faults at each call", _tried_run, chosen)


def _all(each: Each, what: str, work: Callable[[T], str], cases: Sequence[T]) -> list[str]:
    return list(track(each(work, cases), what, len(cases), console=Console(stderr=True)))


def _calls(what: Run) -> int:
    """How many there are; 0 if not even the run without faults goes well, which other tests tell."""
    try:
        return len(run(what).faults.seen)
    except Found:
        return 0


def _tried_run(what: Run) -> str:
    """What was found; empty for nothing."""
    return _tried(lambda: run(what, None))


def _tried_seed(seed: int) -> str:
    return _tried(lambda: run_seed(seed, None))


def _tried(work: Callable[[], object]) -> str:
    try:
        work()
    except Found as found:
        return str(found)
    return ""


def _shown(found: list[str]) -> int:
    """The exit code."""
    for text in found[:_SHOWN]:
        print(text, file=sys.stderr)
    if len(found) > 1:
        print("\n".join([f"{len(found)} failed:", *(text.partition("\n")[0] for text in found)]), file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
