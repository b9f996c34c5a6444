"""The examples for Argo CD and Flux: complete, in order, with a pin, and taken by the API server as they are."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_alias import AssistantAlias
from assistant_operator.manager.__main__ import run
from harness.controlplane import ControlPlane
from harness.tools.rendering import kustomized

from .examples import EXAMPLES, ROOT, documents, objects_of_ours, rendered

WAVE, OPTIONS = "argocd.argoproj.io/sync-wave", "argocd.argoproj.io/sync-options"
FLUX = ("crds", "operator", "graphs", "assistants", "aliases")
Json = dict[str, Any]


def waves() -> dict[str, set[str]]:
    """The kinds of each wave."""
    told: dict[str, set[str]] = {}
    for each in rendered("argocd"):
        told.setdefault(each["metadata"]["annotations"][WAVE], set()).add(each["kind"])
    return told


def test_the_waves_are_crds_operator_graphs_assistants_aliases() -> None:
    told = waves()
    assert told["-2"] == {"CustomResourceDefinition"}
    assert {"Deployment", "ServiceAccount", "Namespace", "ClusterRole"} <= told["-1"]
    assert (told["0"], told["1"], told["2"]) == ({"Graph"}, {"Assistant"}, {"AssistantAlias"})
    assert set(told) == {"-2", "-1", "0", "1", "2"}


def test_argo_cd_never_deletes_the_crds() -> None:
    crds = [each for each in rendered("argocd") if each["kind"] == "CustomResourceDefinition"]
    assert [each["metadata"]["annotations"][OPTIONS] for each in crds] == [
        "Prune=false,Delete=false,ServerSideApply=true"
    ] * 4


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
    assert [each["spec"]["prune"] for each in parts] == [False, *[True] * 4], "the CRDs are never pruned"
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


def test_the_alias_names_the_content_that_is_in_git() -> None:
    objects = {(each["kind"], each["metadata"]["name"]): each for each in rendered("argocd")}
    alias = AssistantAlias.model_validate(objects["AssistantAlias", "production"])
    assistant = Assistant.model_validate(objects["Assistant", alias.spec.assistant_ref.name])
    assert alias.spec.digest == assistant.spec.snapshot.digest


def test_several_clusters_get_what_one_gets_each_with_a_name_of_its_own(tmp_path: Path) -> None:
    (application,) = documents("argocd/application.yaml")
    (several,) = documents("argocd/applicationset.yaml")
    template = several["spec"]["template"]["spec"]
    source = dict(template["source"])
    (patch,) = source.pop("kustomize")["patches"]
    assert source == application["spec"]["source"]
    assert template["syncPolicy"] == application["spec"]["syncPolicy"]
    assert template["destination"] == {**application["spec"]["destination"], "server": "{{.server}}"}
    text = patch["patch"].replace("{{.nameNormalized}}", "east")
    (deployment,) = (each for each in rendered("argocd") if each["kind"] == "Deployment")
    (tmp_path / "deployment.yaml").write_text(yaml.safe_dump(deployment))
    said = {"resources": ["deployment.yaml"], "patches": [{**patch, "patch": text}]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(said))
    (built,) = kustomized(tmp_path)
    (container,) = built["spec"]["template"]["spec"]["containers"]
    with run.make_context("run", list(container["args"][1:])) as context:
        assert context.params["cluster_name"] == "east"


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
