"""The Python that has the server: made once from requirements.txt, kept outside the repository."""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from harness.controlplane.build import BuildFailed
from harness.controlplane.cache import alone, cache_of
from harness.controlplane.progress import Progress

REQUIREMENTS = Path(__file__).with_name("requirements.txt")
TAIL = 25


def server_python() -> Path:
    """Found or made; the first time takes a minute. Raises BuildFailed."""
    cache = cache_of("langgraph-server", os.environ)
    home = cache / _key()
    if not home.exists():
        progress = Progress("LangGraph Server")
        with alone(cache, progress):
            if not home.exists():
                progress.say(f"installing it from PyPI: a minute the first time, then it stays in {cache}")
                _made(cache / "making").rename(home)
    return home / "bin" / "python"


def _key() -> str:
    inputs = [REQUIREMENTS.read_bytes(), sys.version.encode(), platform.platform().encode()]
    return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in inputs)).hexdigest()[:16]


def _made(scratch: Path) -> Path:
    # Whoever left it there was killed: we hold the lock.
    shutil.rmtree(scratch, ignore_errors=True)
    _checked([sys.executable, "-m", "venv", str(scratch)])
    install = ["install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(REQUIREMENTS)]
    _checked([f"{scratch}/bin/python", "-m", "pip", *install])
    return scratch


def _checked(command: list[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-TAIL:])
        raise BuildFailed(f"`{' '.join(command)}` failed:\n{said}")
