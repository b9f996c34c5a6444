"""How a planted bug is looked for: where it was found last, in each scenario, then in 200 seeds."""

from collections.abc import Callable, Iterable, Iterator
from functools import partial

from simulation.chaos import run_seed
from simulation.parallel import quiet
from simulation.planted import Bug, Hint, Seed, Struck
from simulation.runs import Found, Run, run
from simulation.scenarios import SCENARIOS

SEEDS = 200
_LAST = 20
"""Lines of the trace that are shown."""
Search = Callable[[], object]


def hunted(bug: Bug) -> str:
    """How it was found; empty if it was not."""
    seeds = (partial(run_seed, seed, _LAST) for seed in range(SEEDS))
    return _found([*_hinted(bug.hint), *_scenarios(), *seeds])


def unplanted(bugs: Iterable[Bug]) -> str:
    """What is found where they are found, while none of them is planted: empty, or it is not they that are found."""
    hints = dict.fromkeys(bug.hint for bug in bugs)
    return _found([*_scenarios(), *(search for hint in hints for search in _hinted(hint))])


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


def _hinted(hint: Hint | None) -> Iterator[Search]:
    match hint:
        case Seed(number):
            yield partial(run_seed, number, _LAST)
        case Struck(scenario, fault, calls):
            yield from (partial(run, Run(scenario, 1, call, fault), _LAST) for call in calls)
        case None:
            pass
