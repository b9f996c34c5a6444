"""The Helm chart, by the real helm: what it renders, what it refuses, and that it says the same as everything else."""

import itertools
import json
import os
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from assistant_operator.manager.__main__ import run
from harness.tools import oracle
from harness.tools.rendering import (
    CHART,
    POLICY_API,
    ROOT,
    SERVED,
    Json,
    charted,
    demand_helm,
    identity,
    objects,
    of_kind,
    run_helm,
)
from harness.tools.schemas import checked
from harness.tools.values_table import put_in, table

SNAPSHOTS = Path(__file__).with_name("snapshots")
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))
AGAIN = "UPDATE_SNAPSHOTS=1 makes it so"
VALUES = {
    "default": (),
    **{path.name.removesuffix("-values.yaml"): (f"--values={path}",) for path in sorted((CHART / "ci").iterdir())},
}
COPIES = {
    "crds/assistantaliases.yaml": "crds/assistantaliases.yaml",
    "crds/assistants.yaml": "crds/assistants.yaml",
    "crds/assistantversions.yaml": "crds/assistantversions.yaml",
    "crds/graphs.yaml": "crds/graphs.yaml",
    "record-user.yaml": "deploy/record-user/policy.yaml",
    "strict-history.yaml": "deploy/strict-history/policy.yaml",
    "no-secrets.yaml": "deploy/no-secrets/policy.yaml",
    "alerts.yaml": "deploy/monitoring/alerts.yaml",
    "dashboard.json": "deploy/monitoring/dashboard.json",
}
CRDS = {"assistantaliases", "assistants", "assistantversions", "graphs"}
WATCHED = {"ServiceMonitor", "PrometheusRule"}


def each_values(test: Any) -> Any:
    return pytest.mark.parametrize("values", VALUES.values(), ids=VALUES.keys())(test)


@each_values
def test_helm_lint_has_nothing_to_say(values: tuple[str, ...]) -> None:
    demand_helm("lint", "--strict", "--quiet", str(CHART), *values)


@pytest.mark.parametrize("name", VALUES)
def test_it_renders_what_it_did(name: str) -> None:
    rendered = yaml.safe_dump_all(map(abridged, charted(*VALUES[name], release="lg", namespace="ops")), sort_keys=False)
    snapshot = SNAPSHOTS / f"{name}.yaml"
    if UPDATE:
        snapshot.write_text(rendered)
    assert rendered == snapshot.read_text(), AGAIN


def test_there_is_no_snapshot_of_something_else() -> None:
    assert {each.stem for each in SNAPSHOTS.iterdir()} == set(VALUES)


def abridged(thing: Json) -> Json:
    """Without the content that is copied; that it is equal is shown elsewhere."""
    copied = {"CustomResourceDefinition": "spec", "PrometheusRule": "spec"}.get(thing["kind"])
    if thing["metadata"]["name"].endswith("-dashboard"):
        copied = "data"
    if identity(thing) == "ValidatingAdmissionPolicy/no-secrets.assistant-operator.dev":
        copied = "spec"
    return {**thing, copied: "…"} if copied else thing


@pytest.mark.parametrize(("copy", "original"), COPIES.items())
def test_what_is_copied_into_the_chart_is_equal(copy: str, original: str) -> None:
    """A packaged chart holds no file from outside it."""
    if UPDATE:
        shutil.copy(ROOT / original, CHART / "files" / copy)
    assert (CHART / "files" / copy).read_text() == (ROOT / original).read_text(), AGAIN


def test_nothing_else_is_copied_into_the_chart() -> None:
    files = CHART / "files"
    assert {str(path.relative_to(files)) for path in files.rglob("*") if path.is_file()} == set(COPIES)


@each_values
def test_the_api_server_knows_every_field(values: tuple[str, ...], schemas: Path) -> None:
    rendered = [each for each in charted(*values) if each["kind"] not in WATCHED]
    told = checked(schemas, rendered)
    assert told["resources"] == []
    assert told["summary"] == {"valid": len(rendered), "invalid": 0, "errors": 0, "skipped": 0}


@pytest.mark.parametrize("kind", sorted(WATCHED))
def test_the_prometheus_operator_knows_every_field(kind: str) -> None:
    (thing,) = of_kind(kind, charted(*VALUES["everything"]))
    assert ask_the_oracle(thing) == ""
    assert 'unknown field "typo"' in ask_the_oracle({**thing, "spec": {**thing["spec"], "typo": 1}})


def ask_the_oracle(thing: Json) -> str:
    text = json.dumps(thing)
    return subprocess.run([oracle(), "monitoring"], input=text, capture_output=True, text=True, check=False).stderr


def test_the_rules_are_the_rules() -> None:
    original = (ROOT / "deploy/monitoring/alerts.yaml").read_text()
    on = "--set=monitoring.prometheusRule.enabled=true"
    (plain,) = of_kind("PrometheusRule", charted(on))
    assert plain["spec"] == yaml.safe_load(original)
    (linked,) = of_kind("PrometheusRule", charted(*VALUES["everything"]))
    there = original.replace("docs/runbook.md", "https://runbooks.example/assistant-operator")
    assert linked["spec"] == yaml.safe_load(there)
    assert "docs/runbook.md" not in str(linked)


def test_the_dashboard_is_the_dashboard() -> None:
    (config,) = of_kind("ConfigMap", charted("--set=monitoring.dashboard.enabled=true"))
    assert config["data"] == {"assistant-operator.json": (ROOT / "deploy/monitoring/dashboard.json").read_text()}
    assert config["metadata"]["labels"]["grafana_dashboard"] == "1"


@pytest.mark.parametrize(
    ("values", "kinds", "kept"),
    [
        pytest.param((), CRDS, True, id="are part of the release and outlive it"),
        pytest.param(("--set=crds.keep=false",), CRDS, False, id="go with the release if that is wanted"),
        pytest.param(("--set=crds.install=false",), set(), None, id="are left to others if that is wanted"),
    ],
)
def test_the_definitions(values: tuple[str, ...], kinds: set[str], *, kept: bool | None) -> None:
    found = of_kind("CustomResourceDefinition", charted(*values))
    originals = {kind: yaml.safe_load((ROOT / f"crds/{kind}.yaml").read_text()) for kind in kinds}
    assert {each["spec"]["names"]["plural"]: each["spec"] for each in found} == {
        kind: original["spec"] for kind, original in originals.items()
    }
    policies = {each["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep" for each in found}
    assert policies == (set() if kept is None else {kept})


@each_values
def test_every_flag_is_one_of_the_operators(values: tuple[str, ...]) -> None:
    (deployment,) = of_kind("Deployment", charted(*values))
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    command, *flags = container["args"]
    assert command == "run"
    with run.make_context("run", list(flags)) as context:
        assert isinstance(context, click.Context)


def test_somebody_without_rights_in_the_cluster_can_install_it() -> None:
    rendered = charted(*VALUES["namespaces"])
    assert {identity(each) for each in rendered} == {
        "Deployment/assistant-operator/assistant-operator",
        "NetworkPolicy/assistant-operator/assistant-operator",
        "PodDisruptionBudget/assistant-operator/assistant-operator",
        "Role/assistant-operator/assistant-operator-lease",
        "Role/team-a/assistant-operator",
        "Role/team-a/assistant-operator-server-credentials",
        "Role/team-b/assistant-operator",
        "Role/team-b/assistant-operator-server-credentials",
        "RoleBinding/assistant-operator/assistant-operator-lease",
        "RoleBinding/team-a/assistant-operator",
        "RoleBinding/team-b/assistant-operator",
        "Service/assistant-operator/assistant-operator",
        "ServiceAccount/assistant-operator/assistant-operator",
    }


def test_two_releases_share_nothing_but_the_definitions() -> None:
    one, two = (
        {identity(each) for each in charted("--set=strictHistory.enabled=false", release=name, namespace=name)}
        for name in ("one", "two")
    )
    assert one & two == {f"CustomResourceDefinition/{kind}.assistant-operator.dev" for kind in CRDS}


READ = {"apiGroups": [""], "resources": ["secrets", "configmaps"], "verbs": ["get"]}
IN_TEAMS = "--set=namespaces={team-a,team-b}"


def named(values: str) -> str:
    return f"--set=serverCredentials.{values}"


@pytest.mark.parametrize(
    ("values", "roles", "bindings"),
    [
        pytest.param((), {"ClusterRole"}, set(), id="the role is there, and nothing binds it"),
        pytest.param(
            (named("namespaces={team-a,x}"),),
            {"ClusterRole"},
            {"RoleBinding/team-a", "RoleBinding/x"},
            id="by namespace",
        ),
        pytest.param((named("clusterWide=true"),), {"ClusterRole"}, {"ClusterRoleBinding"}, id="everywhere"),
        pytest.param((IN_TEAMS,), {"Role/team-a", "Role/team-b"}, set(), id="Roles only, and nothing binds them"),
        pytest.param(
            (IN_TEAMS, named("namespaces={team-b}")),
            {"Role/team-a", "Role/team-b"},
            {"RoleBinding/team-b"},
            id="Roles only, by namespace",
        ),
        pytest.param(("--set=rbac.create=false", named("clusterWide=true")), set(), set(), id="made by others"),
    ],
)
@pytest.mark.parametrize("release", ["assistant-operator", "lg"])
def test_who_lets_the_operator_read_secrets(
    values: tuple[str, ...], roles: set[str], bindings: set[str], release: str
) -> None:
    rendered = charted(*values, release=release)
    allowing = [each for each in rendered if READ in each.get("rules", ())]
    assert {identity(each).rpartition("/")[0] for each in allowing} == roles
    assert not [each for each in rendered if each not in allowing and "secrets" in str(each.get("rules"))]
    names = {(each["kind"], each["metadata"]["name"]) for each in allowing}
    bound = [each for each in rendered if "roleRef" in each and bound_to(each) in names]
    assert {identity(each).rpartition("/")[0] for each in bound} == bindings
    (account,) = of_kind("ServiceAccount", rendered)
    subject = {"kind": "ServiceAccount", "name": account["metadata"]["name"], "namespace": "assistant-operator"}
    assert all(each["subjects"] == [subject] for each in bound)
    if roles:
        ((kind, name),) = names
        assert told_role(rendered) == f"{kind.lower()}/{name}"


def bound_to(binding: Json) -> tuple[str, str]:
    return binding["roleRef"]["kind"], binding["roleRef"]["name"]


def told_role(rendered: list[Json]) -> str:
    """The role that the operator is told to name in its conditions."""
    (deployment,) = of_kind("Deployment", rendered)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    with run.make_context("run", list(container["args"][1:])) as context:
        return str(context.params["server_credentials_role"])


def test_the_secrets_can_be_named() -> None:
    for where in ((), (IN_TEAMS,)):
        rendered = charted(named("names={key,ca}"), *where)
        roles = [each for each in rendered if each["metadata"]["name"] == "assistant-operator-server-credentials"]
        assert [each["rules"] for each in roles] == [[{**READ, "resourceNames": ["key", "ca"]}]] * len(roles)
        assert roles


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param(
            (IN_TEAMS, named("clusterWide=true")),
            "serverCredentials.clusterWide takes a release without namespaces: "
            "list them in serverCredentials.namespaces",
            id="everywhere, by one that is nowhere else",
        ),
        pytest.param(
            (IN_TEAMS, named("namespaces={x}")),
            "serverCredentials.namespaces: x is not one of namespaces",
            id="where it does not look",
        ),
        pytest.param(
            ("--set=rbac.secrets.read=false",),
            "rbac.secrets is gone: by default the operator reads no Secret and no ConfigMap; see serverCredentials "
            "(and upgrade with --reset-then-reuse-values, not --reuse-values)",
            id="as it was called once",
        ),
        pytest.param(
            ("--set=networkPolicy.metricsFrom={}",),
            "networkPolicy.metricsFrom is called networkPolicy.from",
            id="another name of once",
        ),
    ],
)
def test_values_that_contradict_each_other_are_refused(values: tuple[str, ...], complaint: str) -> None:
    done = run_helm("template", "x", str(CHART), *values)
    assert done.returncode != 0
    assert complaint in done.stderr


@pytest.mark.parametrize(
    ("values", "line", "command"),
    [
        pytest.param(
            (),
            "It reads no Secret and no ConfigMap. "
            "Let it read the API keys and CA bundles that Graphs of a namespace name:",
            "--clusterrole=lg-assistant-operator-server-credentials",
            id="none",
        ),
        pytest.param(
            (IN_TEAMS, named("namespaces={team-b}")),
            "It reads the API keys and CA bundles that Graphs name in the namespaces team-b.",
            "--role=lg-assistant-operator-server-credentials",
            id="some",
        ),
        pytest.param((named("clusterWide=true"),), None, None, id="all"),
    ],
)
def test_the_notes_say_what_the_operator_reads(values: tuple[str, ...], line: str | None, command: str | None) -> None:
    told = demand_helm("install", "lg", str(CHART), "--dry-run=client", "--namespace=ops", *values)
    notes = told.split("\nNOTES:\n")[1]
    assert (line in notes.splitlines()) if line else ("ConfigMap" not in notes)
    wanted = (
        f"kubectl create rolebinding lg-assistant-operator-server-credentials --namespace NAMESPACE {command}"
        " --serviceaccount=ops:lg-assistant-operator"
    )
    assert (wanted in " ".join(notes.replace("\\\n", " ").split())) is bool(command)


def test_only_the_port_of_probes_and_metrics_can_be_reached() -> None:
    for values, source in ((), {}), (("--set=networkPolicy.from[0].podSelector.matchLabels.a=b",), {"from": [SOURCE]}):
        (policy,) = of_kind("NetworkPolicy", charted(*values))
        assert policy["spec"]["policyTypes"] == ["Ingress"]
        assert policy["spec"]["ingress"] == [{"ports": [{"port": "http"}], **source}]
    assert of_kind("NetworkPolicy", charted("--set=networkPolicy.enabled=false")) == []


SOURCE = {"podSelector": {"matchLabels": {"a": "b"}}}


def test_a_budget_never_keeps_the_only_replica_on_its_node() -> None:
    assert len(of_kind("PodDisruptionBudget", charted())) == 1
    assert of_kind("PodDisruptionBudget", charted("--set=replicas=1")) == []


@pytest.mark.parametrize(
    ("values", "complaint"),
    [
        pytest.param({"replica": 2}, "additional properties 'replica' not allowed", id="a misspelt key"),
        pytest.param(
            {"image": {"sha": ""}},
            "at '/image': additional properties 'sha' not allowed",
            id="a misspelt key below another",
        ),
        pytest.param(
            {"crds": {"enabled": True}}, "at '/crds': additional properties 'enabled'", id="a key of another chart"
        ),
        pytest.param(
            {"image": {"digest": "sha256:1"}}, "at '/image/digest': 'sha256:1' does not match", id="half a digest"
        ),
        pytest.param({"image": {"pullPolicy": "Sometimes"}}, "at '/image/pullPolicy'", id="an unknown pull policy"),
        pytest.param({"replicas": "2"}, "at '/replicas': got string, want integer", id="a number as text"),
        pytest.param({"replicas": -1}, "at '/replicas'", id="fewer than no replicas"),
        pytest.param(
            {"namespaces": "team-a"}, "at '/namespaces': got string, want array", id="one namespace without a list"
        ),
        pytest.param({"namespaces": ["Team"]}, "at '/namespaces/0'", id="a name no namespace has"),
        pytest.param({"namespaces": ["a", "a"]}, "at '/namespaces'", id="a namespace twice"),
        pytest.param({"logging": {"level": "trace"}}, "at '/logging/level'", id="an unknown level"),
        pytest.param({"logging": {"format": "xml"}}, "at '/logging/format'", id="an unknown format"),
        pytest.param({"extraArgs": ["run"]}, "at '/extraArgs/0'", id="an argument that is no flag"),
        pytest.param({"extraEnv": [{"value": "x"}]}, "at '/extraEnv/0'", id="a variable without a name"),
        pytest.param(
            {"podLabels": {"a": 1}}, "at '/podLabels/a': got number, want string", id="a label that is a number"
        ),
        pytest.param({"crds": {"keep": "true"}}, "at '/crds/keep': got string, want boolean", id="yes as text"),
        pytest.param(
            {"serverCredentials": {"names": "key"}}, "at '/serverCredentials/names'", id="one secret without a list"
        ),
        pytest.param(
            {"serverCredentials": {"namespaces": ["Team"]}},
            "at '/serverCredentials/namespaces/0'",
            id="server credentials where no namespace is",
        ),
        pytest.param({"enabled": "yes"}, "at '/enabled': got string, want boolean", id="a switch that is text"),
        pytest.param(
            {"leaderElection": {"leaseNamespace": "A"}}, "at '/leaderElection/leaseNamespace'", id="a Lease nowhere"
        ),
        pytest.param({"service": {"port": 70000}}, "at '/service/port'", id="a port beyond the last"),
        pytest.param(
            {"podDisruptionBudget": {"maxUnavailable": "half"}},
            "at '/podDisruptionBudget/maxUnavailable'",
            id="neither number nor percentage",
        ),
        pytest.param(
            {"monitoring": {"serviceMonitor": {"interval": "soon"}}},
            "at '/monitoring/serviceMonitor/interval'",
            id="no duration",
        ),
        pytest.param(
            {"networkPolicy": {"apiServerPorts": []}}, "at '/networkPolicy/apiServerPorts'", id="a way to no API server"
        ),
        pytest.param(
            {"terminationGracePeriodSeconds": 1},
            "at '/terminationGracePeriodSeconds'",
            id="less time than it needs to end",
        ),
        pytest.param(
            {"extraObjects": [{"kind": "ConfigMap"}]}, "at '/extraObjects/0'", id="something that is no object"
        ),
    ],
)
def test_bad_values_are_refused_by_name(values: Json, complaint: str, tmp_path: Path) -> None:
    (path := tmp_path / "values.yaml").write_text(yaml.safe_dump(values))
    for command in (["template", "x"], ["lint", "--strict"]):
        done = run_helm(*command, str(CHART), f"--values={path}")
        assert done.returncode != 0
        assert complaint in done.stdout + done.stderr


@pytest.mark.parametrize(
    ("given", "is_refused"),
    [
        pytest.param((), True, id="nothing is known of the API server"),
        pytest.param(("--kube-version=1.34.4", "--api-versions=admissionregistration.k8s.io/v1"), True, id="1.34"),
        pytest.param((SERVED.replace("/v1/", "/v1beta1/"),), True, id="a beta version"),
        pytest.param((SERVED,), False, id="1.36 and newer"),
    ],
)
def test_users_are_recorded_only_where_the_api_server_serves_the_policy(
    given: tuple[str, ...], *, is_refused: bool
) -> None:
    done = run_helm("template", "x", str(CHART), "--set=recordUser.enabled=true", *given)
    assert (done.returncode != 0) == is_refused
    complaint = (
        "recordUser.enabled takes an API server that serves MutatingAdmissionPolicy in admissionregistration.k8s.io/v1:"
        " Kubernetes 1.36 or newer (helm template asks no API server: give it"
        f" --api-versions={POLICY_API})"
    )
    assert (complaint in done.stderr) == is_refused
    assert run_helm("template", "x", str(CHART), *given).returncode == 0


@pytest.mark.parametrize("is_on", [True, False])
def test_the_operator_has_the_flag_where_the_policy_is_part_of_the_release(*, is_on: bool) -> None:
    rendered = charted(f"--set=recordUser.enabled={str(is_on).lower()}")
    assert bool(of_kind("MutatingAdmissionPolicy", rendered)) == is_on
    (deployment,) = of_kind("Deployment", rendered)
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    with run.make_context("run", list(container["args"][1:])) as context:
        assert context.params["record_user"] == is_on


def test_two_that_would_both_lead_are_refused() -> None:
    done = run_helm("template", "x", str(CHART), "--set=leaderElection.enabled=false")
    assert done.returncode != 0
    assert "more than one replica takes leaderElection.enabled: true" in done.stderr


def test_the_schema_is_closed_wherever_the_keys_are_ours() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    assert [path for path, each in with_keys(schema) if each.get("additionalProperties") is not False] == []
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    # What Helm hands to a dependency, and its usual switch.
    assert schema["properties"].keys() - values.keys() == {"global", "enabled"}


def with_keys(schema: Any, path: str = "") -> list[tuple[str, Json]]:
    """Every part that lists keys."""
    if not isinstance(schema, dict):
        return []
    below = schema.get("properties", {}).items()
    inner = itertools.chain.from_iterable(with_keys(each, f"{path}/{name}") for name, each in below)
    return [*([(path, schema)] if "properties" in schema else []), *inner, *with_keys(schema.get("items"), f"{path}/*")]


def test_every_version_is_the_same() -> None:
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (deployment,) = objects((ROOT / "deploy/operator/deployment.yaml").read_text())
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert (chart["version"], chart["appVersion"], container["image"]) == (
        version,
        version,
        f"assistant-operator:{version}",
    )


@pytest.mark.parametrize(
    ("kubernetes", "refused"), [("1.33.9", True), ("1.34.0", False), ("1.37.2", False), ("1.34.3-eks-1", False)]
)
def test_it_asks_for_kubernetes_1_34(kubernetes: str, *, refused: bool) -> None:
    done = run_helm("template", "x", str(CHART), f"--kube-version={kubernetes}")
    assert (done.returncode != 0, "incompatible with Kubernetes" in done.stderr) == (refused, refused)


def test_a_packaged_chart_is_the_chart(tmp_path: Path) -> None:
    demand_helm("package", str(CHART), f"--destination={tmp_path}")
    (package,) = tmp_path.iterdir()
    rendered = demand_helm("template", "x", str(package), SERVED, *VALUES["everything"])
    assert objects(rendered) == charted(*VALUES["everything"], release="x", namespace="default")


def test_the_readme_lists_every_value_with_its_default() -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    text = (readme := CHART / "README.md").read_text()
    right = put_in(text, table((CHART / "values.yaml").read_text(), schema))
    if UPDATE:
        readme.write_text(right)
    assert readme.read_text() == right, AGAIN
