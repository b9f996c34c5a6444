"""The Dockerfile: clean, and what its own steps make runs as nobody in particular, with nothing that can be written."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import tomllib
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.controlplane.waiting import eventually
from harness.documentation.definitions import manifests
from harness.support import Workspace
from harness.support.ports import free_port
from harness.tools import hadolint
from harness.tools.dockerfile import Build, Image, Instruction, instructions, written_in
from harness.tools.readonly import forbid_writes

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "Dockerfile"
STEPS = instructions(DOCKERFILE.read_text())
LAST = STEPS[max(at for at, step in enumerate(STEPS) if step.name == "FROM") :]
NOBODY = 65532


def said(name: str) -> list[Instruction]:
    """In the stage that is shipped."""
    return [step for step in LAST if step.name == name]


def test_hadolint_has_nothing_to_say() -> None:
    done = subprocess.run(
        [hadolint(), "--failure-threshold=style", DOCKERFILE], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "")


def test_one_build_argument_pins_every_base() -> None:
    first, *others = [step for step in STEPS if step.name in {"ARG", "FROM"}]
    assert first.text == "PYTHON=python:3.13-slim"
    assert [step.words[0] for step in others if step.name == "FROM"] == ["${PYTHON}", "${PYTHON}"]


def test_the_image_says_what_it_is() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    (label,) = said("LABEL")
    prefix = "org.opencontainers.image."
    labels = {name.removeprefix(prefix): value for name, value in written_in(label).items() if name.startswith(prefix)}
    assert labels | {"description": ""} == {
        "title": "assistant-operator",
        "description": "",
        "licenses": "Apache-2.0",
        "version": "${VERSION}",
        "revision": "${REVISION}",
        "source": "${SOURCE}",
    }
    assert [step.text for step in said("ARG")] == [f"VERSION={version}", "REVISION=", "SOURCE="]


def test_it_runs_without_a_shell_as_nobody_and_ends_by_a_signal_the_operator_knows() -> None:
    (user,), (entry,), (command,), (signal,) = (said(name) for name in ("USER", "ENTRYPOINT", "CMD", "STOPSIGNAL"))
    assert user.text == f"{NOBODY}:{NOBODY}"
    assert entry.text.startswith("[")
    assert command.text == '["run"]'
    assert signal.text == "SIGTERM"


def test_the_context_holds_what_is_copied_and_no_more() -> None:
    kept = {
        line.removeprefix("!") for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")
    }
    copied = {word for step in STEPS if step.name == "COPY" and "--from" not in step.text for word in step.words[:-1]}
    assert kept == {source.removeprefix("./") for source in copied}


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    """Built here; nobody has the right to change a bit of it."""
    # Not a folder of pytest's own: nobody else may look into those.
    scratch = Path(tempfile.mkdtemp(prefix="assistant-operator-image-"))
    scratch.chmod(0o755)
    try:
        made = Build(ROOT, scratch).run(STEPS)
        subprocess.run(["chmod", "-R", "a-w,a+rX", made.root], check=True)
        yield made
    finally:
        subprocess.run(["chmod", "-R", "u+w", scratch], check=True)
        shutil.rmtree(scratch)


def entry(image: Image, *arguments: str) -> list[str]:
    """What the container runs, with those arguments or its own."""
    program, *rest = image.said["ENTRYPOINT"].words
    return [str(image.path(program)), *rest, *(arguments or image.said["CMD"].words)]


def start(image: Image, *command: str, **environment: str) -> subprocess.Popen[str]:
    """As in the container: its environment and no other, nothing writable; and if we are root, as its user."""
    user = NOBODY if os.geteuid() == 0 else None
    variables = {name: value for name, value in image.variables.items() if not name.startswith("PIP_")}
    return subprocess.Popen(
        command,
        cwd=image.root,
        env=variables | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=forbid_writes,  # noqa: PLW1509 (it takes no lock)
        user=user,
        group=user,
        extra_groups=None if user is None else (),
    )


def told_by(process: subprocess.Popen[str], code: int = 0) -> str:
    """All its output, once it has ended so."""
    told, _ = process.communicate(timeout=60)
    assert process.returncode == code, told
    return told


def test_what_runs_here_can_write_nothing(image: Image) -> None:
    """Without this the others would show nothing."""
    everybodys = image.root.parent / "everybodys"
    everybodys.mkdir()
    everybodys.chmod(0o777)
    program = f"import os; print(os.geteuid()); open('{everybodys}/file', 'w')"
    user, *_, error = told_by(start(image, str(image.path("/venv/bin/python")), "-c", program), code=1).splitlines()
    assert user == str(NOBODY if os.geteuid() == 0 else os.geteuid())
    assert error.startswith("PermissionError: ")
    assert list(everybodys.iterdir()) == []


def test_no_build_tool_is_left(image: Image) -> None:
    held = [each.name for each in image.root.rglob("*") if each.parent.name in {"bin", "site-packages"}]
    left = {re.split(r"[-.]\d", name)[0] for name in held}
    tools = {"pip", "pip3", "setuptools", "wheel", "hatchling", "hatch", "pytest", "mypy", "ruff", "kubectl"}
    assert left & tools == set()
    assert {"assistant_operator", "kopf", "python"} <= left
    assert [each.name for each in image.root.rglob("ensurepip")] == []
    assert sorted(each.name for each in image.root.iterdir()) == ["usr", "venv"]


def test_nothing_has_a_write_bit(image: Image) -> None:
    assert [each for each in image.root.rglob("*") if not each.is_symlink() and each.stat().st_mode & 0o222] == []


def test_it_tells_how_to_use_it(image: Image) -> None:
    told = told_by(start(image, *entry(image, "--help")))
    assert told.startswith("Usage: ")
    assert {"run", "crds"} <= set(told.split())


def test_it_prints_the_kinds(image: Image) -> None:
    kinds = [text for name, text in manifests().items() if name != "kustomization.yaml"]
    assert told_by(start(image, *entry(image, "crds"))) == "---\n".join(kinds)


def test_it_works_until_it_is_told_to_stop(image: Image, operator_kubeconfig: Path, workspace: Workspace) -> None:
    workspace.graph(contextSchema={"properties": {"prompt": {"type": "string"}}})
    workspace.assistant(context={"prompt": 1})
    port = free_port()
    flags = [f"--listen=127.0.0.1:{port}", f"--namespace={workspace.namespace}", "--no-leader-elect"]
    kubeconfig = str(readable(operator_kubeconfig, image.root.parent))
    process = start(image, *entry(image), *flags, KUBECONFIG=kubeconfig)
    try:
        eventually(lambda: process.poll() is not None or is_ready(port))
        assert process.poll() is None, told_by(process)
        # The schema is applied by a process of its own, which has to start there too.
        workspace.until_not_ready("SchemaRefused")
        workspace.edit(context={"prompt": "one"})
        assert workspace.until_active(2)["latestVersion"] == 2
        process.terminate()
        told = told_by(process)
    finally:
        process.kill()
    assert "Traceback" not in told


def is_ready(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def readable(kubeconfig: Path, folder: Path) -> Path:
    """A copy that everybody may read. As in a cluster, the certificate is a file beside it."""
    said = json.loads(kubeconfig.read_text())
    cluster = said["clusters"][0]["cluster"]
    authority = folder / "ca.crt"
    authority.write_bytes(Path(cluster["certificate-authority"]).read_bytes())
    cluster["certificate-authority"] = str(authority)
    copy = folder / "kubeconfig"
    copy.write_text(json.dumps(said))
    return copy
