"""`kubectl assistants verify` on real histories: as they are, pruned, and altered by an administrator."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from assistant_operator.api.assistant_version import chained
from assistant_operator.api.canonical import canonical, digest
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to
from integration.test_kubectl_plugin import Kubectl, cells

Json = dict[str, Any]
KEEP = {"metadata": {"labels": {"assistant-operator.dev/keep": ""}}}


@pytest.fixture
def kubectl(operator: OperatorProcess, workspace: Workspace) -> Kubectl:
    """As admin, where the bot has five versions."""
    workspace.graph(defaultAssistant={"policy": "None"})
    workspace.assistant(context={"n": 1})
    for number in range(2, 6):
        workspace.edit(context={"n": number})
    workspace.until_active(5)
    return Kubectl(workspace.plane.admin_kubeconfig, workspace.namespace)


def numbers(workspace: Workspace) -> list[int]:
    return [each["spec"]["number"] for each in workspace.versions()]


def found(kubectl: Kubectl, *words: str, code: int = 0) -> list[str]:
    """The line of the bot."""
    return cells(kubectl("verify", "bot", *words, code=code).stdout)[1]


def replaced(workspace: Workspace, version: Json, **spec: Any) -> None:
    """Delete a version and create it with another spec, which is all that an administrator can do."""
    meta = {name: version["metadata"][name] for name in ("name", "labels", "ownerReferences")}
    workspace.delete("assistantversions", meta["name"])
    body = {**version, "metadata": meta, "spec": {**version["spec"], **spec}}
    body.pop("status", None)
    workspace.client.demand("POST", workspace.path("assistantversions"), body)


def test_a_history_as_it_was_recorded(kubectl: Kubectl, workspace: Workspace) -> None:
    assert found(kubectl) == ["bot", "1-5", "Verified"]
    assert cells(kubectl("verify").stdout) == [["NAME", "VERSIONS", "RESULT", "DETAIL"], ["bot", "1-5", "Verified"]]
    newest = workspace.versions()[-1]["spec"]["chain"]
    assert found(kubectl, "-o", "wide")[3] == newest
    (told,) = json.loads(kubectl("verify", "bot", "-o", "json").stdout)["verifications"]
    assert told == {
        "namespace": workspace.namespace,
        "name": "bot",
        "result": "Verified",
        "versions": "1-5",
        "chain": newest,
        "problems": [],
        "notes": [],
    }
    everywhere = cells(kubectl("verify", "-A").stdout)
    assert [workspace.namespace, "bot", "1-5", "Verified"] in everywhere


def test_a_pruned_beginning_is_no_problem(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.patch("assistantversions", "bot-v2", KEEP)
    workspace.edit(versioning={"historyLimit": 2})
    comes_to(lambda: numbers(workspace), [2, 4, 5])
    assert found(kubectl) == [
        "bot",
        "2,4-5",
        "Verified",
        (
            "version 1 is no longer kept: the chain is verified from 2 on;"
            " version 3 is pruned: the chain between 2 and 4 cannot be verified"
        ),
    ]


def test_a_version_deleted_by_hand_is_a_gap(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.delete("assistantversions", "bot-v3")
    missing = "bot-v4: version 3 is missing before it: deleted, or pruned under a lower historyLimit"
    refused = kubectl("verify", "bot", code=1)
    assert cells(refused.stdout)[1] == ["bot", "1-2,4-5", "Gap", missing]
    assert refused.stderr == f"error: assistant 'bot' does not verify: {missing}\n"
    assert found(kubectl, "--allow-gaps") == ["bot", "1-2,4-5", "Gap", missing]


def with_content(version: Json) -> Json:
    return {"snapshot": {**version["spec"]["snapshot"], "context": {"n": "forged"}}}


def with_digest(version: Json) -> Json:
    altered = with_content(version)
    return {**altered, "digest": digest(canonical(altered["snapshot"]))}


def with_chain(version: Json, before: str) -> Json:
    altered = with_digest(version)
    return {**altered, "chain": chained(before, version["spec"]["number"], altered["digest"])}


@pytest.mark.parametrize(
    ("alter", "problem"),
    [
        pytest.param(
            lambda version, before: with_content(version),
            "bot-v3: its content does not match its digest",
            id="the content",
        ),
        pytest.param(
            lambda version, before: with_digest(version),
            "bot-v3: its chain does not follow from bot-v2: one of the two was altered or replaced",
            id="and the digest",
        ),
        pytest.param(
            with_chain,
            "bot-v4: its chain does not follow from bot-v3: one of the two was altered or replaced",
            id="and the chain",
        ),
    ],
)
def test_an_altered_version_is_named(
    kubectl: Kubectl, workspace: Workspace, alter: Callable[[Json, str], Json], problem: str
) -> None:
    versions = workspace.versions()
    replaced(workspace, versions[2], **alter(versions[2], versions[1]["spec"]["chain"]))
    assert found(kubectl, code=1) == ["bot", "1-5", "Mismatch", problem]
    kubectl("verify", "--allow-gaps", code=1)
    replaced(workspace, versions[2])
    assert found(kubectl) == ["bot", "1-5", "Verified"]


def test_a_history_that_outlives_its_assistant(kubectl: Kubectl, workspace: Workspace) -> None:
    workspace.delete("assistants", "bot", propagationPolicy="Orphan")
    comes_to(lambda: workspace.get("assistants", "bot"), None)
    assert found(kubectl) == ["bot", "1-5", "Verified"]
    assert cells(kubectl("verify").stdout)[1:] == [["bot", "1-5", "Verified"]]
    workspace.assistant(context={"n": 6})
    workspace.until_active(6)
    assert found(kubectl) == ["bot", "1-6", "Verified"]


def test_a_long_history_is_read_in_pages(kubectl: Kubectl, workspace: Workspace) -> None:
    chain = ""
    snapshot = {"graphRef": {"name": "support"}, "context": {"prompt": "x"}}
    computed = digest(canonical(snapshot))
    for number in range(1, 521):
        chain = chained(chain, number, computed)
        spec = {"assistantRef": {"name": "long", "uid": "u"}, "number": number, "generation": number}
        spec |= {"digest": computed, "chain": chain, "snapshot": snapshot, "change": {"kind": "Edited"}}
        body = {"apiVersion": "assistant-operator.dev/v1alpha1", "kind": "AssistantVersion", "spec": spec}
        body["metadata"] = {"name": f"long-v{number}"}
        workspace.client.demand("POST", workspace.path("assistantversions"), body)
    done = kubectl("verify", "-v=6")
    assert ["long", "1-520", "Verified"] in cells(done.stdout)
    assert done.stderr.count("/assistantversions?limit=500") == 2
    workspace.delete("assistantversions", "long-v500")
    assert cells(kubectl("verify", "long", code=1).stdout)[1][1:3] == ["1-499,501-520", "Gap"]


def test_what_cannot_be_verified_ends_with_2(kubectl: Kubectl, workspace: Workspace) -> None:
    missing = kubectl("verify", "nope", code=2)
    assert missing.stderr == 'Error from server (NotFound): assistants.assistant-operator.dev "nope" not found\n'
    kubectl("verify", "bot", "-A", code=2)
    kubectl("verify", code=2, env={"KUBECONFIG": "/nowhere"})
    workspace.delete("assistants", "bot")
    comes_to(lambda: workspace.all("assistantversions"), [])
    empty = kubectl("verify")
    assert (empty.stdout, empty.stderr) == ("", f"No resources found in {workspace.namespace} namespace.\n")
