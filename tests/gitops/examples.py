"""deploy/examples/gitops/ as a person copies it, rendered by Kustomize with this checkout in place of the release."""

import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "deploy" / "examples" / "gitops"
RELEASE = "https://git.example.com/mirror/assistant-operator//{base}?ref=v0.1.0"
GROUP = "assistant-operator.dev"
Json = dict[str, Any]


@cache
def rendered(folder: str) -> tuple[Json, ...]:
    """What `kubectl kustomize` makes of that folder below the examples."""
    with tempfile.TemporaryDirectory() as temporary:
        copied = Path(temporary) / "example"
        shutil.copytree(EXAMPLES, copied)
        for base in ("crds", "deploy"):
            shutil.copytree(ROOT / base, Path(temporary) / base, ignore=shutil.ignore_patterns("examples"))
        for file in copied.rglob("kustomization.yaml"):
            file.write_text(with_this_checkout(file.read_text(), file.parent.resolve(), Path(temporary).resolve()))
        program = Path(sys.executable).with_name("kubectl")
        done = subprocess.run([program, "kustomize", copied / folder], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return tuple(each for each in yaml.safe_load_all(done.stdout) if each)


def with_this_checkout(text: str, here: Path, top: Path) -> str:
    up = "/".join([".."] * len(here.relative_to(top).parts))
    for base in ("crds", "deploy"):
        text = text.replace(RELEASE.format(base=base), f"{up}/{base}")
    return text


def objects_of_ours(folder: str) -> list[Json]:
    """Graphs and Assistants of an example, ready for any namespace."""
    ours = [each for each in rendered(folder) if each["apiVersion"].startswith(f"{GROUP}/")]
    return [{**each, "metadata": {**each["metadata"], "namespace": None}} for each in ours]


def documents(file: str) -> list[Json]:
    return list(yaml.safe_load_all((EXAMPLES / file).read_text()))
