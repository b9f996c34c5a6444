"""The chart as a dependency of another: switched by a condition or a tag, under other names, more than once."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.tools.rendering import CHART, Json, charted, demand_helm, identity, objects, of_kind, run_helm

OWN = "assistant-operator"
DEFINITIONS = 4


def an_umbrella(folder: Path, *switches: Json, **values: Any) -> Path:
    """A chart that has ours once for each of `switches`: what its Chart.yaml says of that dependency besides."""
    version = yaml.safe_load((CHART / "Chart.yaml").read_text())["version"]
    own = {"name": OWN, "version": version, "repository": f"file://{CHART}"}
    chart = {"apiVersion": "v2", "name": "platform", "version": "0.1.0"}
    (folder / "Chart.yaml").write_text(yaml.safe_dump({**chart, "dependencies": [own | each for each in switches]}))
    (folder / "templates").mkdir()  # without it `helm lint` warns
    (folder / "values.yaml").write_text(yaml.safe_dump(values))
    demand_helm("dependency", "build", str(folder))
    return folder


def rendered(umbrella: Path, *values: str, release: str = "p") -> list[Json]:
    return objects(demand_helm("template", release, str(umbrella), "--namespace=x", *values))


def names(things: list[Json]) -> Counter[str]:
    return Counter(map(identity, things))


CONDITION, TAG = {"condition": f"{OWN}.enabled"}, {"tags": ["operators"]}


@pytest.mark.parametrize(
    ("switch", "values", "installed"),
    [
        pytest.param({}, (), True, id="no switch"),
        pytest.param(CONDITION, (), True, id="a condition that nobody sets"),
        pytest.param(CONDITION, (f"--set={OWN}.enabled=true",), True, id="a condition, on"),
        pytest.param(CONDITION, (f"--set={OWN}.enabled=false",), False, id="a condition, off"),
        pytest.param(TAG, ("--set=tags.operators=true",), True, id="a tag, on"),
        pytest.param(TAG, ("--set=tags.operators=false",), False, id="a tag, off"),
        pytest.param(
            CONDITION | TAG,
            ("--set=tags.operators=false", f"--set={OWN}.enabled=true"),
            True,
            id="a condition beats a tag",
        ),
        pytest.param({}, ("--set=global.registry=x", "--set=global.a.b=c"), True, id="global values"),
    ],
)
def test_it_is_what_it_is_alone_or_nothing(
    switch: Json, values: tuple[str, ...], tmp_path: Path, *, installed: bool
) -> None:
    umbrella = an_umbrella(tmp_path, switch)
    alone = charted(release="p", namespace="x")
    assert rendered(umbrella, *values) == (alone if installed else [])
    demand_helm("lint", "--strict", "--quiet", str(umbrella), *values)


def test_the_trial_of_an_umbrella_with_values_of_its_own(tmp_path: Path) -> None:
    image = {"repository": "registry.example/assistant-operator"}
    of = {"global": {"registry": "registry.example"}, OWN: {"enabled": True, "image": image}}
    umbrella = an_umbrella(tmp_path, CONDITION, **of)
    (deployment,) = of_kind("Deployment", rendered(umbrella, "--kube-version=1.37.0"))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].startswith("registry.example/assistant-operator:")
    assert rendered(umbrella, f"--set={OWN}.enabled=false") == []


def test_a_misspelt_key_is_refused_by_name(tmp_path: Path) -> None:
    umbrella = an_umbrella(tmp_path, CONDITION)
    done = run_helm("template", "p", str(umbrella), f"--set={OWN}.enabled=true", f"--set={OWN}.imag.tag=1")
    assert done.returncode != 0
    assert "additional properties 'imag' not allowed" in done.stderr


def test_an_alias_is_its_name(tmp_path: Path) -> None:
    umbrella = an_umbrella(tmp_path, {"alias": "blue", "condition": "blue.enabled"})
    assert rendered(umbrella, "--set=blue.enabled=false") == []
    things = rendered(umbrella, "--set=blue.enabled=true")
    made = {each["metadata"]["name"] for each in things if each["kind"] != "CustomResourceDefinition"}
    below = ("", "-lease", "-server-credentials", "-view", "-edit", "-admin", "-promote")
    assert made == {f"p-blue{each}" for each in below}


TWICE = ({"alias": "blue"}, {"alias": "green"})
LONG = "a-release-with-a-name-as-long-as-helm-lets-it-be-okay"


@pytest.mark.parametrize(
    ("release", "values"),
    [
        pytest.param("p", (), id="a short release"),
        pytest.param("blue-green", (), id="a release that has both aliases in its name"),
        pytest.param("blue", (), id="a release called as one of them"),
        pytest.param(LONG, (), id="a release with a long name"),
        pytest.param("p", ("--set=blue.nameOverride=one", "--set=green.nameOverride=two"), id="other names"),
        pytest.param(
            LONG, ("--set=blue.fullnameOverride=one", "--set=green.fullnameOverride=two"), id="other names of objects"
        ),
    ],
)
def test_two_of_them_in_one_release_share_nothing(release: str, values: tuple[str, ...], tmp_path: Path) -> None:
    assert len(LONG) == 53
    umbrella = an_umbrella(tmp_path, *TWICE, green={"crds": {"install": False}})
    things = rendered(umbrella, *values, release=release)
    assert [each for each, times in names(things).items() if times > 1] == []
    assert len(of_kind("CustomResourceDefinition", things)) == DEFINITIONS
    selected = [selector(each) for each in of_kind("Deployment", things)]
    assert len(selected) == 2
    for kind in ("Service", "PodDisruptionBudget", "NetworkPolicy"):
        assert [selector(each) for each in of_kind(kind, things)] == selected, kind
    assert all(len(each["metadata"]["name"]) <= 63 for each in things if each["kind"] in {"Deployment", "Service"})
    for account in of_kind("ServiceAccount", things):
        bound = [each for each in things if each.get("subjects", [{}])[0].get("name") == account["metadata"]["name"]]
        assert {each["kind"] for each in bound} == {"ClusterRoleBinding", "RoleBinding"}


def selector(thing: Json) -> Json:
    spec = thing["spec"]
    found: Json = spec.get("podSelector", spec.get("selector", {}))
    return dict(found.get("matchLabels", found))


def test_two_for_different_namespaces_lead_each_for_itself(tmp_path: Path) -> None:
    """The Lease has one name: in one namespace the second would stand by for ever."""
    blue = {"namespaces": ["team-a"], "crds": {"install": False}}
    green = {**blue, "namespaces": ["team-b"], "leaderElection": {"leaseNamespace": "team-b"}}
    umbrella = an_umbrella(tmp_path, *TWICE, blue=blue, green=green)
    things = rendered(umbrella)
    assert max(names(things).values()) == 1
    leases = [each for each in of_kind("Role", things) if each["metadata"]["name"].endswith("-lease")]
    assert [identity(each) for each in leases] == ["Role/x/p-blue-lease", "Role/team-b/p-green-lease"]
    flags = [
        deployment["spec"]["template"]["spec"]["containers"][0]["args"] for deployment in of_kind("Deployment", things)
    ]
    assert ["--lease-namespace=team-b" in each for each in flags] == [False, True]
