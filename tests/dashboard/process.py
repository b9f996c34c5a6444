"""`kubectl assistants dashboard` as a process of its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.controlplane.waiting import PATIENCE

_PROGRAM = Path(sys.executable).parent / "kubectl-assistants"
_URL = re.compile(r"(http://127\.0\.0\.1:\d+)(/\S*)\n")


class DashboardProcess:
    """Runs from `with` to its end, which must be quiet."""

    def __init__(self, kubeconfig: Path, *words: str, port: int = 0) -> None:
        """`words`: further arguments, such as `-n team`."""
        self._environment = os.environ | {"KUBECONFIG": str(kubeconfig)}
        self._words = [str(_PROGRAM), "dashboard", "--no-open", f"--port={port}", *words]
        self._ended: tuple[int, str] | None = None
        self.base = ""
        """Scheme, host and port."""
        self.start_path = ""
        """Path and query of the printed URL."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            self._words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=self._environment
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        found = _URL.search(line)
        assert found, line + self._process.communicate(timeout=PATIENCE)[1]
        self.base, self.start_path = found[1], found[2]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        code, stderr = self.end()
        assert (code, stderr) == (0, ""), f"exit code {code}: {stderr}"

    @property
    def port(self) -> int:
        return int(self.base.rpartition(":")[2])

    def end(self, number: signal.Signals = signal.SIGINT) -> tuple[int, str]:
        """End it, unless it has ended; exit code and stderr."""
        if self._ended is None:
            self._process.send_signal(number)
            _, stderr = self._process.communicate(timeout=PATIENCE)
            self._ended = self._process.returncode, stderr
        return self._ended
