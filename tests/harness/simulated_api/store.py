"""etcd: every write is a revision, and each revision can be read until it is compacted."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from .record import Record

Key = tuple[str, str]
"""Qualified plural, and namespace/name (name alone for what has no namespace)."""


class Compacted(Exception):
    """That revision is older than what is kept."""


@dataclass(frozen=True, slots=True)
class Change:
    """One revision: what a key held before, and after; None for nothing."""

    revision: int
    key: Key
    before: Record | None
    after: Record | None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything there was at one revision."""

    revision: int
    records: dict[Key, Record]


@dataclass
class Store:
    """Keys and their records. Records are never changed, so that copies are cheap."""

    revision: int = 100
    """Not the first: a cluster has written of its own before."""
    compacted: int = 0
    current: dict[Key, Record] = field(default_factory=dict)
    listeners: list[Callable[[Change], None]] = field(default_factory=list)
    """Told of each change, in order of registration."""
    _ledgers: dict[Key, list[tuple[int, Record | None]]] = field(default_factory=dict)
    _sorted: dict[str, list[Key] | None] = field(default_factory=dict)

    def get(self, key: Key) -> Record | None:
        return self.current.get(key)

    def put(self, key: Key, content: dict[str, Any], *, lacks_defaults: bool = False) -> Record:
        """Write at the next revision. `content` belongs to the store from then on: its resourceVersion is set here."""
        revision = self.revision + 1
        content["metadata"] = {**content["metadata"], "resourceVersion": str(revision)}
        return self._write(key, Record(content, revision, lacks_defaults=lacks_defaults))

    def delete(self, key: Key) -> Change:
        """Delete at the next revision; the change holds the last state, with the resource version of the deletion."""
        last = self.current[key]
        revision = self.revision + 1
        metadata = {**last.content["metadata"], "resourceVersion": str(revision)}
        gone = Record({**last.content, "metadata": metadata}, revision)
        del self.current[key]
        self._sorted.pop(key[0], None)
        change = Change(revision, key, gone, None)
        self._note(change)
        return change

    def keys(self, resource: str) -> list[Key]:
        """The keys of a resource in etcd's order."""
        known = self._sorted.get(resource)
        if known is None:
            known = sorted(key for key in self.current if key[0] == resource)
            self._sorted[resource] = known
        return known

    def at(self, resource: str, revision: int) -> Iterator[tuple[Key, Record]]:
        """The records of a resource as they were then, in etcd's order. Raises Compacted."""
        if revision < self.compacted:
            raise Compacted
        if revision >= self.revision:
            yield from [(key, self.current[key]) for key in self.keys(resource)]
            return
        for key in sorted(key for key in self._ledgers if key[0] == resource):
            if record := self._as_of(key, revision):
                yield key, record

    def get_at(self, key: Key, revision: int) -> Record | None:
        """The record of a key as it was then. Raises Compacted."""
        if revision < self.compacted:
            raise Compacted
        return self.current.get(key) if revision >= self.revision else self._as_of(key, revision)

    def compact(self) -> None:
        """Forget everything before the present revision."""
        self.compacted = self.revision
        self._ledgers = {key: [(record.revision, record)] for key, record in self.current.items()}

    def advance(self, revisions: int = 1) -> None:
        """Let revisions pass in which nothing of ours is written, as others' writes do."""
        self.revision += revisions

    def snapshot(self) -> Snapshot:
        return Snapshot(self.revision, dict(self.current))

    def restore(self, snapshot: Snapshot) -> None:
        """Begin again with that state at that revision: whatever was written since never happened."""
        self.revision = snapshot.revision
        self.current = dict(snapshot.records)
        self._sorted.clear()
        self.compact()

    def _write(self, key: Key, record: Record) -> Record:
        before = self.current.get(key)
        self.current[key] = record
        if before is None:
            self._sorted.pop(key[0], None)
        self._note(Change(record.revision, key, before, record))
        return record

    def _note(self, change: Change) -> None:
        self.revision = change.revision
        self._ledgers.setdefault(change.key, []).append((change.revision, change.after))
        for listener in tuple(self.listeners):
            listener(change)

    def _as_of(self, key: Key, revision: int) -> Record | None:
        ledger = self._ledgers.get(key, [])
        place = bisect_right(ledger, revision, key=lambda entry: entry[0])
        return ledger[place - 1][1] if place else None
