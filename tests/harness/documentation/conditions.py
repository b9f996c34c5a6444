"""The tables of conditions, reasons and events, from the catalogues in the code."""

import ast
import inspect
from collections.abc import Iterator
from itertools import pairwise

from assistant_operator.api import reason as catalogue
from assistant_operator.api.condition_types import CONDITION_TYPES, PROGRESS
from assistant_operator.api.reason import Reason

from .tables import table

_EVENT = "Event"
_NOTHING = "Nothing."


def _docstrings() -> Iterator[tuple[str, str]]:
    """The name of each member of Reason that is followed by a docstring, and that docstring in one line."""
    (body,) = [node.body for node in ast.parse(inspect.getsource(catalogue)).body if isinstance(node, ast.ClassDef)]
    for member, following in pairwise(body):
        match member, following:
            case (
                ast.Assign(targets=[ast.Name(id=name)], value=ast.Tuple()),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                yield name, " ".join(text.split())


EXPLANATIONS = {Reason[name]: text.partition(" Action: ") for name, text in _docstrings()}


def meaning(reason: Reason) -> str:
    return EXPLANATIONS[reason][0]


def action(reason: Reason) -> str:
    """What a user should do; empty for nothing."""
    return EXPLANATIONS[reason][2]


def types() -> str:
    rows = [
        (f"`{name}`", kind, f"{meaning}")
        for kind, of_kind in CONDITION_TYPES.items()
        for name, meaning in of_kind.items()
    ]
    progress = [(f"`{name}`", "Graph, Assistant", f"{meaning}") for name, meaning in PROGRESS.items()]
    return table(("condition", "kind", "True means"), [*rows, *progress])


def reasons() -> str:
    """All reasons of conditions, in the order of the alphabet."""
    rows = (
        (f"`{each}`", _where(each), _progress(each), meaning(each), action(each) or _NOTHING)
        for each in sorted(Reason)
        if any("." in place and not place.endswith(_EVENT) for place in each.places)
    )
    return table(("reason", "conditions", "beside `Ready=False`", "meaning", "what to do"), rows)


def events() -> str:
    """Events that are not caused by a condition alone."""
    rows = (
        (f"`{each}`", ", ".join(_kinds(each)), meaning(each), action(each) or _NOTHING)
        for each in sorted(Reason)
        if _kinds(each)
    )
    return table(("event", "on", "meaning", "what to do"), rows)


def _kinds(reason: Reason) -> list[str]:
    return [place.removesuffix(f".{_EVENT}") for place in reason.places if place.endswith(f".{_EVENT}")]


def _where(reason: Reason) -> str:
    """The kinds, each with its conditions."""
    found: dict[str, list[str]] = {}
    for kind, _, name in (place.partition(".") for place in reason.places):
        if name and name != _EVENT:
            found.setdefault(kind, []).append(f"`{name}`")
    return "; ".join(f"{kind}: {', '.join(names)}" for kind, names in found.items())


def _progress(reason: Reason) -> str:
    return " or ".join(f"`{name}`" for name in PROGRESS if name in reason.places)
