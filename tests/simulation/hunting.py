"""How a planted bug is looked for: in each scenario, where it was found last, then in 200 seeds."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from simulation.chaos import run_seed
from simulation.parallel import quiet
from simulation.planted import Bug, Seed, Struck
from simulation.runs import Found, Run, run
from simulation.scenarios import SCENARIOS

SEEDS = 200
CALLS = 30
"""The most at which a fault is tried, from the one at which it was found last: calls are soon others."""
_LAST = 20
"""Lines of the trace that are shown."""
Search = Callable[[], object]


def hunted(bug: Bug) -> str:
    """How it was found; empty if it was not."""
    seeds = (partial(run_seed, seed, _LAST) for seed in range(SEEDS))
    return _found([*_hinted(bug), *_scenarios(), *seeds] if bug.hint else [*_scenarios(), *seeds])


def unplanted(bugs: Iterable[Bug]) -> str:
    """What is found where they are found, while none of them is planted: empty, or it is not they that are found."""
    return _found([*_scenarios(), *(search for bug in bugs for search in _hinted(bug))])


def _found(searches: Iterable[Search]) -> str:
    quiet()
    for search in searches:
        try:
            search()
        except Found as found:
            return str(found)
    return ""


def _scenarios() -> Iterator[Search]:
    return (partial(run, Run(each.name), _LAST) for each in SCENARIOS)


def _hinted(bug: Bug) -> Iterator[Search]:
    match bug.hint:
        case Seed(number):
            yield partial(run_seed, number, _LAST)
        case Struck(scenario, fault, call, replicas):
            near = sorted(range(1, call + CALLS), key=lambda each: abs(each - call))[:CALLS]
            yield from (partial(run, Run(scenario, replicas, each, fault), _LAST) for each in near)
        case None:
            pass
