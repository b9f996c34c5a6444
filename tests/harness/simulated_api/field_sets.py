"""Sets of field paths, after structured-merge-diff: what an object has, what differs, what is merged or removed."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .json_values import same
from .shapes import Shape

Path = tuple[str, ...]
"""Path elements as managedFields spells them: `f:name`, `k:{"type":"Ready"}`, `v:"finalizer"`."""
Fields = set[Path]
Json = dict[str, Any]

_ABSENT: Any = object()


@dataclass
class Difference:
    """The paths at which two objects differ."""

    added: Fields = field(default_factory=set)
    modified: Fields = field(default_factory=set)
    removed: Fields = field(default_factory=set)

    def without(self, top: set[str]) -> "Difference":
        """The same without what is below these top-level fields."""

        def kept(fields: Fields) -> Fields:
            return {path for path in fields if path[:1] and path[0][2:] not in top}

        return Difference(kept(self.added), kept(self.modified), kept(self.removed))


def members(shape: Shape, value: Any, path: Path = ()) -> Iterator[Path]:
    """Every path that an applied configuration owns."""
    match value:
        case dict() if not shape.is_atomic:
            for name, each in value.items():
                where = (*path, f"f:{name}")
                yield from members(shape.child(name), each, where)
                if each in (None, {}) or name not in shape.fields:
                    yield where
        case list() if shape.items:
            for each in value:
                where = (*path, shape.step(each))
                yield from members(shape.items, each, where)
                yield where
        case None:
            return
        case _:
            yield path


def difference(shape: Shape, old: Any, new: Any) -> Difference:
    found = Difference()
    _compare(shape, old, new, (), found)
    return found


def merged(shape: Shape, live: Any, applied: Any) -> Any:
    """The live value with what is applied in it. A null does not replace a map."""
    if applied is None and isinstance(live, dict) and live and not shape.is_atomic:
        return live
    if isinstance(live, dict) and isinstance(applied, dict) and not shape.is_atomic:
        names = [*live, *(name for name in applied if name not in live)]
        return {
            name: merged(shape.child(name), live.get(name), applied[name]) if name in applied else live[name]
            for name in names
        }
    if isinstance(live, list) and isinstance(applied, list) and shape.items:
        fresh = {shape.step(each): each for each in applied}
        kept = [merged(shape.items, each, fresh.pop(shape.step(each), each)) for each in live]
        return [*kept, *fresh.values()]
    return applied


def removed(shape: Shape, value: Any, fields: Fields) -> Any:
    """The value without these fields. A map or list of which nothing is left becomes null."""
    below = _by_first(fields)
    if isinstance(value, dict) and value and not shape.is_atomic:
        kept = {}
        for name, each in value.items():
            rest = below.get(f"f:{name}", set())
            if () not in rest:
                kept[name] = removed(shape.child(name), each, rest) if rest else each
        return kept or None
    if isinstance(value, list) and value and shape.items:
        items = []
        for each in value:
            rest = below.get(shape.step(each), set())
            if () not in rest:
                items.append(removed(shape.items, each, rest) if rest else each)
        return items or None
    return None if isinstance(value, dict | list) else value


def with_named(shape: Shape, fields: Fields) -> Fields:
    """The set and, of each path in it, the named struct fields on the way."""
    found = set(fields)
    for path in fields:
        place: Shape | None = shape
        for length, step in enumerate(path[:-1], 1):
            if place is None:
                break
            name = step[2:]
            if step.startswith("f:") and name in place.fields:
                found.add(path[:length])
            place = place.child(name) if step.startswith("f:") else place.items
    return found


def tree(fields: Iterable[Path]) -> Json:
    """FieldsV1: the set as managedFields writes it."""
    root: Json = {}
    for path in sorted(fields):
        place = root
        for step in path:
            place = place.setdefault(step, {})
        place["."] = {}
    return _tidied(root)


def paths(fields: Json, path: Path = ()) -> Iterator[Path]:
    """The set that FieldsV1 says."""
    for step, below in fields.items():
        if step == ".":
            yield path
        elif below:
            yield from paths(below, (*path, step))
        else:
            yield (*path, step)


def shown(path: Path) -> str:
    """A path as conflicts spell it: `.spec.context.prompt`."""
    text = ""
    for step in path:
        if step.startswith("f:"):
            text += f".{step[2:]}"
        elif step.startswith("v:"):
            text += f"[={step[2:]}]"
        else:
            text += "[" + step[3:-1].replace('":', "=").removeprefix('"').replace(',"', ",") + "]"
    return text


def _compare(shape: Shape, old: Any, new: Any, path: Path, found: Difference) -> None:
    if old is new:
        return
    if _kind(old) and _kind(new) and _kind(old) != _kind(new):
        # Another kind of value: what was in the old one is gone, what is in the new one is new, the path is modified.
        _descend(shape, old, _ABSENT, path, found)
        _descend(shape, _ABSENT, new, path, found)
        found.modified.add(path)
    elif not _descend(shape, old, new, path, found):
        _leaf(old, new, path, found)
    elif old is _ABSENT:
        found.added.add(path)
    elif new is _ABSENT:
        found.removed.add(path)


def _descend(shape: Shape, old: Any, new: Any, path: Path, found: Difference) -> bool:
    """Compare what is in two maps or two lists; False if there is nothing to descend into."""
    kind = _kind(old) or _kind(new)
    if kind == "map" and not shape.is_atomic and not (_is_empty(old) and _is_empty(new)):
        before, after = _as_map(old), _as_map(new)
        for name in {**before, **after}:
            _compare(
                shape.child(name), before.get(name, _ABSENT), after.get(name, _ABSENT), (*path, f"f:{name}"), found
            )
        return True
    if kind == "list" and shape.items and not (_is_empty(old) and _is_empty(new)):
        before, after = _as_items(shape, old), _as_items(shape, new)
        for step in {**before, **after}:
            _compare(shape.items, before.get(step, _ABSENT), after.get(step, _ABSENT), (*path, step), found)
        return True
    return False


def _leaf(old: Any, new: Any, path: Path, found: Difference) -> None:
    if old is _ABSENT:
        found.added.add(path)
    elif new is _ABSENT:
        found.removed.add(path)
    elif not same(old, new):
        found.modified.add(path)


def _kind(value: Any) -> str:
    """Empty for nothing and for null, which may stand for either kind."""
    match value:
        case dict():
            return "map"
        case list():
            return "list"
    return "" if value is None or value is _ABSENT else "scalar"


def _is_empty(value: Any) -> bool:
    return value is _ABSENT or value in (None, {}, [])


def _as_map(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _as_items(shape: Shape, value: Any) -> Json:
    return {shape.step(each): each for each in value} if isinstance(value, list) else {}


def _by_first(fields: Fields) -> dict[str, Fields]:
    found: dict[str, Fields] = {}
    for path in fields:
        if path:
            found.setdefault(path[0], set()).add(path[1:])
    return found


def _tidied(node: Json) -> Json:
    """A leaf is `{}`; what is a member and has members, too, has a dot."""
    below = {step: _tidied(each) for step, each in sorted(node.items()) if step != "."}
    return {".": {}, **below} if below and "." in node else below
