"""The operator under test as what it is: a process of its own, with the rights of its ServiceAccount."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from harness.controlplane.waiting import eventually

from .ports import free_port

OK = 200


class OperatorProcess:
    """`assistant-operator run`, started, ended, killed and started again."""

    def __init__(self, kubeconfig: Path, log: Path, *flags: str, environment: Mapping[str, str] | None = None) -> None:
        """`flags`: beside --listen; without any word on leader election there is none, so that a start is quick."""
        self._kubeconfig = kubeconfig
        self._environment = dict(environment or {})
        self.log = log
        self._flags = flags if any("leader-elect" in flag for flag in flags) else ("--no-leader-elect", *flags)
        self._process: subprocess.Popen[bytes] | None = None
        self.port = 0

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kill()

    @property
    def pid(self) -> int:
        assert self._process, "not started"
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, *, wait: bool = True) -> None:
        """Start it; with `wait`, until it says that it is ready."""
        self.port = free_port()
        command = [sys.executable, "-m", "assistant_operator", "run", f"--listen=127.0.0.1:{self.port}", *self._flags]
        environment = os.environ | {"KUBECONFIG": str(self._kubeconfig)} | self._environment
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log, env=environment)
        if wait:
            eventually(self.is_ready)

    def is_ready(self) -> bool:
        assert self.is_running, f"the operator ended by itself:\n{self.log.read_text()[-4000:]}"
        return self.get("/readyz") is not None

    def get(self, path: str) -> str | None:
        """What it answers over HTTP; None if it does not answer 200."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return str(answer.read().decode())
        except (urllib.error.URLError, OSError):
            return None

    def kill(self) -> None:
        """As the kernel does when memory runs out: nothing is tidied up."""
        self._end(signal.SIGKILL)

    def terminate(self) -> int:
        """As Kubernetes does: the exit code."""
        return self._end(signal.SIGTERM)

    def send(self, number: signal.Signals) -> None:
        os.kill(self.pid, number)

    def _end(self, number: signal.Signals) -> int:
        if self._process is None:
            return 0
        self._process.send_signal(number)
        return self._process.wait(30)
