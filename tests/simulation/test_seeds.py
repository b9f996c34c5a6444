"""Random faults: a few seeds here, as many as you like with `make simulate SEEDS=10000`."""

import os
import subprocess
import sys

SEEDS = 12


def test_the_laws_hold_whatever_fails_at_random() -> None:
    """In a process of its own: kopf has sets of names, so a seed is that of one PYTHONHASHSEED."""
    path = os.pathsep.join(each for each in sys.path if each)
    environment = {**os.environ, "PYTHONPATH": path, "PYTHONHASHSEED": "0"}
    command = [sys.executable, "-m", "simulation", "--seeds", str(SEEDS), "--one-in", "0"]
    done = subprocess.run(command, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-8000:]
