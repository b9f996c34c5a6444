"""The JavaScript of others in the wheel is what its registry publishes, byte by byte, with its license."""

import hashlib
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from harness.documentation import ROOT

STATIC = ROOT / "src/assistant_operator/kubectl/dashboard/static"
OWN = {"dashboard.css", "dashboard.js", "icon.svg", "vendored.json"}
VENDORED: dict[str, dict[str, Any]] = json.loads((STATIC / "vendored.json").read_text())
LOCK = Path(__file__).with_name("vendored")


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the packages, which npm installed and compared with the hashes of the lock file."""
    npm = shutil.which("npm")
    assert npm, "npm is missing: install Node.js (on Debian and Ubuntu: apt-get install npm)"
    folder = tmp_path_factory.mktemp("published")
    for name in ("package.json", "package-lock.json"):
        shutil.copy(LOCK / name, folder)
    options = ["--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run([npm, "ci", *options], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "node_modules"


@pytest.mark.parametrize("name", VENDORED)
def test_a_vendored_file_is_the_published_one(name: str, published: Path) -> None:
    record = VENDORED[name]
    package = published / record["package"]
    content = (STATIC / name).read_bytes()
    assert json.loads((package / "package.json").read_text())["version"] == record["version"]
    assert content == (package / record["path"]).read_bytes()
    assert hashlib.sha256(content).hexdigest() == record["sha256"]
    assert (STATIC / record["license"]).read_text() == (package / "LICENSE").read_text()


def test_no_other_file_of_others_is_served() -> None:
    licenses = {record["license"] for record in VENDORED.values()}
    assert {each.name for each in STATIC.iterdir()} == OWN | VENDORED.keys() | licenses


def test_the_wheel_has_all_that_the_page_needs(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.iterdir()
    with zipfile.ZipFile(wheel) as archive:
        packed = set(archive.namelist())
    files = {path for folder in ("static", "templates") for path in (STATIC.parent / folder).iterdir()}
    assert {str(path.relative_to(ROOT / "src")) for path in files} <= packed
