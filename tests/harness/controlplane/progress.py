"""What a person sees while something takes minutes; not a log."""

import sys
import time
from typing import TextIO

EVERY = 10.0


class Progress:
    """Passing states rewrite one line of a terminal; elsewhere a line now and then."""

    def __init__(self, what: str, stream: TextIO | None = None) -> None:
        self._what = what
        self._stream = stream or sys.stderr
        self._shown_at = 0.0

    @property
    def _rest(self) -> str:
        """Clears what an earlier state left on the line."""
        return "\033[K" if self._stream.isatty() else ""

    def say(self, text: str) -> None:
        self._write(f"{self._what}: {text}{self._rest}\n")
        self._shown_at = time.monotonic()

    def show(self, text: str) -> None:
        if self._stream.isatty():
            self._write(f"{self._what}: {text}{self._rest}\r")
        elif time.monotonic() - self._shown_at >= EVERY:
            self.say(text)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
