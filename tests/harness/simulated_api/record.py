"""One object at one revision, with each of its encodings made at most once."""

import json
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")

# Sorted, as Go writes maps.
_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, sort_keys=True)


class Record:
    """An object as it is stored. Its content is never changed."""

    __slots__ = ("_views", "content", "lacks_defaults", "revision")

    def __init__(self, content: dict[str, Any], revision: int, *, lacks_defaults: bool = False) -> None:
        """`lacks_defaults`: whether etcd holds less than is shown, so that writing what is shown is a change."""
        self.content = content
        self.revision = revision
        self.lacks_defaults = lacks_defaults
        self._views: dict[str, Any] = {}

    @property
    def meta(self) -> dict[str, Any]:
        meta: dict[str, Any] = self.content["metadata"]
        return meta

    @property
    def namespace(self) -> str:
        return str(self.meta.get("namespace", ""))

    @property
    def name(self) -> str:
        return str(self.meta["name"])

    @property
    def finalizers(self) -> list[str]:
        return self.meta.get("finalizers") or []

    @property
    def is_being_deleted(self) -> bool:
        return "deletionTimestamp" in self.meta

    @property
    def encoded(self) -> bytes:
        """The whole object as JSON."""
        return self.view("object", encode)

    def view(self, name: str, made: Callable[[dict[str, Any]], T]) -> T:
        """What is made of the content, made once; `name` identifies it."""
        if name not in self._views:
            self._views[name] = made(self.content)
        found: T = self._views[name]
        return found


def encode(content: Any) -> bytes:
    return _ENCODER.encode(content).encode()
