"""What Argo CD does with our kinds in an application: no drift, nothing of ours pruned, no loop of healing."""

from itertools import pairwise
from typing import Any

import pytest
import yaml

from harness.support import OperatorProcess, Workspace
from harness.support.histories import writes_since
from harness.support.idle import until_idle
from harness.support.walk import comes_to, marks

from .deliverer import (
    ANNOTATION,
    BOT,
    GRAPH,
    LABEL,
    PLURALS,
    SHOP,
    TRACKINGS,
    Deliverer,
    Json,
    fingerprints,
    is_tracked,
    managed,
    manifest,
    prunable,
    settled,
    with_metadata,
)
from .examples import objects_of_ours
from .health import health_of

ARGO_CD = "argocd-controller"
CHILDREN = {"support-v1", "bot-v1", "pinned-v1"}


def shop(tracking: str, workspace: Workspace) -> list[Json]:
    return [TRACKINGS[tracking](each, workspace.namespace) for each in SHOP]


def marked(workspace: Workspace) -> None:
    """Until nothing more is to be written in the background."""
    for name in ("support", "bot", "pinned"):
        comes_to(lambda name=name: marks(workspace, name), {1: "VA"})  # type: ignore[misc]


@pytest.fixture(params=sorted(TRACKINGS))
def synced(request: pytest.FixtureRequest, operator: OperatorProcess, workspace: Workspace) -> list[Json]:
    """The manifests of a shop that was synced and is settled, tracked in each of Argo CD's two ways."""
    manifests = shop(request.param, workspace)
    Deliverer(workspace, ARGO_CD).apply_all(manifests)
    settled(workspace)
    marked(workspace)
    return manifests


def test_after_a_sync_nothing_is_out_of_sync_nothing_is_pruned_and_healing_changes_nothing(
    synced: list[Json], workspace: Workspace
) -> None:
    argo = Deliverer(workspace, ARGO_CD)
    assert [argo.drift(each) for each in synced] == [None] * len(SHOP)

    assert managed(workspace) == {(each["kind"], each["metadata"]["name"]) for each in SHOP}
    assert prunable(workspace, synced) == set()
    everything = {each["metadata"]["name"] for each in workspace.all("assistantversions")}
    assert everything == CHILDREN
    assert {each["metadata"]["name"] for each in workspace.all("assistants")} == {"support", "bot", "pinned"}

    before, position = fingerprints(workspace), workspace.plane.audit_since()[1]
    for _ in range(20):
        argo.apply_all(synced)
    # Looked at after all that came before it.
    workspace.graph("sentinel", defaultAssistant={"policy": "None"})
    workspace.until_ready("sentinel", "graphs")
    until_idle(workspace.plane)
    ours = [each for each in writes_since(workspace.plane, position, workspace.namespace) if "sentinel" not in each]
    assert ours == []
    after = fingerprints(workspace)
    assert {key: after[key] for key in before} == before
    assert set(after) - set(before) == {("graphs", "sentinel")}


def test_no_child_carries_anything_that_a_tool_wrote_on_its_parent(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    labels = {LABEL: "shop", "kustomize.toolkit.fluxcd.io/name": "shop", "helm.sh/chart": "shop-1", "team": "bikes"}
    annotations = {ANNOTATION: "shop:x", "meta.helm.sh/release-name": "shop", "note": "mine"}
    for each in SHOP:
        tagged = with_metadata(with_metadata(each, "labels", labels), "annotations", annotations)
        Deliverer(workspace, ARGO_CD).apply(tagged)
    settled(workspace)
    version = {"app.kubernetes.io/managed-by": "assistant-operator"}
    told = {each["metadata"]["name"]: each["metadata"] for each in workspace.all("assistantversions")}
    assert {name: each["labels"] for name, each in told.items()} == {
        f"{name}-v1": {**version, "assistant-operator.dev/assistant": name} for name in ("support", "bot", "pinned")
    }
    assert [each.get("annotations") for each in told.values()] == [None, None, None]
    default = workspace.get("assistants", "support")
    assert default
    assert set(default["metadata"]["labels"]) == {"app.kubernetes.io/managed-by", "assistant-operator.dev/default"}
    assert "annotations" not in default["metadata"]


def test_the_oracle_would_prune_what_copies_its_parents_label(operator: OperatorProcess, workspace: Workspace) -> None:
    Deliverer(workspace, ARGO_CD).apply_all(shop("label", workspace))
    stray = manifest("Assistant", "stray", graphRef={"name": "support"})
    Deliverer(workspace, "somebody").apply(with_metadata(stray, "labels", {LABEL: "shop"}))
    assert prunable(workspace, SHOP) == {("Assistant", "stray")}
    copied = with_metadata(stray, "annotations", {ANNOTATION: f"shop:assistant-operator.dev/Assistant:{'x'}/bot"})
    assert not is_tracked("Assistant", workspace.namespace, copied), "a copied annotation speaks of another object"


def test_the_oracle_sees_drift_in_a_free_form_field(operator: OperatorProcess, workspace: Workspace) -> None:
    argo = Deliverer(workspace, ARGO_CD)
    argo.apply_all(SHOP)
    settled(workspace)
    workspace.edit(context={"prompt": "by hand"})
    drift = argo.drift(BOT)
    assert drift
    assert [each["spec"]["context"]["prompt"] for each in drift] == ["by hand", "one"]


def test_a_hand_made_edit_is_healed_once_and_both_are_in_the_history(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    argo = Deliverer(workspace, ARGO_CD)
    argo.apply_all(SHOP)
    settled(workspace)
    workspace.edit(context={"prompt": "by hand"})
    for _ in range(5):
        argo.apply(BOT)
    workspace.until_active(3)
    versions = workspace.versions()
    assert [each["spec"]["change"]["kind"] for each in versions] == ["Created", "Edited", "Reverted"]
    assert (versions[2]["spec"]["change"]["sameAs"], versions[2]["spec"]["change"]["manager"]) == (1, ARGO_CD)
    assert argo.drift(BOT) is None


def test_a_pin_in_git_rolls_back_and_forth_and_makes_no_version(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    argo = Deliverer(workspace, ARGO_CD)
    argo.apply_all(SHOP)
    settled(workspace)
    second = {**BOT, "spec": {**BOT["spec"], "context": {"prompt": "two"}}}
    argo.apply(second)
    workspace.until_active(2)
    pinned = {**second, "spec": {**second["spec"], "versioning": {"activeVersion": 1}}}
    argo.apply(pinned)
    workspace.until_active(1)
    assert argo.drift(pinned) is None
    argo.apply(second)
    workspace.until_active(2)
    assert argo.drift(second) is None
    assert len(workspace.versions()) == 2


def test_a_default_assistant_is_not_taken_from_the_graph_by_an_application_that_does_not_name_it(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    argo = Deliverer(workspace, ARGO_CD)
    argo.apply(TRACKINGS["label"](GRAPH, workspace.namespace))
    workspace.until_active(1, "support")
    default = workspace.get("assistants", "support")
    assert default
    assert [each["kind"] for each in default["metadata"]["ownerReferences"]] == ["Graph"]
    assert managed(workspace) == {("Graph", "support")}


@pytest.mark.parametrize("order", ["in order", "in reverse order"])
def test_the_waves_of_the_example_end_healthy_and_are_never_degraded(
    operator: OperatorProcess, workspace: Workspace, order: str
) -> None:
    waves = sorted(objects_of_ours("argocd"), key=wave)
    assert [wave(each) for each in waves] == sorted(wave(each) for each in waves)
    assert {wave(each) for each in waves} == {0, 1, 2}
    argo = Deliverer(workspace, ARGO_CD)
    seen: set[str] = set()

    def health(told: Json) -> str:
        live = workspace.get(PLURALS[told["kind"]], told["metadata"]["name"])
        assert live
        status = health_of(live).status
        seen.add(status)
        return status

    if order == "in order":
        for each in waves:
            argo.apply(each)
            comes_to(lambda each=each: health(each), "Healthy")  # type: ignore[misc]
    else:
        argo.apply_all(each for each in waves if wave(each) == 2)
        workspace.until_not_ready("AssistantNotFound", "production", "assistantaliases")
        argo.apply_all(reversed([each for each in waves if wave(each) == 1]))
        workspace.until_not_ready("GraphNotFound", "friendly")
        assert {health(each) for each in waves if wave(each) > 0} == {"Progressing"}
        argo.apply_all(each for each in waves if wave(each) == 0)
    for each in waves:
        comes_to(lambda each=each: health(each), "Healthy")  # type: ignore[misc]
    assert seen <= {"Progressing", "Healthy"}
    assert [argo.drift(each) for each in waves] == [None] * len(waves)


def wave(told: Json) -> int:
    return int(told["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])


@pytest.mark.parametrize("how", [(), ("--server-side",)], ids=["client-side", "server-side"])
def test_kubectl_diff_after_settling_is_empty(
    operator: OperatorProcess, workspace: Workspace, how: tuple[str, ...]
) -> None:
    files = yaml.safe_dump_all(SHOP)

    def kubectl(verb: str, text: str) -> Any:
        return workspace.plane.kubectl(verb, *how, "-n", workspace.namespace, "-f", "-", input=text, check=False)

    assert kubectl("apply", files).returncode == 0
    settled(workspace)
    marked(workspace)
    done = kubectl("diff", files)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    other = kubectl("diff", files.replace("prompt: one", "prompt: two"))
    assert other.returncode == 1
    assert "+    prompt: two" in other.stdout
    again = kubectl("apply", files)
    assert again.returncode == 0
    assert len(workspace.all("assistantversions")) == 3


def test_the_operator_owns_nothing_but_the_status_of_what_git_owns(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    Deliverer(workspace, ARGO_CD).apply_all(SHOP)
    settled(workspace)
    for each in SHOP:
        found = workspace.get(PLURALS[each["kind"]], each["metadata"]["name"])
        assert found
        owned = {entry["manager"]: set(entry["fieldsV1"]) for entry in found["metadata"]["managedFields"]}
        assert owned == {ARGO_CD: {"f:spec"}, "assistant-operator": {"f:status"}}
        assert "ownerReferences" not in found["metadata"]


def test_syncs_one_upon_the_other_are_each_one_version(operator: OperatorProcess, workspace: Workspace) -> None:
    argo = Deliverer(workspace, ARGO_CD)
    argo.apply_all(SHOP)
    for number in range(5):
        argo.apply({**BOT, "spec": {**BOT["spec"], "context": {"prompt": f"commit {number}"}}})
    versions = workspace.until_versions(6)
    assert [each["spec"]["number"] for each in versions] == [1, 2, 3, 4, 5, 6]
    assert all(new["spec"]["generation"] == old["spec"]["generation"] + 1 for old, new in pairwise(versions))
    assert {each["spec"]["change"]["manager"] for each in versions} == {ARGO_CD}
