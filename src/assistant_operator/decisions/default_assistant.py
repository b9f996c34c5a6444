"""Which fields of a default Assistant the operator applies: those of its Graph that nobody took over. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from ..resources.assistant import Assistant
from ..resources.canonical import canonical
from ..resources.graph import Graph
from ..resources.meta import GROUP, MANAGER, FreeForm, ManagedFields

DEFAULT = f"{GROUP}/default"

Path = tuple[str, ...]
Leaves = dict[Path, Any]


def apply_configuration(graph: Graph, live: Assistant | None) -> FreeForm | None:
    """The `spec` to apply to the default Assistant, without what others took over; None if it would change nothing."""
    wanted = dict(leaves({"graphRef": {"name": graph.metadata.name}, **graph.spec.defaults.manifest()}))
    if live is None:
        return nested(wanted)
    ours, theirs = owned(live.metadata.managed_fields)
    present = dict(leaves(live.spec.manifest()))
    kept = {path: value for path, value in wanted.items() if not _is_taken(path, value, present, theirs)}
    if kept.keys() == ours and all(_same(value, path, present) for path, value in kept.items()) and _is_labelled(live):
        return None
    return nested(kept)


def without(configuration: FreeForm, conflicts: frozenset[str]) -> FreeForm:
    """`configuration` without the fields the API server named in a conflict (`.spec.context.prompt`)."""
    kept = {path: value for path, value in leaves(configuration) if not _conflicts(path, conflicts)}
    return nested(kept)


def _conflicts(path: Path, conflicts: frozenset[str]) -> bool:
    dotted = ".spec." + ".".join(path)
    # The API server writes keys unquoted, so a dotted key is told from two steps by comparing whole spellings.
    return any(dotted == each or dotted.startswith(each + ".") or each.startswith(dotted + ".") for each in conflicts)


def _is_labelled(live: Assistant) -> bool:
    return live.metadata.labels.get(DEFAULT) == "true"


def _is_taken(path: Path, value: Any, present: Leaves, theirs: set[Path]) -> bool:
    """Whether somebody else owns this field, or one above or below it, and gave it another value."""
    if _same(value, path, present):
        return False
    return any(_overlap(path, other) for other in theirs)


def _overlap(one: Path, other: Path) -> bool:
    shared = min(len(one), len(other))
    return one[:shared] == other[:shared]


def _same(value: Any, path: Path, present: Leaves) -> bool:
    return path in present and canonical(present[path]) == canonical(value)


def leaves(content: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each field server-side apply owns by itself: scalars, whole lists, empty objects."""
    for name, value in content.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*at, name))
        else:
            yield (*at, name), value


def nested(content: Leaves) -> FreeForm:
    """The reverse of `leaves`."""
    whole: FreeForm = {}
    for path, value in content.items():
        place = whole
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place[path[-1]] = value
    return whole


def owned(managed: tuple[ManagedFields, ...]) -> tuple[set[Path], set[Path]]:
    """The fields of the spec that our apply owns, and those that anybody else owns."""
    ours: set[Path] = set()
    theirs: set[Path] = set()
    for entry in managed:
        if entry.subresource:
            continue
        mine = entry.manager == MANAGER and entry.operation == "Apply"
        (ours if mine else theirs).update(_paths(entry.fields_v1.get("f:spec", {})))
    return ours, theirs


def _paths(fields: FreeForm, at: Path = ()) -> Iterator[Path]:
    for step, below in fields.items():
        if not step.startswith("f:"):
            continue
        path = (*at, step[2:])
        inner = list(_paths(below, path))
        if inner:
            yield from inner
        else:
            yield path
