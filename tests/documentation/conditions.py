"""The tables of conditions, reasons and events, from the catalogues in the code."""

from assistant_operator.api.condition_types import CONDITION_TYPES, PROGRESS
from assistant_operator.api.reason import Reason

from .tables import table

_EVENT = "Event"


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
        (f"`{each}`", _where(each), _progress(each), each.meaning, each.action or "Nothing.")
        for each in sorted(Reason)
        if any("." in place and not place.endswith(_EVENT) for place in each.places)
    )
    return table(("reason", "conditions", "beside `Ready=False`", "meaning", "what to do"), rows)


def events() -> str:
    """Events that are not caused by a condition alone."""
    rows = (
        (f"`{each}`", ", ".join(_kinds(each)), each.meaning, each.action or "Nothing.")
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
