"""A Dockerfile read as instructions, and carried out in a folder where no container engine runs."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

# What is absolute in a command: behind a blank or a quote, so that neither a URL nor a relative path is.
ABSOLUTE = re.compile(r"(?<![^\s\"'=])/(?=[A-Za-z])")
# What the base image does not have either, or nobody misses.
LEFT_OUT = shutil.ignore_patterns("site-packages", "dist-packages", "test", "config-*", "__pycache__", "idlelib")


@dataclass(frozen=True)
class Instruction:
    """One line, however many the file has it on."""

    name: str
    text: str

    @property
    def words(self) -> list[str]:
        """Of the exec form too."""
        return [word.strip(",") for word in shlex.split(self.text.removeprefix("[").removesuffix("]"))]


def instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    whole = re.sub(r"\\\n", " ", "\n".join(lines)).splitlines()
    return [Instruction(name.upper(), rest.strip()) for name, _, rest in (line.partition(" ") for line in whole)]


def base(folder: Path) -> None:
    """What the image python:…-slim has, as far as it matters: /usr/local with this Python in it, and a pip."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    programs, library = folder / "usr/local/bin", folder / "usr/local/lib"
    shutil.copytree(sysconfig.get_path("stdlib"), library / version, ignore=LEFT_OUT)
    programs.mkdir()
    shutil.copy(Path(sys.executable).resolve(), programs / version)
    for name in ("python", "python3"):
        (programs / name).symlink_to(version)
    shared = Path(sysconfig.get_config_var("LIBDIR")) / str(sysconfig.get_config_var("INSTSONAME"))
    if shared.suffix != ".a" and shared.exists():
        shutil.copy(shared, library)
    for installer in (programs / "pip3", library / version / "site-packages/pip/__init__.py"):
        installer.parent.mkdir(exist_ok=True, parents=True)
        installer.touch()


@dataclass
class Image:
    """A stage, as far as it was carried out. Its root is a folder here."""

    root: Path
    environment: dict[str, str] = field(default_factory=dict)
    directory: str = "/"
    said: dict[str, Instruction] = field(default_factory=dict)

    def path(self, inside: str) -> Path:
        return self.root / inside.lstrip("/")

    @property
    def variables(self) -> dict[str, str]:
        """Nothing of ours but the way to the registries."""
        ways = {name: value for name, value in os.environ.items() if re.match(r"(?i)(PIP_|\w+_proxy$|SSL_)", name)}
        local = {
            "PATH": f"{self.path('usr/local/bin')}:/usr/bin:/bin",
            "LD_LIBRARY_PATH": str(self.path("usr/local/lib")),
            "HOME": str(self.root),
        }
        return ways | local | self.environment


class Build:
    """The stages of one Dockerfile, each at the same root while it is built: an environment cannot be moved."""

    def __init__(self, context: Path, scratch: Path) -> None:
        self._context = context
        self._scratch = scratch
        self._root = scratch / "root"
        self._stages: dict[str, Path] = {}

    def run(self, steps: Sequence[Instruction]) -> Image:
        """The last stage."""
        image, name = Image(self._root), ""
        for step in steps:
            if step.name == "FROM":
                self._put_by(name)
                name = step.words[-1]
                image = Image(self._root)
                base(self._root)
            elif step.name in STEPS:
                STEPS[step.name](self, image, step)
            else:
                image.said[step.name] = step
        return image

    def shell(self, image: Image, step: Instruction) -> None:
        """RUN, with every absolute path in it below the root."""
        command = ABSOLUTE.sub(f"{self._root}/", step.text)
        where, environment = image.path(image.directory), image.variables
        done = subprocess.run(
            ["/bin/sh", "-ec", command], cwd=where, env=environment, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"RUN {step.text}\n{done.stdout[-2000:]}{done.stderr[-2000:]}"

    def copy(self, image: Image, step: Instruction) -> None:
        *sources, target = step.words
        came = self._context
        if sources[0].startswith("--from="):
            came = self._stages[sources.pop(0).removeprefix("--from=")]
        into = image.root / (
            target.lstrip("/") if target.startswith("/") else f"{image.directory.lstrip('/')}/{target}"
        )
        for source in sources:
            _copied(came / source.lstrip("/"), into / source if target.endswith("./") else into)

    def enter(self, image: Image, step: Instruction) -> None:
        image.directory = step.text
        image.path(step.text).mkdir(parents=True, exist_ok=True)

    def set(self, image: Image, step: Instruction) -> None:
        image.environment |= dict(word.split("=", 1) for word in step.words)

    def _put_by(self, name: str) -> None:
        if self._root.exists():
            self._stages[name] = self._root.rename(self._scratch / name)


STEPS = {"RUN": Build.shell, "COPY": Build.copy, "WORKDIR": Build.enter, "ENV": Build.set}


def _copied(source: Path, target: Path) -> None:
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(source, target)


def written_in(instruction: Instruction) -> Mapping[str, str]:
    """NAME=value pairs."""
    return dict(word.split("=", 1) for word in instruction.words)
