"""One running API server before the store: its watch cache, and how far it has got."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field

from .record import Record
from .resources import Resource
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


@dataclass
class Endpoint:
    """The watch cache of one API server: it begins empty, and can be held back."""

    store: Store
    oldest: int = 0
    """The resource version from which on a watch can be started."""
    changes: list[Change] = field(default_factory=list)
    held_at: int | None = None
    epoch: int = 0
    """Counts restarts: a watch of an earlier one has ended."""
    last_words: ApiError | None = None
    """What the watches of the last epoch were ended with, if not just cut."""
    holds_reads: bool = False
    """Whether reads that ask for the newest state are answered from where it is held, too."""
    _waiting: list[asyncio.Event] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.oldest = self.store.revision
        self.store.listeners.append(self._noted)

    @property
    def position(self) -> int:
        """The resource version that reads from the cache show."""
        return self.store.revision if self.held_at is None else max(self.held_at, self.store.compacted)

    @property
    def newest(self) -> int:
        """The resource version that consistent reads show."""
        return self.position if self.holds_reads else self.store.revision

    def restart(self) -> None:
        """Begin with an empty watch cache, up to date."""
        self.held_at, self.holds_reads = None, False
        self.last_words = None
        self.epoch += 1
        self.forget()
        self._wake()

    def interrupt(self, error: ApiError) -> None:
        """End every running watch with an error event, as when etcd changes its leader."""
        self.last_words = error
        self.epoch += 1
        self._wake()

    def forget(self) -> None:
        """Drop the window of the watch cache, as when more changes came than it holds."""
        self.changes.clear()
        self.oldest = self.store.revision

    def hold(self, *, reads: bool = False) -> None:
        """See nothing new from now on. `reads`: answer even consistent reads from the past."""
        self.held_at, self.holds_reads = self.store.revision, reads

    def release(self) -> None:
        self.held_at, self.holds_reads = None, False
        self._wake()

    async def reached(self, revision: int, within: float = PATIENCE) -> bool:
        """Whether the cache got there in time."""
        deadline = asyncio.get_running_loop().time() + within
        while self.position < revision:
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0 or not await self.changed(left):
                return self.position >= revision
        return True

    async def changed(self, within: float) -> bool:
        """Whether something happened in that time."""
        news = asyncio.Event()
        self._waiting.append(news)
        try:
            await asyncio.wait_for(news.wait(), max(within, 0.0))
        except TimeoutError:
            return False
        finally:
            if news in self._waiting:
                self._waiting.remove(news)
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

    def _noted(self, change: Change) -> None:
        self.changes.append(change)
        if self.held_at is None:
            self._wake()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for each in waiting:
            each.set()


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
