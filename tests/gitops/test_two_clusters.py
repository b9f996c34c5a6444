"""One Git, two clusters with version numbers of their own: an alias by digest means the same in both."""

import copy
from collections.abc import Iterator

import pytest

from assistant_operator.api.assistant import Assistant
from harness.controlplane import ControlPlane
from harness.support import OperatorProcess, Workspace
from harness.support.histories import a_workspace
from harness.support.walk import comes_to

from .deliverer import Deliverer, Json
from .examples import objects_of_ours
from .health import health_of

ARGO_CD = "argocd-controller"
ALIASES = "assistantaliases"
GIT = objects_of_ours("argocd")


@pytest.fixture(scope="module")
def clusters(installed: ControlPlane) -> Iterator[tuple[Workspace, Workspace]]:
    """Two namespaces: nothing of our kinds reaches from one into another, so they are two clusters to them."""
    with a_workspace(installed) as new, a_workspace(installed) as old:
        yield new, old


def sync(workspace: Workspace, objects: list[Json]) -> None:
    Deliverer(workspace, ARGO_CD).apply_all(sorted(objects, key=wave))


def wave(each: Json) -> int:
    return int(each["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"])


def edited(kind: str, name: str, **spec: object) -> list[Json]:
    """The objects of Git with other fields in one of them."""
    objects = copy.deepcopy(GIT)
    (found,) = (each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, name))
    found["spec"] |= spec
    return objects


def digest_of(objects: list[Json]) -> str:
    """Of the content of `friendly`, as a person takes it from any cluster's AssistantVersion."""
    (found,) = (each for each in objects if (each["kind"], each["metadata"]["name"]) == ("Assistant", "friendly"))
    return Assistant.model_validate({**found, "metadata": {"name": "friendly", "namespace": "x"}}).spec.snapshot.digest


def stands_for(workspace: Workspace) -> tuple[int | None, str | None, str]:
    """Number, content and health."""
    found = workspace.get(ALIASES, "production") or {}
    status = found.get("status", {})
    return status.get("version"), status.get("digest"), health_of(found).status


def test_the_same_manifest_moves_the_alias_in_each_cluster_to_the_same_content(
    operator: OperatorProcess, clusters: tuple[Workspace, Workspace]
) -> None:
    new, old = clusters
    for prompt in ("an older prompt", "another older prompt"):
        sync(old, edited("Assistant", "friendly", context={"prompt": prompt, "model": "small"}))
    for cluster in clusters:
        sync(cluster, GIT)
    first = digest_of(GIT)
    comes_to(lambda: stands_for(new), (1, first, "Healthy"))
    comes_to(lambda: stands_for(old), (3, first, "Healthy"))

    # An edit is a version in both, and moves nothing.
    second = edited("Assistant", "friendly", context={"prompt": "One sentence.", "model": "small"})
    for cluster in clusters:
        sync(cluster, second)
    new.until_active(2, "friendly")
    old.until_active(4, "friendly")
    assert [stands_for(cluster) for cluster in clusters] == [(1, first, "Healthy"), (3, first, "Healthy")]

    # The promotion is one line in Git.
    promoted = copy.deepcopy(second)
    (alias,) = (each for each in promoted if each["kind"] == "AssistantAlias")
    alias["spec"]["digest"] = digest_of(second)
    for cluster in clusters:
        sync(cluster, promoted)
    comes_to(lambda: stands_for(new), (2, digest_of(second), "Healthy"))
    comes_to(lambda: stands_for(old), (4, digest_of(second), "Healthy"))
    for cluster in clusters:
        assert [Deliverer(cluster, ARGO_CD).drift(each) for each in promoted] == [None] * len(promoted)
        newest = cluster.status("production", ALIASES)["moves"][0]
        assert newest["manager"] == ARGO_CD


def test_an_alias_of_content_that_a_cluster_has_not_yet_waits_for_it_and_never_stands_for_another(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    later = edited("Assistant", "friendly", context={"prompt": "Later.", "model": "small"})
    ahead = edited("AssistantAlias", "production", digest=digest_of(later))
    sync(workspace, ahead)
    workspace.until_not_ready("VersionNotFound", "production", ALIASES)
    workspace.until_active(1, "friendly")
    assert stands_for(workspace)[:2] == (None, None)
    sync(workspace, [each for each in later if each["kind"] != "AssistantAlias"])
    comes_to(lambda: stands_for(workspace), (2, digest_of(later), "Healthy"))
