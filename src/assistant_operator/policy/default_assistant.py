"""Which fields of a default Assistant the operator applies: those of its Graph that nobody took over. Pure."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.canonical import canonical
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import GROUP, MANAGER, FreeForm, ManagedFields

DEFAULT = f"{GROUP}/default"

Path = tuple[str, ...]
Leaves = dict[Path, Any]
Tree = dict[str | None, Any]
"""Paths, step by step; the step None is the end of one."""


def apply_configuration(graph: Graph, live: Assistant | None) -> FreeForm | None:
    """The `spec` to apply to the default Assistant, without what others took over; None if it would change nothing."""
    wanted = dict(leaves({"graphRef": {"name": graph.metadata.name}, **graph.spec.defaults.manifest()}))
    if live is None:
        return nested(wanted)
    ours, theirs = owned(live.metadata.managed_fields)
    spec = live.spec.manifest()
    taken = _tree(theirs, spec)
    kept = {path: value for path, value in wanted.items() if _is_due(path, value, spec, taken)}
    # An object that we own and no longer apply would be taken away with all that others own in it.
    kept |= {path: {} for path in ours - kept.keys() if _holds(path, taken)}
    told = nested(kept)
    settled = dict(leaves(told)).keys() == dict(leaves(nested({path: {} for path in ours}))).keys()
    if settled and all(_same(value, path, spec) for path, value in kept.items()) and _is_labelled(live):
        return None
    return told


def without(configuration: FreeForm, conflicts: frozenset[str]) -> FreeForm:
    """`configuration` without the fields the API server named in a conflict (`.spec.context.prompt`).

    It writes keys unquoted, so a dotted key and two steps look alike. What a field lies in is still applied.
    """
    whole: FreeForm = {}
    left = [(".spec", configuration, whole)]
    while left:
        at, content, kept = left.pop()
        for name, value in content.items():
            if f"{at}.{name}" in conflicts:
                continue
            if isinstance(value, dict):
                kept[name] = {}
                left.append((f"{at}.{name}", value, kept[name]))
            else:
                kept[name] = value
    return whole


def _is_due(path: Path, value: Any, spec: FreeForm, taken: Tree) -> bool:
    """Whether it is to be applied now: it stands there already, or nobody took it over."""
    if isinstance(value, dict) and _at(path, spec) not in ({}, _NOTHING):
        # An object whose last field goes becomes null, which the API server refuses: first it goes as a whole.
        return _holds(path, taken)
    return _same(value, path, spec) or not _overlaps(path, taken)


def _is_labelled(live: Assistant) -> bool:
    return DEFAULT in live.metadata.labels  # with whatever value a person gave it


def _tree(paths: Iterable[Path], spec: FreeForm) -> Tree:
    """Who owns an object owns none of its fields by that: its path goes on."""
    tree: Tree = {}
    for path in paths:
        place = tree
        for step in path:
            place = place.setdefault(step, {})
        if not isinstance(_at(path, spec), dict):
            place[None] = {}
    return tree


def _overlaps(path: Path, taken: Tree) -> bool:
    """Whether somebody else owns this field, or one above or below it."""
    for step in path:
        if None in taken:
            return True
        if step not in taken:
            return False
        taken = taken[step]
    return True


def _holds(path: Path, taken: Tree) -> bool:
    """Whether somebody else owns a field in the object at `path`."""
    for step in path:
        taken = taken.get(step, {})
    return bool(taken.keys() - {None})


def _same(value: Any, path: Path, spec: FreeForm) -> bool:
    """Whether that stands there already; of an object only that it is one."""
    present = _at(path, spec)
    if isinstance(value, dict):
        return isinstance(present, dict)
    return present is not _NOTHING and canonical(present) == canonical(value)


_NOTHING = object()


def _at(path: Path, content: Any) -> Any:
    for step in path:
        content = content.get(step, _NOTHING) if isinstance(content, dict) else _NOTHING
    return content


def leaves(content: Mapping[str, Any], at: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Each field server-side apply owns by itself: scalars, whole lists, empty objects."""
    for name, value in content.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*at, name))
        else:
            yield (*at, name), value


def nested(content: Leaves) -> FreeForm:
    """The reverse of `leaves`; an empty object gives way to what lies in it."""
    whole: FreeForm = {}
    for path, value in content.items():
        place = whole
        for step in path[:-1]:
            place = place.setdefault(step, {})
        place.setdefault(path[-1], {} if isinstance(value, dict) else value)
    return whole


def owned(managed: tuple[ManagedFields, ...]) -> tuple[set[Path], set[Path]]:
    """The fields and objects of the spec that our apply owns, and those that anybody else owns."""
    ours: set[Path] = set()
    theirs: set[Path] = set()
    for entry in managed:
        if entry.subresource:
            continue
        mine = entry.manager == MANAGER and entry.operation == "Apply"
        (ours if mine else theirs).update(_paths(entry.fields_v1.get("f:spec", {})))
    return ours, theirs


def _paths(fields: FreeForm, at: Path = ()) -> Iterator[Path]:
    """A node with nothing below is owned, and one with a `.`: then it is an object."""
    for step, below in fields.items():
        if not step.startswith("f:"):
            continue
        path = (*at, step[2:])
        if not below or "." in below:
            yield path
        yield from _paths(below, path)
