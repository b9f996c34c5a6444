"""The go.mod of a Kubernetes version other than the one written down in program/; what it needs it says itself."""

import re
from pathlib import Path

from .toolchain import BuildFailed, Toolchain

STAGING = re.compile(r"^\s*(k8s\.io/\S+) => \./staging/", re.MULTILINE)


def write_module(version: str, folder: Path, go: Toolchain) -> None:
    """Overwrite go.mod and go.sum in the folder."""
    theirs = Path(go.download(f"k8s.io/kubernetes@v{version}")["GoMod"]).read_text()
    (folder / "go.mod").write_text(module_for(version, theirs))
    (folder / "go.sum").unlink()
    go.tidy()


def module_for(version: str, theirs: str) -> str:
    staged = "v0." + version.split(".", 1)[1]
    # The server beside the client they were released with; left to itself, tidy would take the newest.
    etcd = _required("go.etcd.io/etcd/client/v3", theirs)
    lines = [
        "module controlplane",
        re.findall(r"^go \S+", theirs, re.MULTILINE)[0],
        f"require k8s.io/kubernetes v{version}",
        f"require go.etcd.io/etcd/server/v3 {etcd}",
        *(f"replace {name} => {name} {staged}" for name in STAGING.findall(theirs)),
    ]
    return "\n".join(lines) + "\n"


def _required(module: str, theirs: str) -> str:
    found = re.search(rf"^\s*{re.escape(module)} (v\S+)", theirs, re.MULTILINE)
    if not found:
        raise BuildFailed(f"k8s.io/kubernetes does not require {module}")
    return found[1]
