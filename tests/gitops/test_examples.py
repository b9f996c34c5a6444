"""The examples for Argo CD and Flux: complete, in order, with a pin, and taken by the API server as they are."""

import re
import tomllib
from typing import Any

import pytest
import yaml

from harness.controlplane import ControlPlane

from .examples import EXAMPLES, ROOT, documents, objects_of_ours, rendered

WAVE, OPTIONS = "argocd.argoproj.io/sync-wave", "argocd.argoproj.io/sync-options"
FLUX = ("crds", "operator", "graphs", "assistants")
Json = dict[str, Any]


def waves() -> dict[str, set[str]]:
    """The kinds of each wave."""
    told: dict[str, set[str]] = {}
    for each in rendered("argocd"):
        told.setdefault(each["metadata"]["annotations"][WAVE], set()).add(each["kind"])
    return told


def test_the_waves_are_crds_operator_graphs_assistants() -> None:
    told = waves()
    assert told["-2"] == {"CustomResourceDefinition"}
    assert {"Deployment", "ServiceAccount", "Namespace", "ClusterRole"} <= told["-1"]
    assert (told["0"], told["1"]) == ({"Graph"}, {"Assistant"})
    assert set(told) == {"-2", "-1", "0", "1"}


def test_argo_cd_never_deletes_the_crds() -> None:
    crds = [each for each in rendered("argocd") if each["kind"] == "CustomResourceDefinition"]
    assert [each["metadata"]["annotations"][OPTIONS] for each in crds] == [
        "Prune=false,Delete=false,ServerSideApply=true"
    ] * 3


def test_a_wave_that_is_not_installed_yet_stops_no_dry_run() -> None:
    (application,) = documents("argocd/application.yaml")
    policy = application["spec"]["syncPolicy"]
    assert policy["automated"] == {"prune": True, "selfHeal": True}
    assert set(policy["syncOptions"]) == {
        "CreateNamespace=true",
        "ServerSideApply=true",
        "SkipDryRunOnMissingResource=true",
    }
    assert "ignoreDifferences" not in application["spec"]
    assert application["spec"]["destination"]["namespace"] == "assistants"


def test_flux_waits_for_each_part_before_the_next() -> None:
    source, *parts = documents("flux/sync.yaml")
    assert source["kind"] == "GitRepository"
    assert [each["spec"]["path"] for each in parts] == [f"./{folder}" for folder in FLUX]
    before = [each["metadata"]["name"] for each in parts]
    assert [each["spec"].get("dependsOn") for each in parts] == [None, *([{"name": name}] for name in before[:-1])]
    assert [each["spec"]["prune"] for each in parts] == [False, True, True, True], "the CRDs are never pruned"
    assert all(each["spec"]["wait"] and "healthCheckExprs" not in each["spec"] for each in parts)


def test_both_tools_deliver_the_same() -> None:
    def told(objects: tuple[Json, ...]) -> dict[tuple[str, str], Json]:
        return {(each["kind"], each["metadata"]["name"]): without_waves(each) for each in objects}

    flux = {key: each for folder in FLUX for key, each in told(rendered(f"flux/{folder}")).items()}
    del flux["Namespace", "assistants"]  # which Argo CD makes by an option
    assert told(rendered("argocd")) == flux


def without_waves(told: Json) -> Json:
    metadata = dict(told["metadata"])
    kept = {name: text for name, text in metadata.pop("annotations", {}).items() if name not in {WAVE, OPTIONS}}
    return {**told, "metadata": {**metadata, "annotations": kept}}


def test_one_assistant_is_pinned_in_git_and_one_follows() -> None:
    pins = {
        each["metadata"]["name"]: each["spec"].get("versioning", {}).get("activeVersion")
        for each in objects_of_ours("argocd")
        if each["kind"] == "Assistant"
    }
    assert pins == {"friendly": None, "terse": 1}


def test_the_release_they_name_is_this_one() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    files = list(EXAMPLES.rglob("kustomization.yaml"))
    named = {each for file in files for each in re.findall(r"\?ref=(\S+)", file.read_text())}
    assert named == {f"v{version}"}


@pytest.mark.parametrize("folder", ["argocd", *(f"flux/{folder}" for folder in FLUX)])
def test_the_api_server_takes_every_object_whose_kind_it_knows(installed: ControlPlane, folder: str) -> None:
    known = [each for each in rendered(folder) if not each["apiVersion"].startswith("monitoring.coreos.com/")]
    assert known
    installed.kubectl("create", "namespace", "assistants", check=False)
    how = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--validate=strict", "-f", "-")
    done = installed.kubectl(*how, input=yaml.safe_dump_all(known), check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert len(done.stdout.splitlines()) == len(known)
