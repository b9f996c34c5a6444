"""The whole simulation, or one run of it again: see --help."""

import argparse
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeVar

from rich.console import Console
from rich.progress import track

from simulation.chaos import run_seed
from simulation.faults import KINDS
from simulation.runs import Found, Run, run
from simulation.scenarios import SCENARIOS

T = TypeVar("T")


def main() -> int:
    asked = _arguments()
    warnings.simplefilter("ignore", ResourceWarning)  # of what a crashed replica left open
    logging.disable()  # what aiohttp's server says of connections that were cut: the trace has it
    if asked.scenario:
        return _tried(lambda: run(Run(asked.scenario, asked.replicas, asked.call, asked.fault), None))
    if asked.seed is not None:
        return _tried(lambda: run_seed(asked.seed, None))
    found = _all_tried("faults at each call", list(_runs(asked.one_in)), run)
    found += _all_tried("seeds", range(asked.first, asked.first + asked.seeds), run_seed)
    return 1 if found else 0


def _all_tried(what: str, cases: Sequence[T], work: Callable[[T], object]) -> int:
    return sum(_tried(partial(work, each)) for each in track(cases, what, console=Console(stderr=True)))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=100, help="how many seeds to run")
    parser.add_argument("--first", type=int, default=0, help="the first of them")
    parser.add_argument("--seed", type=int, help="run this one alone")
    parser.add_argument("--one-in", type=int, default=1, help="of so many calls and faults try one; 0 for none at all")
    parser.add_argument("--scenario", help="run this one alone", choices=[each.name for each in SCENARIOS])
    parser.add_argument("--replicas", type=int, default=1, help="of the operator")
    parser.add_argument("--call", type=int, default=0, help="the number of the call that fails; 0 for none")
    parser.add_argument("--fault", default="", help="how it fails", choices=["", *KINDS])
    return parser.parse_args()


def _runs(one_in: int) -> Iterator[Run]:
    if not one_in:
        return
    found = []
    for replicas in (1, 2):
        for scenario in SCENARIOS:
            calls = len(run(Run(scenario.name, replicas)).faults.seen)
            found += [Run(scenario.name, replicas, call, kind) for call in range(1, calls + 1) for kind in KINDS]
    yield from found[::one_in]


def _tried(work: Callable[[], object]) -> int:
    try:
        work()
    except Found as found:
        print(found, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
