"""One running API server before the store: a watch cache a resource, and how far each has got."""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from .record import Record
from .resources import Catalogue, Resource
from .selectors import Matches
from .statuses import ApiError
from .store import Change, Store

PATIENCE = 3.0
"""Seconds that a read waits for a resource version that does not exist yet."""


class TooOld(Exception):
    """The watch cache does not go back so far; `oldest` is where it begins."""

    def __init__(self, oldest: int) -> None:
        super().__init__(oldest)
        self.oldest = oldest


class WatchCache:
    """The changes of one resource since the API server started, as far as it has seen them."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.changes: list[Change] = []
        self.oldest = store.revision
        """The resource version from which on a watch can be started."""
        self._held_at: int | None = None
        self._holds_reads = False
        self._watchers: list[asyncio.Event] = []
        self._readers: list[asyncio.Event] = []

    @property
    def position(self) -> int:
        """The resource version that reads from the cache show."""
        return self.store.revision if self._held_at is None else max(self._held_at, self.store.compacted)

    @property
    def newest(self) -> int:
        """The resource version that consistent reads show."""
        return self.position if self._holds_reads else self.store.revision

    def restart(self) -> None:
        self.forget()
        self.release()

    def forget(self) -> None:
        """Drop the window, as when more changes came than it holds."""
        self.changes.clear()
        self.oldest = self.store.revision

    def trim(self, most: int) -> None:
        """Drop the oldest changes but so many, as a window of that size has done by then."""
        if len(self.changes) > most:
            self.oldest = self.changes[-most - 1].revision
            del self.changes[:-most]

    def hold(self, *, reads: bool) -> None:
        """See nothing new from now on. `reads`: answer even consistent reads from the past."""
        self._held_at, self._holds_reads = self.store.revision, reads

    def release(self) -> None:
        self._held_at, self._holds_reads = None, False
        self.wake()

    def take(self, change: Change) -> None:
        """A change of this resource."""
        self.changes.append(change)
        if self._held_at is None:
            _set(self._watchers)

    def take_progress(self) -> None:
        """A change of any resource."""
        if self._readers and self._held_at is None:
            _set(self._readers)

    def wake(self) -> None:
        _set(self._watchers)
        _set(self._readers)

    async def changed(self, within: float) -> bool:
        """Whether something of this resource happened in that time."""
        return await _waited(self._watchers, within)

    async def reached(self, revision: int) -> bool:
        """Whether the cache got there in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + PATIENCE
        while self.position < revision:
            if not await _waited(self._readers, deadline - loop.time()):
                return self.position >= revision
        return True

    def since(self, revision: int) -> Iterator[Change]:
        """The changes after that one, as far as this server has seen them. Raises TooOld."""
        if revision < self.oldest:
            raise TooOld(self.oldest)
        low, high = 0, len(self.changes)
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if self.changes[middle].revision > revision else (middle + 1, high)
        for change in self.changes[low:]:
            if change.revision > self.position:
                return
            yield change


@dataclass
class Endpoint:
    """All watch caches of one API server: they begin empty, and can be held back."""

    store: Store
    catalogue: Catalogue
    epoch: int = 0
    """Counts restarts: a watch of an earlier one has ended."""
    last_words: ApiError | None = None
    """What the watches of the last epoch were ended with, if not just cut."""
    _caches: dict[str, WatchCache] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._caches = {each.storage: WatchCache(self.store) for each in self.catalogue.resources}
        self.store.listeners.append(self._noted)

    def cache(self, resource: Resource) -> WatchCache:
        return self._caches[resource.storage]

    def restart(self) -> None:
        """Begin with empty watch caches, up to date."""
        self.last_words = None
        self.epoch += 1
        for cache in self._caches.values():
            cache.restart()

    def interrupt(self, error: ApiError) -> None:
        """End every running watch with an error event, as when etcd changes its leader."""
        self.last_words = error
        self.epoch += 1
        for cache in self._caches.values():
            cache.wake()

    def trim(self, most: int) -> None:
        """Keep so many changes of each resource."""
        for cache in self._caches.values():
            cache.trim(most)

    def forget(self, *plurals: str) -> None:
        """Drop the windows of these resources, without any of all."""
        for cache in self._of(plurals):
            cache.forget()

    def hold(self, *plurals: str, reads: bool = False) -> None:
        """See nothing new of these resources, without any of all. `reads`: even consistent reads show the past."""
        for cache in self._of(plurals):
            cache.hold(reads=reads)

    def release(self, *plurals: str) -> None:
        """See these resources, without any all, as they are."""
        for cache in self._of(plurals):
            cache.release()

    def _of(self, plurals: tuple[str, ...]) -> Iterable[WatchCache]:
        found = [each for each in self.catalogue.resources if not plurals or each.plural in plurals]
        return [self.cache(each) for each in found]

    def _noted(self, change: Change) -> None:
        self._caches[change.key[0]].take(change)
        for cache in self._caches.values():
            cache.take_progress()


def event_of(change: Change, resource: Resource, namespace: str, matches: Matches | None) -> tuple[str, Record] | None:
    """What a watch of that resource tells of a change; None for nothing."""
    storage, name = change.key
    if storage != resource.storage or (namespace and not name.startswith(f"{namespace}/")):
        return None
    before, after = change.before, change.after
    was = before is not None and (matches is None or matches(before.content))
    now = after is not None and (matches is None or matches(after.content))
    if after is not None and now:
        return ("MODIFIED" if was else "ADDED"), after
    if before is not None and was:
        return "DELETED", _as_of(before, change.revision)
    return None


def _as_of(record: Record, revision: int) -> Record:
    """The last state that was selected, at the resource version at which it no longer is."""
    if record.revision == revision:
        return record
    metadata = {**record.meta, "resourceVersion": str(revision)}
    return Record({**record.content, "metadata": metadata}, revision)


def _set(events: list[asyncio.Event]) -> None:
    waiting = events[:]
    events.clear()
    for each in waiting:
        each.set()


async def _waited(events: list[asyncio.Event], within: float) -> bool:
    """Whether it was set in that time."""
    news = asyncio.Event()
    events.append(news)
    try:
        await asyncio.wait_for(news.wait(), max(within, 0.0))
    except TimeoutError:
        return False
    finally:
        if news in events:
            events.remove(news)
    return True
