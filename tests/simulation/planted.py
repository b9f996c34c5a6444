"""Bugs of one line, each planted into the operator before it is imported: the simulation must find every one."""

import importlib
import importlib.util
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Bug:
    """In `module` of the package, `right` stands once, and is replaced by `wrong`."""

    module: str
    right: str
    wrong: str
    fault: str = ""
    """Without which it is not seen."""
    calls: tuple[int, ...] = ()
    """At which that fault is tried."""


BUGS = {
    "equal content makes a version": Bug("decisions.history", "return previous is None or", "return True or"),
    "the chain begins anew": Bug("decisions.history", 'edit.previous.spec.chain if edit.previous else ""', '""'),
    "keep is not kept": Bug("decisions.retention", "each.is_labelled_keep or each", "each"),
    "a gap of one edit is no gap": Bug(
        "operator.recorder", "if generation > ledger.observed + 1:", "if generation > ledger.observed + 2:"
    ),
    "what went while it was published is noted": Bug(
        "operator.publisher",
        "if assistant and (seen is None or",
        "if not assistant and (seen is None or",
        "409",
        (36, 37, 38),
    ),
    "numbers go on from what is kept": Bug(
        "operator.past", "max(ledger.latest or self._cache.newest_number(assistant.key), ledger.taken) + 1", "1"
    ),
    "every version is made twice": Bug(
        "operator.recorder", "same and head.spec.generation >=", "same and 0 >=", "crash after", tuple(range(9, 30))
    ),
}


def plant(name: str) -> None:
    """Raises AssertionError if the source has not that line, or if the module is imported already."""
    bug = BUGS[name]
    module = f"assistant_operator.{bug.module}"
    assert module not in sys.modules
    spec = importlib.util.find_spec(module)
    assert spec
    assert spec.origin
    source = Path(spec.origin).read_text()
    assert source.count(bug.right) == 1, f"{module} has not once: {bug.right}"
    planted = importlib.util.module_from_spec(spec)
    parent, _, own = module.rpartition(".")
    setattr(importlib.import_module(parent), own, planted)
    sys.modules[module] = planted
    exec(compile(source.replace(bug.right, bug.wrong), spec.origin, "exec"), planted.__dict__)
