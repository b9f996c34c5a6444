"""This code over what each release left: no version, no write, no word; then life goes on where it stopped.

What a restored state cannot keep, since the API server assigns it: uid, resourceVersion and creationTimestamp, and with
them the watch history of before. Owner references and `assistantRef.uid` are rewired to the new UIDs, as they would be
equal in a cluster that lived through the upgrade. A deletion in progress cannot be restored either.
"""

import hashlib
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace, writes_since
from harness.support.idle import until_idle
from harness.support.walk import complaints

from .record import NAMESPACE, PLURALS
from .restoration import Restoration, recorded

HERE = Path(__file__).parent
RELEASES = sorted(each.name for each in HERE.iterdir() if (each / "graphs.yaml").is_file())
Json = dict[str, Any]
Place = tuple[str, str]


def everything(workspace: Workspace) -> dict[Place, Json]:
    return {(plural, each["metadata"]["name"]): each for plural in PLURALS for each in workspace.all(plural)}


@pytest.fixture(scope="module", params=RELEASES)
def release(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def workspace(installed: ControlPlane, release: str) -> Iterator[Workspace]:
    # The name is in messages of the status.
    installed.admin.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    yield Workspace(installed, NAMESPACE)
    path = f"/api/v1/namespaces/{NAMESPACE}"
    installed.admin.request("DELETE", path)
    eventually(lambda: installed.admin.request("GET", path).status == 404)


@pytest.fixture(scope="module")
def restored(workspace: Workspace, release: str) -> Restoration:
    restorer = Restoration(workspace)
    restorer.restore(recorded(HERE / release))
    return restorer


@pytest.fixture(scope="module")
def left(workspace: Workspace, restored: Restoration) -> dict[Place, Json]:
    """Every object before this code's operator saw it."""
    return everything(workspace)


@pytest.fixture(scope="module")
def position(workspace: Workspace, left: dict[Place, Json]) -> int:
    """Where the audit log stood then."""
    return workspace.plane.audit_since()[1]


@pytest.fixture(scope="module")
def operator(
    position: int, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    with OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("upgrade") / "operator.log") as process:
        yield process
    assert complaints(process) == []


def test_the_recorded_state_is_restored_field_by_field(
    restored: Restoration, release: str, left: dict[Place, Json]
) -> None:
    state = recorded(HERE / release)
    assert len(left) == sum(map(len, state.values())) > 60
    for plural, objects in state.items():
        for each in objects:
            live = left[plural, each["metadata"]["name"]]
            assert {"apiVersion": each["apiVersion"], "kind": each["kind"], **stripped(live)} == restored.expected(each)


def stripped(found: Json) -> Json:
    assigned = {"uid", "resourceVersion", "creationTimestamp", "namespace"}
    metadata = {name: each for name, each in found["metadata"].items() if name not in assigned}
    return {**found, "metadata": metadata}


def test_the_recorded_state_has_every_interesting_condition(left: dict[Place, Json]) -> None:
    """Or the tests below would say little."""
    told = {
        (plural, each["type"], each["status"], each["reason"])
        for (plural, _), found in left.items()
        for each in found.get("status", {}).get("conditions", ())
        if each["type"] in ("Ready", "Active")
    }
    assert {(plural, kind, status) for plural, kind, status, _ in told} == {
        ("graphs", "Ready", "True"),
        ("graphs", "Ready", "False"),
        ("assistants", "Ready", "True"),
        ("assistants", "Ready", "False"),
        ("assistantversions", "Active", "True"),
        ("assistantversions", "Active", "False"),
    }
    assert {reason for plural, kind, _, reason in told if (plural, kind) == ("assistants", "Ready")} == {
        "Active",
        "AwaitingActivation",
        "GraphNotFound",
        "PinnedVersionNotFound",
        "SchemaRefused",
        "SchemaUnusable",
        "Suspended",
    }
    assert {reason for plural, kind, _, reason in told if (plural, kind) == ("graphs", "Ready")} == {
        "Available",
        "DefaultAssistantNotReady",
        "NameConflict",
        "SchemaUnusable",
        "ServerUnreachable",
    }


def test_this_code_makes_no_version_and_writes_nothing_over_it(
    operator: OperatorProcess, workspace: Workspace, left: dict[Place, Json], position: int
) -> None:
    # Made after the start, it is looked at after all that was there; then a probe of the server that is away.
    with a_workspace(workspace.plane) as other:
        other.assistant(context={"prompt": secrets.token_hex(4)})
        other.until_active(1)
        other.graph("away", server={"url": "http://127.0.0.1:9"})
        other.until_not_ready("ServerUnreachable", "away", "graphs")
        assert "create assistantversions" in " ".join(writes_since(workspace.plane, position, other.namespace))
    until_idle(workspace.plane)
    assert writes_since(workspace.plane, position, NAMESPACE) == []
    assert everything(workspace) == left


def test_every_recorded_digest_and_chain_is_what_this_release_says_of_it(left: dict[Place, Json]) -> None:
    """By the contract and not by our own code: or a release could not check what an older one wrote."""
    versions = {key[1]: found["spec"] for key, found in left.items() if key[0] == "assistantversions"}
    exact = {name: spec for name, spec in versions.items() if not name.startswith("odd-")}  # beyond a double's integers
    assert len(exact) > 30
    for name, spec in exact.items():
        digest = sha256(rfc8785.dumps(spec["snapshot"]))
        assert spec["digest"] == digest, name
        before = f"{spec['assistantRef']['name']}-v{spec['number'] - 1}"
        if spec["number"] == 1 or before in versions:
            previous = versions[before]["chain"] if spec["number"] > 1 else ""
            assert spec["chain"] == sha256(f"{previous}\n{spec['number']}\n{digest}".encode()), name


def sha256(content: bytes) -> str:
    return "sha256:" + hashlib.sha256(content).hexdigest()


def test_the_next_edit_goes_on_with_the_history_of_the_release(
    operator: OperatorProcess, workspace: Workspace, left: dict[Place, Json]
) -> None:
    """The last test of the file: it changes what was restored."""
    before = left["assistantversions", "settled-v4"]["spec"]
    workspace.edit("settled", context={"prompt": "3"})
    workspace.until_active(5, "settled")
    spec = workspace.versions("settled")[-1]["spec"]
    assert (spec["number"], spec["change"]["kind"], spec["change"]["sameAs"]) == (5, "Reverted", 3)
    assert spec["chain"] == sha256(f"{before['chain']}\n5\n{spec['digest']}".encode())

    workspace.edit("suspended", suspend=False)
    workspace.until_active(2, "suspended")
    workspace.edit("refused", context={"prompt": "mended"})
    workspace.until_active(3, "refused")
    workspace.edit("support", "graphs", defaults={"context": {"prompt": "ours again?", "temperature": 0.9}})
    status = workspace.until_active(4, "support")
    assert status["latestVersion"] == 4
    default = workspace.get("assistants", "support")
    assert default
    assert default["spec"]["context"] == {"prompt": "a person's", "temperature": 0.9}
