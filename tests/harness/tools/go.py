"""A program built from its own Go module, at the version that our go.mod pins."""

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path

from harness.controlplane.cache import alone, cache_of
from harness.controlplane.progress import Progress
from harness.controlplane.toolchain import Toolchain, go_command

from .kept import Kept


class GoProgram(Kept):
    """The package of a command; `.` for one whose source is among the pins."""

    def __init__(self, name: str, package: str, *, tags: str = "", stamp: str = "") -> None:
        """`stamp`: the variable that a release has its version in."""
        super().__init__(name)
        self._package = package
        self._tags = tags
        self._stamp = stamp

    @property
    def version(self) -> str:
        """Of the module that the package is in."""
        required = re.findall(r"^\t(\S+) (v\S+)", (self.pins / "go.mod").read_text(), re.MULTILINE)
        return next((version for module, version in required if f"{self._package}/".startswith(f"{module}/")), "")

    def _inputs(self) -> Sequence[str]:
        return self._flags()

    def _flags(self) -> list[str]:
        stamp = f" -X {self._stamp}={self.version}" if self._stamp else ""
        # As for the control plane, whose packages are compiled already: most are the same.
        return ["-buildvcs=false", "-trimpath", f"-tags={self._tags}", "-ldflags", f"-s -w{stamp}"]

    def _make(self, folder: Path, cache: Path, progress: Progress) -> None:
        source = cache / "source"
        shutil.rmtree(source, ignore_errors=True)
        shutil.copytree(self.pins, source)
        # Not the control plane's copy: whoever builds that holds its lock for minutes.
        toolchain = cache_of("tools", os.environ) / "toolchain"
        with alone(toolchain, progress):
            go = go_command(toolchain, progress)
        Toolchain(go, source, progress).build(self._flags(), folder / self.name, self._package)
