"""One process of the control plane, from start to end; what it is for is not known here."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

KEEPER = Path(__file__).with_name("keeper.py")
GRACE = 15.0
TAIL = 25


class ComponentFailed(Exception):
    """A component ended, or never became ready."""


class Component:
    """A program with a log, ended with us however we end."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        *,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._directory = directory
        self._environment = environment
        self.name = name
        self._command = list(command)
        self._log = log
        self._keeper: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._keeper is not None and self._keeper.poll() is None

    def start(self) -> None:
        if self.is_running:
            raise ComponentFailed(f"{self.name} is running already")
        with self._log.open("ab") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-I", "-S", str(KEEPER), *self._command],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
                process_group=0,
                cwd=self._directory,
                env=self._environment,
            )

    def stop(self) -> None:
        """Ask it to end, and kill it where asking does not help."""
        if self._keeper is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self._keeper.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            self._keeper.wait(GRACE)
        self.kill()

    def kill(self) -> None:
        """SIGKILL; the process is gone when this returns."""
        if self._keeper is None or self._keeper.stdin is None:
            return
        # A byte and not only the end of the file: a forked child of ours may hold the pipe open.
        with suppress(BrokenPipeError), self._keeper.stdin as pipe:
            pipe.write(b"k")
        self._keeper.wait()
        self._keeper = None

    def wait_until(self, is_ready: Callable[[], bool], within: float) -> None:
        deadline = time.monotonic() + within
        while not is_ready():
            if not self.is_running:
                raise self.failure("ended")
            if time.monotonic() > deadline:
                raise self.failure(f"was not ready within {within:.0f} s")
            time.sleep(0.05)

    def failure(self, what: str) -> ComponentFailed:
        return ComponentFailed(f"{self.name} {what}; the end of {self._log}:\n{self._tail()}")

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines() if self._log.exists() else []
        return "\n".join(lines[-TAIL:])
