"""How a program is found: the environment names it, our cache has it, or it is made, by one at a time."""

import hashlib
import os
import platform
import shutil
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path

from harness.controlplane.build import BuildFailed
from harness.controlplane.cache import alone, cache_of
from harness.controlplane.progress import Progress

PINS = Path(__file__).with_name("pins")


class Kept(ABC):
    """One program of one pinned version."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.pins = PINS / name

    @property
    def variable(self) -> str:
        return f"TEST_ASSET_{self.name.upper()}"

    def path(self, environment: Mapping[str, str] | None = None) -> Path:
        """Found or made. Raises BuildFailed, which says what to do."""
        environment = os.environ if environment is None else environment
        if named := environment.get(self.variable):
            return self._there(Path(named))
        cache = cache_of("tools", environment) / self.name
        home = cache / self._key()
        if not home.exists():
            progress = Progress(self.name)
            with alone(cache, progress):
                if not home.exists():
                    self._remade(cache, progress).rename(home)
        return home / self.name

    @abstractmethod
    def _make(self, folder: Path, cache: Path, progress: Progress) -> None:
        """Put the program into the folder, under its own name."""

    @abstractmethod
    def _inputs(self) -> Sequence[str]:
        """What another program would come of, besides the pins and the machine."""

    def _key(self) -> str:
        inputs = [each.read_bytes() for each in sorted(self.pins.iterdir())]
        inputs += [each.encode() for each in (*self._inputs(), platform.system(), platform.machine())]
        return hashlib.sha256(b"".join(hashlib.sha256(each).digest() for each in inputs)).hexdigest()[:16]

    def _remade(self, cache: Path, progress: Progress) -> Path:
        progress.say(f"making it: minutes the first time, then it stays in {cache}")
        scratch = cache / "making"
        # Whoever left it there was killed: we hold the lock.
        shutil.rmtree(scratch, ignore_errors=True)
        scratch.mkdir()
        try:
            self._make(scratch, cache, progress)
        except BuildFailed as failed:
            what = f"There is no {self.name}, and it could not be made; that takes PyPI and the Go module proxy."
            raise BuildFailed(f"{what} To use one that you have: {self.variable}=/path\n{failed}") from failed
        return scratch

    def _there(self, named: Path) -> Path:
        if not os.access(named, os.X_OK):
            raise BuildFailed(f"{self.variable} names {named}, and that cannot be run")
        return named
