"""Chromium, which drives the tests of the dashboard: from PATH, or installed by the package manager of Debian."""

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.controlplane.build import BuildFailed
from harness.controlplane.progress import Progress

VARIABLE = "TEST_ASSET_CHROMIUM"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_INSTALL = (["apt-get", "update"], ["apt-get", "install", "--yes", "--no-install-recommends", "chromium"])
_ADVICE = (
    "There is no Chromium, which the tests of the dashboard need. On Debian and Ubuntu, as root:"
    f" apt-get update && apt-get install chromium. To use a browser that you have: {VARIABLE}=/path/to/chromium"
)

Find = Callable[[str], str | None]


def chromium(environment: Mapping[str, str] | None = None, find: Find = shutil.which) -> Path:
    """The browser. Root on Debian installs it if it is missing. Raises BuildFailed, which says what to do."""
    environment = os.environ if environment is None else environment
    if named := environment.get(VARIABLE):
        if not os.access(named, os.X_OK):
            raise BuildFailed(f"{VARIABLE} names {named}, and that cannot be run")
        return Path(named)
    if found := _found(find):
        return found
    if os.geteuid() != 0 or not find("apt-get"):
        raise BuildFailed(_ADVICE)
    return _installed(find)


def _found(find: Find) -> Path | None:
    return next((Path(path) for name in _NAMES if (path := find(name))), None)


def _installed(find: Find) -> Path:
    Progress("chromium").say("installing Debian's package: a minute, the first time")
    for command in _INSTALL:
        quiet = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
        done = subprocess.run(command, capture_output=True, text=True, check=False, env=quiet)
        if done.returncode:
            raise BuildFailed(f"{_ADVICE}\n`{' '.join(command)}` failed:\n{done.stderr.strip()}")
    if found := _found(find):
        return found
    raise BuildFailed(_ADVICE)
