"""Where the programs come from: the environment names them, our cache has them, or Go builds them."""

import hashlib
import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .cache import alone, cache_of
from .module import write_module
from .progress import Progress
from .toolchain import BuildFailed, Toolchain, go_command

__all__ = ["BuildFailed", "Programs", "programs"]

PROGRAM = Path(__file__).with_name("program")
SOURCES = ("main.go", "go.mod", "go.sum")
DEFAULT_VERSION = "1.37.2"
NAMES = ("etcd", "kube-apiserver", "kube-controller-manager")


@dataclass(frozen=True)
class Programs:
    """A path each."""

    etcd: Path
    kube_apiserver: Path
    kube_controller_manager: Path


def programs(environment: Mapping[str, str] | None = None, progress: Progress | None = None) -> Programs:
    """Found or built; the first build takes minutes."""
    environment = os.environ if environment is None else environment
    found = [_named(name, environment) for name in NAMES]
    if None in found:
        home = built(
            version_of(environment), cache_of("controlplane", environment), progress or Progress("control plane")
        )
        found = [path or home / name for path, name in zip(found, NAMES, strict=True)]
    return Programs(*(path for path in found if path))


def version_of(environment: Mapping[str, str]) -> str:
    """The Kubernetes that is built."""
    return environment.get("ASSISTANT_OPERATOR_TEST_KUBERNETES", DEFAULT_VERSION).removeprefix("v")


def _named(name: str, environment: Mapping[str, str]) -> Path | None:
    """The convention of envtest, which has no controller manager."""
    asset = environment.get(f"TEST_ASSET_{name.upper().replace('-', '_')}")
    if asset:
        return Path(asset)
    assets = environment.get("KUBEBUILDER_ASSETS")
    return Path(assets) / name if assets and (Path(assets) / name).exists() else None


def built(version: str, cache: Path, progress: Progress) -> Path:
    """The folder with all three names in it, built if nobody did yet."""
    home = cache / _key(version)
    if not home.exists():
        with alone(cache, progress):
            if not home.exists():
                _build(version, cache, progress).rename(home)
    return home


def _key(version: str) -> str:
    inputs = [(PROGRAM / name).read_bytes() for name in SOURCES]
    inputs += [" ".join(_flags(version)).encode(), platform.system().encode(), platform.machine().encode()]
    digests = b"".join(hashlib.sha256(each).digest() for each in inputs)
    return f"{version}-{hashlib.sha256(digests).hexdigest()[:16]}"


def _flags(version: str) -> list[str]:
    # Without its version the server calls itself v0.0.0, and clients misjudge it.
    major, minor = version.split(".")[:2]
    says = {"gitVersion": f"v{version}", "gitMajor": major, "gitMinor": minor}
    stamps = [f"-X k8s.io/component-base/version.{name}={value}" for name, value in says.items()]
    return ["-buildvcs=false", "-trimpath", "-ldflags", " ".join(["-s -w", *stamps])]


def _build(version: str, cache: Path, progress: Progress) -> Path:
    progress.say(f"building Kubernetes {version}: minutes the first time, then it stays in {cache}")
    scratch = _fresh(cache / "building")
    source = _fresh(cache / "source")
    for name in SOURCES:
        shutil.copy(PROGRAM / name, source)
    go = Toolchain(go_command(cache, progress), source, progress)
    if version != DEFAULT_VERSION:
        write_module(version, source, go)
    go.build(_flags(version), scratch / "controlplane")
    for name in NAMES:
        (scratch / name).symlink_to("controlplane")
    return scratch


def _fresh(folder: Path) -> Path:
    """Whoever left it there was killed: we hold the lock."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder
