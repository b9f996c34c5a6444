"""Makes a simulation fail that uses a real socket, a real sleep, a thread or a subprocess."""

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from .replacing import replaced

_FORBIDDEN = {
    "_thread.start_new_thread",
    "os.exec",
    "os.fork",
    "os.forkpty",
    "os.posix_spawn",
    "os.system",
    "pty.spawn",
    "socket.__new__",
    "socket.bind",
    "socket.connect",
    "socket.getaddrinfo",
    "socket.gethostbyname",
    "subprocess.Popen",
    "time.sleep",
}


class RealWorldUsed(BaseException):
    """Code in a simulation reached for the real world. A BaseException, so that no handler of errors hides it."""


class _Guard:
    """An audit hook cannot be removed, so that it is added once and switched."""

    def __init__(self) -> None:
        self._is_added = False
        self.violations: list[str] | None = None

    def __call__(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.violations is not None and event in _FORBIDDEN:
            self._refuse(f"{event}{arguments!r:.200}")

    def refusing(self, what: str) -> Callable[..., None]:
        """A stand-in for a function that not each Python audits."""
        return lambda *arguments, **_: self._refuse(f"{what}{arguments!r:.200}")

    def _refuse(self, what: str) -> None:
        if self.violations is not None:
            self.violations.append(what)
        raise RealWorldUsed(what)

    def add(self) -> None:
        if not self._is_added:
            sys.addaudithook(self)
            self._is_added = True


_guard = _Guard()


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Raise RealWorldUsed at each such use, and once more at the end. Yields the uses that were recorded."""
    _guard.add()
    used: list[str] = []
    _guard.violations = used
    try:
        with (
            replaced(time, "sleep", _guard.refusing("time.sleep")),
            replaced(threading.Thread, "start", _guard.refusing("Thread.start")),
        ):
            yield used
    finally:
        _guard.violations = None
    if used:
        raise RealWorldUsed("; ".join(used))
