"""Installed, upgraded and uninstalled on a real control plane, by the real helm and by `kubectl apply -k`."""

import json
import shlex
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from itertools import product
from pathlib import Path

import pytest
import yaml

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to
from harness.tools.rendering import CHART, ROOT, Json, charted, demand_helm, kustomized, of_kind, run_helm

OURS = {
    "assistantaliases": "AssistantAlias",
    "assistants": "Assistant",
    "assistantversions": "AssistantVersion",
    "graphs": "Graph",
}
DEFINITIONS = [f"customresourcedefinition/{plural}.assistant-operator.dev" for plural in OURS]
RELEASE = "assistant-operator"
# Not the release's name: what takes one for the other is found out.
HOME = "operators"
TEAMS = ("team-a", "team-b")
IN_TEAMS = "--set=namespaces={team-a,team-b}"
BY_NAME = {"get secrets", "get configmaps"}
USERS = "users"
EVERYTHING = f"--values={CHART}/ci/everything-values.yaml"
SINGLE = f"--values={CHART}/ci/single-values.yaml"
NAMESPACES = f"--values={CHART}/ci/namespaces-values.yaml"
ASSISTANT = {
    "apiVersion": "assistant-operator.dev/v1alpha1",
    "kind": "Assistant",
    "metadata": {"name": "trial"},
    "spec": {"graphRef": {"name": "support"}},
}
# What the Prometheus operator brings: any content.
FOREIGN = {"servicemonitors": "ServiceMonitor", "prometheusrules": "PrometheusRule"}
LINES = '{{range .items}}{{.kind}}/{{or .metadata.namespace "-"}}/{{.metadata.name}}{{"\\n"}}{{end}}'
# Somebody who has all the rights in a namespace that its work takes, and none beyond.
PLATFORM = {
    "apiVersion": "rbac.authorization.k8s.io/v1",
    "kind": "ClusterRole",
    "metadata": {"name": "platform"},
    "rules": [
        {"apiGroups": ["", "apps", "networking.k8s.io", "policy"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": ["*"]},
        # Nobody can grant what he may not do himself.
        {"apiGroups": ["assistant-operator.dev"], "resources": ["*"], "verbs": ["*"]},
        {"apiGroups": ["coordination.k8s.io", "events.k8s.io"], "resources": ["*"], "verbs": ["*"]},
    ],
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """One of its own: on the one that the other tests share everything is installed."""
    with ControlPlane(tmp_path_factory.mktemp("install")) as plane:
        for name in (HOME, *TEAMS, USERS):
            restricted(plane, name)
        yield plane


@pytest.fixture
def bare(cluster: ControlPlane) -> Iterator[ControlPlane]:
    """Nothing of ours is on it before, and nothing after."""
    before = everything(cluster)
    yield cluster
    for release in demand_helm("list", "-q", f"--namespace={HOME}", kubeconfig=cluster.admin_kubeconfig).split():
        helm(cluster, "uninstall", release)
    if cluster.kubectl("get", *DEFINITIONS, check=False).returncode == 0:
        until_served(cluster)
        # With them go the users' objects.
        cluster.kubectl("delete", *DEFINITIONS)
    comes_to(lambda: everything(cluster) ^ before, set())


def restricted(plane: ControlPlane, name: str) -> None:
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    plane.admin.create("/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
    account = f"/api/v1/namespaces/{name}/serviceaccounts/default"
    eventually(lambda: plane.admin.request("GET", account).status == 200)


def everything(plane: ControlPlane) -> set[str]:
    """Kind, namespace and name of every object there is, but events, Leases and what belongs to a kind itself."""
    return eventually(lambda: listed(plane))


def listed(plane: ControlPlane) -> set[str]:
    """Nothing at all, if a kind was just taken away."""
    kinds = plane.kubectl("api-resources", "--verbs=list,delete", "-o=name").stdout.split()
    wanted = ",".join(name for name in kinds if not name.startswith(("apiservices", "events", "leases")))
    done = plane.kubectl("get", wanted, "-A", f"-o=go-template={LINES}", check=False)
    return set(done.stdout.split()) if done.returncode == 0 else set()


def until_served(plane: ControlPlane) -> None:
    """To be called before a kind is deleted.

    While nobody has asked for its objects, the API server does not find them, and looks again after minutes.
    """
    eventually(lambda: plane.kubectl("get", "langgraph", "-A", check=False).returncode == 0)


def helm(plane: ControlPlane, verb: str, release: str, *values: str, chart: Path = CHART) -> None:
    """As admin, in the operators' namespace."""
    source = [] if verb == "uninstall" else [str(chart)]
    demand_helm(verb, release, *source, f"--namespace={HOME}", *values, kubeconfig=plane.admin_kubeconfig)


def assert_admitted(plane: ControlPlane, things: list[Json]) -> None:
    """Each is there, and a pod of each Deployment would be let in."""
    for each in things:
        group, _, version = each["apiVersion"].rpartition("/")
        where = each["metadata"].get("namespace", HOME)
        plane.kubectl("get", f"{each['kind']}.{version}.{group}", each["metadata"]["name"], f"-n{where}")
    for each in of_kind("Deployment", things):
        pod = {"apiVersion": "v1", "kind": "Pod", **each["spec"]["template"]}
        pod["metadata"] = {**pod["metadata"], "name": "trial"}
        told = tried(plane, pod, each["metadata"]["namespace"])
        assert told == "pod/trial created (server dry run)\n"


def tried(plane: ControlPlane, thing: Json, namespace: str, *flags: str) -> str:
    """What the API server would say, good or bad, warnings included."""
    command = ("create", "--dry-run=server", f"-n{namespace}", "-f-", *flags)
    told = plane.kubectl(*command, input=json.dumps(thing), check=False)
    return told.stderr + told.stdout


def deployed(plane: ControlPlane, namespace: str) -> Json:
    (found,) = json.loads(plane.kubectl("get", "deployments", f"-n{namespace}", "-o=json").stdout)["items"]
    return dict(found)


def flags(deployment: Json) -> list[str]:
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    command, *rest = map(str, container["args"])
    assert command == "run"
    return rest


def assert_works(plane: ControlPlane, home: str, log: Path, *namespaces: str) -> None:
    """With the flags and the rights that are installed there, an operator makes versions of edits."""
    deployment = deployed(plane, home)
    kubeconfig = plane.kubeconfig_for(home, deployment["spec"]["template"]["spec"]["serviceAccountName"])
    until_served(plane)
    # In its pod it knows where it is.
    with OperatorProcess(kubeconfig, log, "--leader-elect", f"--lease-namespace={home}", *flags(deployment)) as process:
        for namespace in namespaces:
            workspace = Workspace(plane, namespace)
            workspace.graph(defaultAssistant={"policy": "None"})
            workspace.assistant(context={"prompt": "one"})
            workspace.edit(context={"prompt": "two"})
            assert workspace.until_active(2)["latestVersion"] == 2
            workspace.alias(version=1)
            assert workspace.until_ready("production", "assistantaliases")["version"] == 1
        assert process.terminate() == 0
    assert [line for line in log.read_text().splitlines() if "ERROR" in line or "orbidden" in line] == []


def test_a_careless_pod_is_not_let_in(bare: ControlPlane) -> None:
    """Without this the others would show nothing."""
    spec = {"containers": [{"name": "x", "image": "x"}]}
    told = tried(bare, {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "trial"}, "spec": spec}, HOME)
    assert 'violates PodSecurity "restricted:latest"' in told


def test_kubectl_apply_k_installs_it_and_delete_k_leaves_nothing(bare: ControlPlane, tmp_path: Path) -> None:
    before = everything(bare)
    opt_in = [ROOT / "deploy" / each for each in ("strict-history", "record-user", "no-secrets")]
    folders = [ROOT / "crds", ROOT / "deploy", *opt_in]
    for folder in folders:
        bare.kubectl("apply", "-k", str(folder))
    assert_admitted(bare, [each for folder in folders for each in kustomized(folder)])
    # The policies need the kinds, which the API server knows some seconds after their definitions.
    eventually(lambda: "assistant-operator.dev/changed-by" in tried(bare, ASSISTANT, USERS, "-o=yaml"))
    assert_works(bare, "assistant-operator", tmp_path / "log", USERS)
    for folder in reversed(folders):
        bare.kubectl("delete", "-k", str(folder), "--timeout=60s")
    comes_to(lambda: everything(bare) ^ before, set())


def test_the_namespaced_example_installs_it_for_two_namespaces(bare: ControlPlane, tmp_path: Path) -> None:
    folders = [ROOT / "crds", ROOT / "deploy/namespaced"]
    for folder in folders:
        bare.kubectl("apply", "-k", str(folder))
    assert_admitted(bare, [each for folder in folders for each in kustomized(folder)])
    assert_works(bare, "assistant-operator", tmp_path / "log", *TEAMS)
    bare.kubectl("delete", "-k", str(ROOT / "deploy/namespaced"), "--timeout=60s")


def test_helm_installs_it_upgrades_it_and_leaves_what_is_the_users(bare: ControlPlane, tmp_path: Path) -> None:
    before = everything(bare)
    helm(bare, "install", RELEASE, chart=older(tmp_path))
    assert_admitted(bare, charted(namespace=HOME))
    assert "lgraph" not in bare.kubectl("get", DEFINITIONS[3], "-o=yaml").stdout

    helm(bare, "upgrade", RELEASE, "--set=replicas=1", "--set=logging.level=debug")
    upgraded = deployed(bare, HOME)
    assert (upgraded["spec"]["replicas"], flags(upgraded)) == (1, ["--log-level=debug", "--log-format=json"])
    assert bare.kubectl("get", "poddisruptionbudgets", "-A", "-o=name").stdout == ""
    assert "lgraph" in bare.kubectl("get", DEFINITIONS[3], "-o=yaml").stdout
    assert_works(bare, HOME, tmp_path / "log", USERS)

    helm(bare, "uninstall", RELEASE)
    left = {
        *(f"CustomResourceDefinition/-/{plural}.assistant-operator.dev" for plural in OURS),
        f"Graph/{USERS}/support",
        f"Assistant/{USERS}/bot",
        f"AssistantAlias/{USERS}/production",
        f"AssistantVersion/{USERS}/bot-v1",
        f"AssistantVersion/{USERS}/bot-v2",
    }
    comes_to(lambda: everything(bare) - before, left)
    # No operator is there that anything would have to wait for.
    bare.kubectl("delete", "assistant/bot", "graph/support", "assistantalias/production", f"-n{USERS}", "--timeout=30s")
    eventually(lambda: Workspace(bare, USERS).all("assistantversions") == [])
    # What was kept is taken over by the next release of that name.
    helm(bare, "install", RELEASE)


def older(folder: Path) -> Path:
    """The chart as it might have been when Graphs had no short name."""
    chart = folder / "older"
    shutil.copytree(CHART, chart)
    kind = chart / "files/crds/graphs.yaml"
    definition = yaml.safe_load(kind.read_text())
    assert definition["spec"]["names"].pop("shortNames") == ["lgraph"]
    kind.write_text(yaml.safe_dump(definition))
    return chart


def test_a_release_turns_from_all_namespaces_to_a_few_and_back(bare: ControlPlane) -> None:
    """What a RoleBinding refers to cannot be changed."""
    everywhere = "--set=serverCredentials.namespaces={team-a}"
    for verb, *values in (("install", everywhere), ("upgrade", everywhere, IN_TEAMS), ("upgrade", everywhere)):
        helm(bare, verb, RELEASE, *values)
        comes_to(lambda: [may_read(bare, f"{HOME}:{RELEASE}", where) for where in TEAMS], [BY_NAME, set()])


def test_helm_installs_everything_at_once_and_takes_it_all_away(bare: ControlPlane) -> None:
    names = [f"customresourcedefinition/{plural}.monitoring.coreos.com" for plural in FOREIGN]
    for plural, kind in FOREIGN.items():
        bare.kubectl("create", "-f-", input=json.dumps(foreign(plural, kind)))
    bare.kubectl("wait", "--for=condition=Established", "--timeout=30s", *names)
    before = everything(bare)
    helm(bare, "install", RELEASE, EVERYTHING)
    assert_admitted(bare, charted(EVERYTHING, namespace=HOME))
    helm(bare, "uninstall", RELEASE)
    left = {f"CustomResourceDefinition/-/{plural}.assistant-operator.dev" for plural in OURS}
    comes_to(lambda: everything(bare) - before, left)
    bare.kubectl("delete", *names)


def foreign(plural: str, kind: str) -> Json:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.monitoring.coreos.com"},
        "spec": {"group": "monitoring.coreos.com", "scope": "Namespaced", "names": names, "versions": [version]},
    }


def test_without_keep_helm_takes_the_kinds_away_too(bare: ControlPlane, tmp_path: Path) -> None:
    before = everything(bare)
    helm(bare, "install", RELEASE, SINGLE)
    assert deployed(bare, HOME)["spec"]["strategy"] == {"type": "Recreate"}
    until_served(bare)
    helm(bare, "uninstall", RELEASE)
    comes_to(lambda: everything(bare) ^ before, set())


def test_helm_installs_it_for_two_namespaces_by_somebody_without_rights_in_the_cluster(
    bare: ControlPlane, tmp_path: Path
) -> None:
    bare.kubectl("apply", "-k", str(ROOT / "crds"))
    before = everything(bare)
    bare.kubectl("create", "-f-", input=json.dumps(PLATFORM))
    bare.kubectl("create", "serviceaccount", "platform", f"-n{HOME}")
    for where in (HOME, *TEAMS):
        who = ["--clusterrole=platform", f"--serviceaccount={HOME}:platform"]
        bare.kubectl("create", "rolebinding", "platform", *who, f"-n{where}")
    kubeconfig = bare.kubeconfig_for(HOME, "platform")
    demand_helm("install", RELEASE, str(CHART), NAMESPACES, f"--namespace={HOME}", kubeconfig=kubeconfig)
    assert_works(bare, HOME, tmp_path / "log", *TEAMS)
    demand_helm("uninstall", RELEASE, f"--namespace={HOME}", kubeconfig=kubeconfig)
    for where in (HOME, *TEAMS):
        bare.kubectl("delete", "rolebinding/platform", f"-n{where}")
    bare.kubectl("delete", "clusterrole/platform", "serviceaccount/platform", f"-n{HOME}")
    comes_to(lambda: {each for each in everything(bare) ^ before if each.split("/")[0] not in OURS.values()}, set())


def test_a_second_release_leaves_the_kinds_to_the_first(bare: ControlPlane) -> None:
    helm(bare, "install", RELEASE)
    second = ["install", "second", str(CHART), f"--namespace={TEAMS[0]}"]
    done = run_helm(*second, kubeconfig=bare.admin_kubeconfig)
    assert done.returncode != 0
    assert "cannot be imported into the current release" in done.stderr
    demand_helm(*second, "--set=crds.install=false", kubeconfig=bare.admin_kubeconfig)
    demand_helm("uninstall", "second", f"--namespace={TEAMS[0]}", kubeconfig=bare.admin_kubeconfig)


def test_helm_takes_over_the_kinds_that_kubectl_installed_if_told_to(bare: ControlPlane) -> None:
    bare.kubectl("apply", "--server-side", "-k", str(ROOT / "crds"))
    install = ["install", RELEASE, str(CHART), f"--namespace={HOME}"]
    done = run_helm(*install, kubeconfig=bare.admin_kubeconfig)
    assert done.returncode != 0
    assert "cannot be imported into the current release" in done.stderr
    demand_helm(*install, "--take-ownership", kubeconfig=bare.admin_kubeconfig)
    assert_admitted(bare, charted(namespace=HOME))


def may_read(plane: ControlPlane, account: str, namespace: str) -> set[str]:
    """What that account may do with the Secrets and ConfigMaps of that namespace, as `kubectl auth can-i` asks."""
    review, client = "/apis/authorization.k8s.io/v1/subjectaccessreviews", Workspace(plane, namespace).client
    allowed = set()
    for verb, kind in product(("get", "list", "watch"), ("secrets", "configmaps")):
        asked = {"namespace": namespace, "verb": verb, "resource": kind, "name": "langgraph" if verb == "get" else ""}
        spec = {"user": f"system:serviceaccount:{account}", "resourceAttributes": asked}
        if client.demand("POST", review, {"spec": spec})["status"]["allowed"]:
            allowed.add(f"{verb} {kind}")
    return allowed


OTHER_RELEASE = "lg"
Install = Callable[[ControlPlane], AbstractContextManager[None]]


def by_kustomize(*folders: str) -> Install:
    @contextmanager
    def install(plane: ControlPlane) -> Iterator[None]:
        paths = [str(ROOT / folder) for folder in ("crds", *folders)]
        for path in paths:
            plane.kubectl("apply", "-k", path)
        yield
        # The kinds go last, with what is left of the users' objects.
        for path in reversed(paths[1:]):
            plane.kubectl("delete", "-k", path, "--timeout=60s")

    return install


def by_helm(release: str, *values: str) -> Install:
    @contextmanager
    def install(plane: ControlPlane) -> Iterator[None]:
        helm(plane, "install", release, *values)
        yield
        helm(plane, "uninstall", release)

    return install


@pytest.mark.parametrize(
    ("install", "home", "readable"),
    [
        pytest.param(by_kustomize("deploy"), RELEASE, (), id="kustomize"),
        pytest.param(
            by_kustomize("deploy", "deploy/server-credentials"), RELEASE, (*TEAMS, USERS), id="kustomize, all"
        ),
        pytest.param(by_kustomize("deploy/namespaced"), RELEASE, (), id="kustomize, Roles only"),
        pytest.param(by_helm(OTHER_RELEASE), HOME, (), id="the chart under another name"),
        pytest.param(
            by_helm(RELEASE, "--set=serverCredentials.namespaces={team-a,users}"),
            HOME,
            (TEAMS[0], USERS),
            id="the chart, two namespaces",
        ),
        pytest.param(
            by_helm(OTHER_RELEASE, "--set=serverCredentials.clusterWide=true"),
            HOME,
            (*TEAMS, USERS),
            id="the chart, all",
        ),
        pytest.param(
            by_helm(OTHER_RELEASE, IN_TEAMS, "--set=serverCredentials.namespaces={team-b}"),
            HOME,
            (TEAMS[1],),
            id="the chart under another name, Roles only, one namespace",
        ),
    ],
)
def test_secrets_are_read_where_that_was_chosen_and_elsewhere_after_the_command_that_the_graph_tells(
    bare: ControlPlane, tmp_path: Path, install: Install, home: str, readable: tuple[str, ...]
) -> None:
    with install(bare):
        deployment = deployed(bare, home)
        account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
        chosen = {where: BY_NAME if where in readable else set() for where in (*TEAMS, USERS)}
        # The authorizer hears of a binding a moment later.
        comes_to(lambda: {where: may_read(bare, f"{home}:{account}", where) for where in chosen}, chosen)
        until_served(bare)
        own = ["--leader-elect", f"--lease-namespace={home}", *flags(deployment)]
        workspace = Workspace(bare, TEAMS[0])
        with OperatorProcess(bare.kubeconfig_for(home, account), tmp_path / "log", *own) as process:
            with a_secret(workspace):
                if TEAMS[0] in readable:
                    # The key was read: the next thing that fails is the server.
                    assert reported(workspace)[0] == "ServerUnreachable"
                else:
                    assert_the_command_grants_it(workspace, home, account)
                    assert may_read(bare, f"{home}:{account}", USERS) == chosen[USERS]
            # It releases the Lease for the next one.
            assert process.terminate() == 0


def assert_the_command_grants_it(workspace: Workspace, home: str, account: str) -> None:
    reason, message = reported(workspace)
    assert reason == "CredentialsForbidden"
    command = shlex.split(message.split("to grant it: ")[1])
    assert command[:5] == ["kubectl", "create", "rolebinding", f"{account}-server-credentials", "-n"]
    workspace.plane.kubectl(*command[1:])
    comes_to(lambda: reported(workspace)[0], "ServerUnreachable")
    assert may_read(workspace.plane, f"{home}:{account}", workspace.namespace) == BY_NAME
    # As the user who granted it would take it back.
    workspace.plane.kubectl("delete", "rolebinding", command[3], f"-n{workspace.namespace}")


@contextmanager
def a_secret(workspace: Workspace) -> Iterator[None]:
    """And a Graph of a server that nobody runs, whose key it is."""
    path = f"/api/v1/namespaces/{workspace.namespace}/secrets"
    workspace.client.demand("POST", path, {"metadata": {"name": "langgraph"}, "stringData": {"key": "k"}})
    server = {"url": "http://127.0.0.1:1", "apiKeySecretRef": {"name": "langgraph", "key": "key"}}
    workspace.graph(server=server, defaultAssistant={"policy": "None"})
    yield
    workspace.delete("graphs", "support")
    workspace.client.demand("DELETE", f"{path}/langgraph")


def reported(workspace: Workspace) -> tuple[str, str]:
    """Reason and message of Deployed, once the server was asked."""

    def told() -> Json:
        said = workspace.condition("support", "Deployed", "graphs")
        return said if said.get("reason") not in (None, "Probing") else {}

    said = eventually(told)
    return said["reason"], said["message"]
