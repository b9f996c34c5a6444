"""What a process knows: a walk over everything that its operator refers to."""

import asyncio
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

from ..virtual_handle import VirtualHandle

_ENDS = (str, bytes, int, float, type, type(None), ModuleType, CodeType, asyncio.AbstractEventLoop)
_Way = tuple[str, Any]
"""The name of a part, and the way to what it is a part of: most are never put into words."""
_OURS = ("assistant_operator.", "collections", "builtins")
BOUNDED = frozenset({"_deleted", "_deletions", "_last_notes", "_last_conditions", "_metrics"})
"""Attributes that remember a bounded number of what is gone, on purpose."""


def leftovers(root: object, texts: frozenset[str], keys: frozenset[tuple[str, str]]) -> list[str]:
    """Where one of these UIDs or keys is still referred to: the paths of attributes from `root`."""
    found, seen = [], {id(root)}
    waiting: deque[tuple[_Way, Any]] = deque([(("", None), root)])
    while waiting:
        way, each = waiting.popleft()
        kind: Any = type(each)
        if each in texts if kind is str else isinstance(each, tuple) and _is_key(each) and each in keys:
            found.append(f"{_path(way)}: {each!r}")
            continue
        parts = _parts_of(kind, BOUNDED)
        if parts is None:
            continue
        for name, inner in parts(each):
            if isinstance(inner, str):  # by far the most
                if inner in texts:
                    waiting.append(((name, way), inner))
            elif id(inner) not in seen or isinstance(inner, tuple):
                seen.add(id(inner))
                waiting.append(((name, way), inner))
    return found


def weight(root: object) -> int:
    """Bytes of all that `root` refers to, what is remembered on purpose included."""
    total, seen, waiting = 0, {id(root)}, deque([root])
    while waiting:
        each = waiting.popleft()
        total += sys.getsizeof(each)
        kind: Any = type(each)
        parts = _parts_of(kind, frozenset())
        for _, inner in parts(each) if parts else ():
            if id(inner) not in seen:
                seen.add(id(inner))
                waiting.append(inner)
    return total


def _path(way: _Way | None) -> str:
    names = []
    while way:
        names.append(way[0])
        way = way[1]
    return ".".join(reversed(names))


def _is_key(each: tuple[Any, ...]) -> bool:
    return len(each) == 2 and all(isinstance(part, str) for part in each)


@cache
def _parts_of(kind: type, without: frozenset[str]) -> Callable[[Any], Iterable[tuple[str, Any]]] | None:
    """How to take apart what is of that type, but for these attributes; None for what refers to nothing of interest."""
    if issubclass(kind, _ENDS):
        return None
    if issubclass(kind, Mapping):
        return _of_mapping
    if issubclass(kind, list | tuple | set | frozenset | deque):
        return lambda each: [("item", item) for item in each]
    if kind is MethodType:
        return lambda each: [("self", each.__self__)]
    if kind is FunctionType:
        return lambda each: [("closure", cell.cell_contents) for cell in each.__closure__ or ()]
    if kind is VirtualHandle:
        return lambda each: [("args", each._args)]  # noqa: SLF001 (what a timer will be called with)
    return _attributes_of(kind, without) if kind.__module__.startswith(_OURS) else None


def _of_mapping(each: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    return [part for key, value in each.items() for part in (("key", key), ("value", value))]


def _attributes_of(kind: type, without: frozenset[str]) -> Callable[[Any], Iterable[tuple[str, Any]]]:
    slots = [name for of in kind.__mro__ for name in getattr(of, "__slots__", ()) if name not in without]

    def attributes(each: Any) -> Iterator[tuple[str, Any]]:
        for name, value in getattr(each, "__dict__", {}).items():
            if name not in without:
                yield name, value
        for name in slots:
            if hasattr(each, name):
                yield name, getattr(each, name)

    return attributes
