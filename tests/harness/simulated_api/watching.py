"""One watch: the state it begins with, the changes since, bookmarks, and its end."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

from .endpoint import Endpoint, TooOld, WatchCache, event_of
from .lists import Listing
from .record import encode
from .statuses import ApiError, expired
from .views import View

BOOKMARK_EVERY, BOOKMARK_BEFORE_END = 60.0, 2.0


@dataclass
class WatchStream:
    """The lines of a watch, in chunks of what is known at one moment."""

    endpoint: Endpoint
    listing: Listing
    view: View
    timeout: float
    has_bookmarks: bool

    @property
    def _cache(self) -> WatchCache:
        return self.endpoint.cache(self.listing.resource)

    async def chunks(self) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.timeout
        bookmark = self._next_bookmark(loop.time(), deadline)
        epoch = self.endpoint.epoch
        is_first = True
        cursor, chunk = self._begun()
        while epoch == self.endpoint.epoch:
            if chunk:
                yield chunk
                is_first = False
            now = loop.time()
            if now >= deadline:
                return
            if self.has_bookmarks and now >= bookmark:
                yield self.view.bookmark(max(cursor, self._cache.position), is_first=is_first)
                bookmark = self._next_bookmark(now, deadline)
            try:
                cursor, chunk = self._since(cursor, is_first=is_first)
            except TooOld as error:
                yield _error(expired(f"too old resource version: {cursor} ({error.oldest})"))
                return
            if not chunk:
                await self._cache.changed(min(deadline, bookmark) - loop.time())
        if self.endpoint.last_words:
            yield _error(self.endpoint.last_words)

    def _begun(self) -> tuple[int, bytes]:
        """From where on to watch, and what there was then."""
        revision = self.listing.query.get("resourceVersion", "")
        if revision not in ("", "0"):
            return int(revision), b""
        position = self._cache.position if revision else self._cache.newest
        inside = f"{self.listing.namespace}/" if self.listing.namespace else ""
        lines: list[bytes] = []
        for key, record in self.endpoint.store.at(self.listing.resource.storage, position):
            matches = self.listing.matches
            if key[1].startswith(inside) and (matches is None or matches(record.content)):
                lines.append(self.view.event("ADDED", record, is_first=not lines))
        return position, b"".join(lines)

    def _since(self, cursor: int, *, is_first: bool) -> tuple[int, bytes]:
        lines: list[bytes] = []
        for change in self._cache.since(cursor):
            cursor = change.revision
            event = event_of(change, self.listing.resource, self.listing.namespace, self.listing.matches)
            if event:
                lines.append(self.view.event(*event, is_first=is_first and not lines))
        return cursor, b"".join(lines)

    def _next_bookmark(self, now: float, deadline: float) -> float:
        if not self.has_bookmarks:
            return deadline
        before_end = deadline - BOOKMARK_BEFORE_END
        return min(now + BOOKMARK_EVERY, before_end) if before_end > now else now + BOOKMARK_EVERY


def _error(error: ApiError) -> bytes:
    return b'{"type":"ERROR","object":%s}\n' % encode(error.manifest())
