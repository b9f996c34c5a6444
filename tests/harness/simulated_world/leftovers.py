"""What a process still knows of objects that are gone: a walk over everything that its operator refers to."""

import asyncio
from collections import deque
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType, MethodType, ModuleType
from typing import Any

_ENDS = (str, bytes, int, float, type, type(None), ModuleType, CodeType, asyncio.AbstractEventLoop)
_OURS = ("assistant_operator.", "collections", "builtins")
BOUNDED = frozenset({"_gone", "_deleted", "_told", "_said", "_started", "_rested", "_metrics"})
"""Attributes that remember a bounded number of what is gone, on purpose."""


def leftovers(root: object, texts: frozenset[str], keys: frozenset[tuple[str, str]]) -> list[str]:
    """Where one of these UIDs or keys is still referred to: the paths of attributes from `root`."""
    found, seen = [], {id(root)}
    waiting: deque[tuple[str, Any]] = deque([("", root)])
    while waiting:
        path, each = waiting.popleft()
        if (isinstance(each, str) and each in texts) or (_is_key(each) and each in keys):
            found.append(f"{path}: {each!r}")
            continue
        if isinstance(each, _ENDS):
            continue
        for name, inner in _parts(each):
            if id(inner) not in seen or isinstance(inner, str | tuple):
                seen.add(id(inner))
                waiting.append((f"{path}.{name}", inner))
    return found


def _is_key(each: Any) -> bool:
    return isinstance(each, tuple) and len(each) == 2 and all(isinstance(part, str) for part in each)


def _parts(each: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(each, Mapping):
        for key, value in list(each.items()):
            yield "key", key
            yield "value", value
    elif isinstance(each, list | tuple | set | frozenset | deque):
        yield from (("item", item) for item in list(each))
    elif isinstance(each, MethodType):
        yield "self", each.__self__
    elif isinstance(each, FunctionType):
        yield from (("closure", cell.cell_contents) for cell in each.__closure__ or ())
    elif isinstance(each, asyncio.TimerHandle):
        yield "args", each._args  # noqa: SLF001 (what a timer will be called with)
    elif type(each).__module__.startswith(_OURS):
        yield from _attributes(each)


def _attributes(each: Any) -> Iterator[tuple[str, Any]]:
    names = list(getattr(each, "__dict__", ()))
    names += [name for kind in type(each).__mro__ for name in getattr(kind, "__slots__", ())]
    for name in names:
        if name not in BOUNDED and hasattr(each, name):
            yield name, getattr(each, name)
