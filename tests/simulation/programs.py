"""`python -m simulation` in a process of its own: kopf has sets of names, so a seed is that of one PYTHONHASHSEED."""

import os
import subprocess
import sys


def simulate(*arguments: str) -> None:
    """Raises AssertionError with what it found."""
    done = python("-m", "simulation", *arguments)
    assert done.returncode == 0, done.stderr[-8000:]


def python(*arguments: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(each for each in sys.path if each)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    command = [sys.executable, *arguments]
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
