"""How far the cluster's storage was read. Finds out when the storage was restored from an older snapshot."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assistant_operator.api.meta import position

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watermark:
    """The newest resource version of a kind that was read before a request."""

    epoch: int
    newest: int


class ResourceVersions:
    """The newest resource version read of each kind.

    Resource versions only grow while a storage lives. When etcd is restored from a snapshot, they go back, and then all
    that happens looks older than what is known, for ever; a watch from a later resource version stays silent. So each
    consistent read is compared with what was read before it was sent. If it is older, a new epoch begins: what is
    listed in it replaces what is known, whatever the numbers are.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._newest: dict[str, int] = {}
        """By kind: the API server may keep each kind in a storage of its own."""
        self._streams: set[Callable[[], None]] = set()
        self.rewound: Callable[[], None] = lambda: None
        """Called when a new epoch begins, before anything is listed anew."""

    def mark(self, kind: str) -> Watermark:
        """To be taken before a consistent read is sent, for `judge`."""
        return Watermark(self.epoch, self._newest.get(kind, 0))

    def saw(self, kind: str, resource_version: str, epoch: int) -> None:
        """An object of that kind, or a whole listing, was read in that epoch."""
        if epoch == self.epoch:
            self._newest[kind] = max(self._newest.get(kind, 0), position(resource_version))

    def judge(self, kind: str, mark: Watermark, resource_version: str) -> int:
        """A consistent read that was sent after `mark` is as of `resource_version`. Returns the present epoch."""
        if mark.epoch == self.epoch and position(resource_version) < mark.newest:
            self.rewind(f"{kind} are listed as of {resource_version}, after {mark.newest}")
        self.saw(kind, resource_version, self.epoch)
        return self.epoch

    def rewind(self, why: str) -> None:
        """The storage went back: begin a new epoch and end all watches, so that everything is listed anew."""
        log.warning("detected restored storage, listing everything again: %s", why)
        self.epoch += 1
        self._newest.clear()
        self.rewound()
        for close in list(self._streams):
            close()

    @contextmanager
    def ending(self, close: Callable[[], None]) -> Iterator[None]:
        """Call `close` when a new epoch begins."""
        self._streams.add(close)
        try:
            yield
        finally:
            self._streams.discard(close)
