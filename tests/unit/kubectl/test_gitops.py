"""Who keeps an Assistant in Git, and what to commit there."""

from typing import Any

import pytest

from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.kubectl.gitops import git_owner, to_commit
from harness.worlds import an_assistant, managed

TRACKING = "argocd.argoproj.io/tracking-id"
ARGO = managed("argocd-controller", "context.prompt", operation="Apply")


@pytest.mark.parametrize(
    ("meta", "by"),
    [
        pytest.param({}, None, id="nobody"),
        pytest.param(
            {"annotations": {TRACKING: "shop:assistant-operator.dev/Assistant:team/bot"}},
            "Argo CD (application shop)",
            id="Argo CD's annotation",
        ),
        pytest.param(
            {"annotations": {TRACKING: "shop:assistant-operator.dev/Assistant:team/another"}},
            None,
            id="a copy of what Argo CD tracks is nobody's",
        ),
        pytest.param(
            {"annotations": {TRACKING: "shop:apps/Deployment:team/bot"}}, None, id="nor is a copy from another kind"
        ),
        pytest.param(
            {"labels": {"argocd.argoproj.io/instance": "shop"}}, "Argo CD (application shop)", id="Argo CD's own label"
        ),
        pytest.param({"labels": {"app.kubernetes.io/instance": "shop"}}, None, id="Helm writes that label too"),
        pytest.param(
            {"labels": {"app.kubernetes.io/instance": "shop"}, "managed_fields": (ARGO,)},
            "Argo CD (application shop)",
            id="unless Argo CD wrote the object",
        ),
        pytest.param(
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "shop",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                }
            },
            "Flux (Kustomization flux-system/shop)",
            id="a Kustomization of Flux",
        ),
        pytest.param(
            {"labels": {"helm.toolkit.fluxcd.io/name": "shop", "helm.toolkit.fluxcd.io/namespace": "team"}},
            "Flux (HelmRelease team/shop)",
            id="a HelmRelease of Flux",
        ),
    ],
)
def test_who_keeps_it(meta: dict[str, Any], by: str | None) -> None:
    assert git_owner(an_assistant(meta=meta)) == by


@pytest.mark.parametrize(
    ("tracked", "by"),
    [
        pytest.param("assistant-operator.dev/AssistantAlias:team/production", "Argo CD (application shop)", id="it"),
        pytest.param("assistant-operator.dev/Assistant:team/production", None, id="an assistant of that name"),
    ],
)
def test_who_keeps_an_alias(tracked: str, by: str | None) -> None:
    meta = {"name": "production", "namespace": "team", "annotations": {TRACKING: f"shop:{tracked}"}}
    alias = {"metadata": meta, "spec": {"assistantRef": {"name": "bot"}, "version": 2}}
    assert git_owner(AssistantAlias.model_validate(alias)) == by


def a_document(spec: dict[str, Any], **meta: Any) -> dict[str, Any]:
    """The object as the API server shows it, with all that it adds."""
    added = {"uid": "u", "resourceVersion": "9", "generation": 3, "managedFields": [], "creationTimestamp": "t"}
    return {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "metadata": {"name": "bot", "namespace": "team", **added, **meta},
        "spec": {"graphRef": {"name": "support"}, **spec},
        "status": {"observedGeneration": 3},
    }


@pytest.mark.parametrize(
    ("spec", "kept"),
    [
        pytest.param(
            {
                "deletionPolicy": "Delete",
                "suspend": False,
                "versioning": {"activation": "Automatic", "historyLimit": 100},
            },
            {},
            id="defaults are not said",
        ),
        pytest.param(
            {"versioning": {"activation": "Manual", "historyLimit": 100, "activeVersion": 2}},
            {"versioning": {"activation": "Manual", "activeVersion": 2}},
            id="what is not a default is",
        ),
        pytest.param(
            {"deletionPolicy": "Retain", "suspend": True}, {"deletionPolicy": "Retain", "suspend": True}, id="so here"
        ),
        pytest.param(
            {"context": {"a": None, "suspend": False}}, {"context": {"a": None, "suspend": False}}, id="content"
        ),
    ],
)
def test_what_is_to_be_committed(spec: dict[str, Any], kept: dict[str, Any]) -> None:
    assert to_commit(a_document(spec)) == {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "metadata": {"name": "bot", "namespace": "team"},
        "spec": {"graphRef": {"name": "support"}, **kept},
    }


def test_what_is_to_be_committed_of_an_alias() -> None:
    spec = {"assistantRef": {"name": "bot"}, "version": 2}
    document = {"metadata": {"name": "production", "namespace": "team"}, "spec": {**spec, "deletionPolicy": "Delete"}}
    assert to_commit(document, AssistantAlias) == {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "AssistantAlias",
        "metadata": {"name": "production", "namespace": "team"},
        "spec": spec,
    }


def test_what_tools_wrote_into_it_is_left_out() -> None:
    labels = {"team": "x", "kustomize.toolkit.fluxcd.io/name": "shop", "argocd.argoproj.io/instance": "shop"}
    annotations = {"why": "y", TRACKING: "z", "kubectl.kubernetes.io/last-applied-configuration": "{}"}
    meta = to_commit(a_document({}, labels=labels, annotations=annotations))["metadata"]
    assert meta == {"name": "bot", "namespace": "team", "labels": {"team": "x"}, "annotations": {"why": "y"}}
