"""Tracks the newest resource version that was read. Detects a storage that was restored from an older snapshot."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from assistant_operator.api.meta import position

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Watermark:
    """What is known before a request is sent."""

    epoch: int
    newest: int
    """The newest resource version."""
    interruptions: int


class ResourceVersions:
    """The newest resource version that was read of any kind.

    The kinds have one storage: the API server stores all custom resources in the same etcd. Resource versions only grow
    until it is restored from a snapshot. Then they go back: every new object would seem older than the stored one, and
    a watch from a later resource version would never send an event. So each consistent read is compared with the newest
    resource version before its request. If it is older, a new epoch begins: objects that are listed in a new epoch
    replace the stored ones without a comparison of resource versions.

    The API server does not answer while its storage is restored. So a request without an answer, or a watch that breaks
    off, is an interruption. After one, writes wait until a consistent read confirms that the storage did not go back:
    what would be written was decided from what may be lost. See Objects.confirm_storage.
    """

    def __init__(self) -> None:
        self.epoch = 0
        self._newest = 0
        self._interruptions = 0
        self._confirmed = 0
        """The interruptions before the last consistent read."""
        self._streams: set[Callable[[], None]] = set()
        self.rewound: Callable[[], None] = lambda: None
        """Called when a new epoch begins, before anything is listed again."""

    def mark(self) -> Watermark:
        """Return the state before a consistent read. Pass it to `compare` after the read."""
        return Watermark(self.epoch, self._newest, self._interruptions)

    def interrupt(self) -> None:
        """Record that the API server did not answer: its storage may be restored meanwhile."""
        self._interruptions += 1

    def is_confirmed(self) -> bool:
        """Return whether a consistent read was compared since the last interruption."""
        return self._confirmed == self._interruptions

    def record(self, resource_version: str, epoch: int) -> None:
        """Record that an object, or a listing, was read in that epoch."""
        if epoch == self.epoch:
            self._newest = max(self._newest, position(resource_version))

    def compare(self, kind: str, mark: Watermark, resource_version: str) -> int:
        """Compare a consistent read with the `mark` before it. Begins a new epoch if it is older. Returns the epoch.

        `kind`: what was read, for the log.
        """
        if mark.epoch == self.epoch and position(resource_version) < mark.newest:
            self.rewind(f"{kind} are listed as of {resource_version}, after {mark.newest}")
        self.record(resource_version, self.epoch)
        self._confirmed = max(self._confirmed, mark.interruptions)
        return self.epoch

    def rewind(self, why: str) -> None:
        """Begin a new epoch and end all watches, so that everything is listed again."""
        self.epoch += 1
        log.warning("detected restored storage epoch=%s: %s", self.epoch, why)
        self._newest = 0
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
