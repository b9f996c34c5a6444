"""The controllers of the cluster: garbage collection by ownerReferences, and the end of namespaces."""

import asyncio
from collections.abc import Callable
from typing import Any

from .deletion import FOREGROUND, ORPHAN, delete
from .intents import Intent
from .objects import Objects
from .record import Record
from .statuses import ApiError
from .store import Change, Key

Json = dict[str, Any]
MANAGER = "kube-controller-manager"
RETRY = 1.0
"""Seconds until a deletion that was refused is tried again."""


class Controllers:
    """Acts on what changed since the last step. It writes like any other client."""

    def __init__(self, objects: Objects, delay: Callable[[], float]) -> None:
        """`delay`: seconds from a change to the step that answers it."""
        self._objects = objects
        self._delay = delay
        self._dependents: dict[str, dict[Key, None]] = {}
        self._suspects: dict[Key, None] = {}
        self._refused: dict[Key, None] = {}
        """What could not be deleted, and its namespace: tried again."""
        self._news = asyncio.Event()
        objects.store.listeners.append(self._noted)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._noticed()
            await asyncio.sleep(self._delay())
            self.settle()

    async def _noticed(self) -> None:
        """Wait for something to do."""
        try:
            await asyncio.wait_for(self._news.wait(), RETRY if self._refused else None)
        except TimeoutError:
            refused, self._refused = self._refused, {}
            self._suspect(*refused)

    def settle(self) -> None:
        """Act until there is nothing more to do."""
        while self._suspects:
            suspects, self._suspects = self._suspects, {}
            self._news.clear()
            for key in suspects:
                self._look_at(key)

    def restart(self) -> None:
        """Look at everything anew, as after the store was restored."""
        self._dependents.clear()
        for key, record in self._objects.store.current.items():
            self._index(key, record)
            self._suspect(key)

    def _noted(self, change: Change) -> None:
        key, before, after = change.key, change.before, change.after
        if before:
            for owner in _owners(before):
                self._dependents.get(owner["uid"], {}).pop(key, None)
        if after:
            self._index(key, after)
            self._suspect(*(self._key_of(each, after) for each in _owners(before) if each not in _owners(after)))
            if _owners(after) or after.is_being_deleted:
                self._suspect(key)
            return
        # What is gone leaves those that it owned, its owners that wait for it, and its namespace.
        self._suspect(*self._dependents.get(before.meta["uid"], ()) if before else ())
        self._suspect(*(self._key_of(each, before) for each in _owners(before)) if before else ())
        self._suspect(self._namespace_of(before) if before else key)

    def _index(self, key: Key, record: Record) -> None:
        for owner in _owners(record):
            self._dependents.setdefault(owner["uid"], {})[key] = None

    def _suspect(self, *keys: Key) -> None:
        self._suspects.update(dict.fromkeys(keys))
        if keys:
            self._news.set()

    def _look_at(self, key: Key) -> None:
        record = self._objects.store.get(key)
        if record is None:
            return
        if record.content["kind"] == "Namespace":
            self._end_namespace(key, record)
        elif record.is_being_deleted:
            self._finish(record)
        elif _owners(record):
            self._check_owners(record)

    def _check_owners(self, record: Record) -> None:
        owners = _owners(record)
        if any((each["apiVersion"], each["kind"]) not in self._objects.catalogue.by_kind for each in owners):
            return  # of a kind that is not served here nobody knows whether it is gone
        found = [self._objects.store.get(self._key_of(each, record)) for each in owners]
        standing = [
            (each, owner)
            for each, owner in zip(owners, found, strict=True)
            if owner and owner.meta["uid"] == each["uid"]
        ]
        solid = [each for each, owner in standing if not (owner.is_being_deleted and FOREGROUND in owner.finalizers)]
        if solid and len(solid) < len(owners):
            self._change(record, {"ownerReferences": solid})
        elif not solid:
            # Below a foreground deletion what has dependents of its own is deleted in the foreground, too.
            has_dependents = bool(standing) and bool(self._dependents.get(record.meta["uid"]))
            policy = "Foreground" if has_dependents else "Background"
            self._delete(record, policy)

    def _finish(self, record: Record) -> None:
        """Do what the finalizers of the garbage collector are for."""
        dependents = [
            found for each in self._dependents.get(record.meta["uid"], ()) if (found := self._objects.store.get(each))
        ]
        if ORPHAN in record.finalizers:
            for each in dependents:
                kept = [owner for owner in _owners(each) if owner["uid"] != record.meta["uid"]]
                self._change(each, {"ownerReferences": kept or None})
            self._drop_finalizer(record, ORPHAN)
        elif FOREGROUND in record.finalizers:
            self._suspect(*(self._key(each) for each in dependents if not each.is_being_deleted))
            if not any(_blocks(each, record) for each in dependents):
                self._drop_finalizer(record, FOREGROUND)

    def _end_namespace(self, key: Key, record: Record) -> None:
        """Delete what is in a namespace that is being deleted, and at last the namespace."""
        if not record.is_being_deleted:
            return
        inside = [
            found
            for each, found in list(self._objects.store.current.items())
            if each[1].startswith(f"{record.name}/") and found.namespace == record.name
        ]
        for each in inside:
            if not each.is_being_deleted:
                self._delete(each, "Background")
        if not any(found.namespace == record.name for found in self._objects.store.current.values()):
            self._objects.store.delete(key)

    def _delete(self, record: Record, policy: str) -> None:
        options = {"propagationPolicy": policy, "preconditions": {"uid": record.meta["uid"]}}
        try:
            delete(self._objects, self._intent(record), options)
        except ApiError as error:
            if error.code not in (404, 409):
                self._refused.update(dict.fromkeys((self._key(record), self._namespace_of(record))))

    def _change(self, record: Record, metadata: Json) -> None:
        meta = {name: value for name, value in {**record.meta, **metadata}.items() if value is not None}
        try:
            self._objects.write(self._intent(record), record, {**record.content, "metadata": meta})
        except ApiError:
            return

    def _drop_finalizer(self, record: Record, finalizer: str) -> None:
        found = self._objects.store.get(self._key(record))
        if found:
            self._change(found, {"finalizers": [each for each in found.finalizers if each != finalizer] or None})

    def _intent(self, record: Record) -> Intent:
        resource = self._objects.catalogue.by_kind[record.content["apiVersion"], record.content["kind"]]
        return Intent(resource, record.namespace, record.name, MANAGER)

    def _key(self, record: Record) -> Key:
        return self._intent(record).key

    def _key_of(self, owner: Json, dependent: Record) -> Key:
        resource = self._objects.catalogue.by_kind.get((owner["apiVersion"], owner["kind"]))
        return resource.key(dependent.namespace, owner["name"]) if resource else ("", owner["uid"])

    def _namespace_of(self, record: Record) -> Key:
        return self._objects.catalogue.by_kind["v1", "Namespace"].key("", record.namespace)


def _owners(record: Record | None) -> list[Json]:
    return (record.meta.get("ownerReferences") or []) if record else []


def _blocks(dependent: Record, owner: Record) -> bool:
    return any(each["uid"] == owner.meta["uid"] and each.get("blockOwnerDeletion") for each in _owners(dependent))
