"""The kustomize folders: each can be built, the API server knows every field, and they say what the chart says."""

import shutil
from pathlib import Path

import pytest

from harness.tools.rendering import ROOT, Json, charted, identity, kustomized, without_helm
from harness.tools.schemas import checked

# What is in examples/gitops takes its bases out of a Git repository, and is tried in tests/gitops.
FOLDERS = sorted(
    path.parent.relative_to(ROOT)
    for top in ("crds", "deploy")
    for path in (ROOT / top).rglob("kustomization.yaml")
    if "gitops" not in path.parts
)
NAMESPACED = ("--set=namespaces={team-a,team-b}", "--set=crds.install=false", "--set=rbac.aggregateRoles=false")


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_a_folder_can_be_built_and_the_api_server_knows_every_field(folder: Path, schemas: Path) -> None:
    built = kustomized(ROOT / folder)
    assert built
    told = checked(schemas, built)
    assert told["resources"] == []
    assert told["summary"] == {"valid": len(built), "invalid": 0, "errors": 0, "skipped": 0}


@pytest.mark.parametrize(
    ("api_version", "kind", "spec", "field"),
    [
        pytest.param("apps/v1", "Deployment", {"replica": 1}, "replica", id="one of Kubernetes' own"),
        pytest.param(
            "assistant-operator.dev/v1alpha1",
            "Assistant",
            {"graphRef": {"name": "x", "namespace": "y"}},
            "namespace",
            id="one of ours",
        ),
    ],
)
def test_a_field_nobody_knows_is_found(api_version: str, kind: str, spec: Json, field: str, schemas: Path) -> None:
    """Without this the others would show nothing."""
    thing = {"apiVersion": api_version, "kind": kind, "metadata": {"name": "x"}, "spec": spec}
    told = checked(schemas, [thing])
    assert told["summary"] == {"valid": 0, "invalid": 1, "errors": 0, "skipped": 0}
    assert f"additional properties '{field}' not allowed" in told["resources"][0]["msg"]


def test_deploy_and_the_chart_install_the_same() -> None:
    built = said(*kustomized(ROOT / "crds"), *kustomized(ROOT / "deploy"))
    # helm makes a namespace itself, or none.
    assert built.pop("Namespace/assistant-operator")["metadata"]["labels"] == {
        "pod-security.kubernetes.io/enforce": "restricted"
    }
    assert built == said(*charted())


def test_the_namespaced_example_and_the_chart_install_the_same() -> None:
    built = said(*kustomized(ROOT / "deploy/namespaced"))
    built.pop("Namespace/assistant-operator")
    assert built == said(*charted(*NAMESPACED))


def test_the_credentials_of_servers_are_bound_alike_by_kustomize_and_the_chart() -> None:
    rendered = said(*charted("--set=serverCredentials.clusterWide=true"))
    built = said(*kustomized(ROOT / "deploy/server-credentials"))
    assert len(built) == 1
    assert built == {name: rendered[name] for name in rendered.keys() - said(*charted()).keys()}


def test_the_credentials_of_servers_are_bound_alike_where_there_are_roles_only(tmp_path: Path) -> None:
    for folder in ("operator", "namespaced"):
        shutil.copytree(ROOT / "deploy" / folder, tmp_path / folder)
    team = tmp_path / "namespaced/team-a/kustomization.yaml"
    team.write_text(f"{team.read_text()}- ../server-credentials\n")
    built = said(*kustomized(tmp_path / "namespaced"))
    built.pop("Namespace/assistant-operator")
    assert "RoleBinding/team-a/assistant-operator-server-credentials-role" in built
    assert built == said(*charted(*NAMESPACED, "--set=serverCredentials.namespaces={team-a}"))


@pytest.mark.parametrize(
    ("folder", "value"),
    [
        ("strict-history", "strictHistory.enabled"),
        ("record-user", "recordUser.enabled"),
        ("no-secrets", "noSecrets.enabled"),
    ],
)
def test_an_opt_in_policy_and_the_chart_install_the_same(folder: str, value: str) -> None:
    rendered = said(*charted(f"--set={value}=true"))
    built = said(*kustomized(ROOT / "deploy" / folder))
    assert len(built) == 2
    assert built == {name: rendered[name] for name in rendered.keys() - said(*charted()).keys()}


def said(*things: Json) -> dict[str, Json]:
    """By kind and name, without what helm alone says, and without the label that every object of helm's has."""
    return {identity(each): without_name(without_helm(each)) for each in things}


def without_name(thing: Json) -> Json:
    meta = dict(thing["metadata"])
    labels = {key: value for key, value in meta.pop("labels", {}).items() if key != "app.kubernetes.io/name"}
    return {**thing, "metadata": {**meta, **({"labels": labels} if labels else {})}}
