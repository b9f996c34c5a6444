"""The apply configuration of a default Assistant: the fields of `Graph.spec.defaults` without other owners. Pure.

Server-side apply without force is refused as a whole if another manager owns one of the fields with another value. So
the configuration leaves these fields out, and the others continue to follow the Graph.
"""

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
"""A set of paths as a tree. The key None marks the end of a path."""


def apply_configuration(graph: Graph, live: Assistant | None) -> FreeForm | None:
    """The `spec` to apply to the default Assistant; None if applying it would change nothing.

    `live`: the default Assistant, None if it does not exist. Fields that other managers own are left out.
    """
    desired = dict(leaves({"graphRef": {"name": graph.metadata.name}, **graph.spec.defaults.manifest()}))
    if live is None:
        return nested(desired)
    own, others = owned(live.metadata.managed_fields)
    spec = live.spec.manifest()
    foreign = _tree(others, spec)
    applied = {path: value for path, value in desired.items() if _may_apply(path, value, spec, foreign)}
    # If we own an object and no longer apply it, the API server removes it, with the fields of others in it.
    applied |= {path: {} for path in own - applied.keys() if _contains_path(path, foreign)}
    configuration = nested(applied)
    is_owned = dict(leaves(configuration)).keys() == dict(leaves(nested({path: {} for path in own}))).keys()
    if is_owned and all(_is_same(value, path, spec) for path, value in applied.items()) and _is_labelled(live):
        return None
    return configuration


def without(configuration: FreeForm, conflicts: frozenset[str]) -> FreeForm:
    """`configuration` without the fields that the API server named in a conflict (`.spec.context.prompt`).

    The API server does not quote keys: a key with a dot is written like two keys. The objects around a removed field
    stay in the configuration.
    """
    result: FreeForm = {}
    todo = [(".spec", configuration, result)]
    while todo:
        at, content, kept = todo.pop()
        for name, value in content.items():
            if f"{at}.{name}" in conflicts:
                continue
            if isinstance(value, dict):
                kept[name] = {}
                todo.append((f"{at}.{name}", value, kept[name]))
            else:
                kept[name] = value
    return result


def _may_apply(path: Path, value: Any, spec: FreeForm, foreign: Tree) -> bool:
    """Whether the field has this value already, or no other manager owns it."""
    if isinstance(value, dict) and _at(path, spec) not in ({}, _NOTHING):
        # Without its last field, the object would become null, which the API server refuses: it is removed first.
        return _contains_path(path, foreign)
    return _is_same(value, path, spec) or not _overlaps(path, foreign)


def _is_labelled(live: Assistant) -> bool:
    return DEFAULT in live.metadata.labels  # a user may have changed the value


def _tree(paths: Iterable[Path], spec: FreeForm) -> Tree:
    """The paths as a tree. A path to an object is not marked as an end: its owner does not own the fields in it."""
    tree: Tree = {}
    for path in paths:
        node = tree
        for step in path:
            node = node.setdefault(step, {})
        if not isinstance(_at(path, spec), dict):
            node[None] = {}
    return tree


def _overlaps(path: Path, foreign: Tree) -> bool:
    """Whether the tree contains this path, or one that begins with it or that it begins with."""
    for step in path:
        if None in foreign:
            return True
        if step not in foreign:
            return False
        foreign = foreign[step]
    return True


def _contains_path(path: Path, foreign: Tree) -> bool:
    """Whether the tree contains a path below `path`."""
    for step in path:
        foreign = foreign.get(step, {})
    return bool(foreign.keys() - {None})


def _is_same(value: Any, path: Path, spec: FreeForm) -> bool:
    """Whether the spec has this value at `path`; for an object, whether it has any object there."""
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
    """Path and value of each field that server-side apply tracks: scalars, lists, empty objects."""
    for name, value in content.items():
        if isinstance(value, dict) and value:
            yield from leaves(value, (*at, name))
        else:
            yield (*at, name), value


def nested(content: Leaves) -> FreeForm:
    """The reverse of `leaves`. An empty object is merged with the fields that `content` has in it."""
    result: FreeForm = {}
    for path, value in content.items():
        node = result
        for step in path[:-1]:
            node = node.setdefault(step, {})
        node.setdefault(path[-1], {} if isinstance(value, dict) else value)
    return result


def owned(managed: tuple[ManagedFields, ...]) -> tuple[set[Path], set[Path]]:
    """Paths in the spec that the operator's apply owns, and paths that any other manager or operation owns."""
    own: set[Path] = set()
    others: set[Path] = set()
    for entry in managed:
        if entry.subresource:
            continue
        is_own = entry.manager == MANAGER and entry.operation == "Apply"
        (own if is_own else others).update(_paths(entry.fields_v1.get("f:spec", {})))
    return own, others


def _paths(fields: FreeForm, at: Path = ()) -> Iterator[Path]:
    """The owned paths of FieldsV1: nodes without children, and nodes with the key `.`, which are objects."""
    for step, below in fields.items():
        if not step.startswith("f:"):
            continue
        path = (*at, step[2:])
        if not below or "." in below:
            yield path
        yield from _paths(below, path)
