"""Who may do what, by real RBAC: the roles that people have in every cluster, and the operator's own."""

import secrets
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.support import Workspace
from harness.support.client import MERGE, Client
from harness.support.histories import OPERATOR, a_workspace
from harness.support.rights import ROLE as CREDENTIALS_ROLE
from harness.support.rights import grant_credentials, person_with
from harness.support.walk import comes_to
from harness.support.workspace import API_VERSION, GROUP
from harness.worlds import a_version

RBAC = "/apis/rbac.authorization.k8s.io/v1"
OURS = "assistant-operator.dev"
PROMOTE = "assistant-operator-promote"
PEOPLE = ("view", "edit", "admin", PROMOTE)
OF_EVERY_CLUSTER = PEOPLE[:3]
HOME = "assistant-operator"
DEPLOY = Path(__file__).parents[2] / "deploy"
VERBS = ("get", "list", "watch", "create", "update", "patch", "delete", "deletecollection")
READ = {"get", "list", "watch"}
WRITE = {"create", "update", "patch", "delete", "deletecollection"}
Json = dict[str, Any]


@pytest.fixture(scope="module")
def place(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


@pytest.fixture(scope="module")
def people(place: Workspace) -> dict[str, Client]:
    """One ServiceAccount a role of people, with that role in this namespace."""
    return {role: Client(person_with(place, role)) for role in PEOPLE}


def may(place: Workspace, user: str, verb: str, resource: str, group: str, **where: str) -> bool:
    """What the API server's authorizer says."""
    resource, _, below = resource.partition("/")
    asked = {"verb": verb, "resource": resource, "subresource": below, "group": group, **where}
    groups = ["system:authenticated", "system:serviceaccounts", f"system:serviceaccounts:{user.split(':')[2]}"]
    body = {"spec": {"user": user, "groups": groups, "resourceAttributes": asked}}
    told = place.client.demand("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", body)
    return bool(told["status"]["allowed"])


KINDS = ("graphs", "assistants", "assistantversions", "assistantaliases")
PEOPLE_MAY = {
    "view": dict.fromkeys(KINDS, READ),
    "edit": {**dict.fromkeys(KINDS[:2], READ | WRITE), **dict.fromkeys(KINDS[2:], READ)},
    "admin": {
        **dict.fromkeys(KINDS, READ | WRITE),
        "assistantversions": READ | {"create", "delete", "deletecollection"},
    },
    PROMOTE: {"assistantaliases": READ | {"update", "patch"}},
}


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize(
    "resource", [*KINDS, *(f"{kind}/{below}" for kind in KINDS for below in ("status", "finalizers"))]
)
def test_people_may_exactly_this(place: Workspace, people: dict[str, Client], role: str, resource: str) -> None:
    user = f"system:serviceaccount:{place.namespace}:{role}"
    allowed = {verb for verb in VERBS if may(place, user, verb, resource, OURS, namespace=place.namespace)}
    assert allowed == PEOPLE_MAY[role].get(resource, set())


def a_manifest(kind: str, name: str, spec: Json) -> Json:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name}, "spec": spec}


def a_version_of(name: str) -> Json:
    spec = a_version().spec.manifest() | {"assistantRef": {"name": name, "uid": "u"}}
    return a_manifest("AssistantVersion", f"{name}-v1", spec)


ASSISTANT = {"graphRef": {"name": "support"}}


@pytest.mark.parametrize(
    ("role", "answers"),
    [
        pytest.param("view", [200, 403, 403, 403, 403, 403, 403, 403, 403], id="view reads"),
        pytest.param("edit", [200, 201, 200, 403, 200, 403, 403, 403, 403], id="edit writes graphs and assistants"),
        pytest.param("admin", [200, 201, 200, 403, 200, 201, 403, 403, 200], id="admin makes and deletes versions too"),
    ],
)
def test_what_people_do(place: Workspace, people: dict[str, Client], role: str, answers: list[int]) -> None:
    name = f"by-{role}"
    place.client.ask("POST", place.path("assistants"), a_manifest("Assistant", "there", ASSISTANT))
    place.client.ask("POST", place.path("assistantversions"), a_version_of("there"))
    made, version = place.path("assistants", name), place.path("assistantversions", "there-v1")
    label, status = {"metadata": {"labels": {"a": "b"}}}, {"status": {"observedGeneration": 1}}
    requests: list[tuple[str, str, Any]] = [
        ("GET", place.path("assistantversions"), None),
        ("POST", place.path("assistants"), a_manifest("Assistant", name, ASSISTANT)),
        ("PATCH", place.path("assistants", "there"), {"spec": {"displayName": role}}),
        ("PATCH", f"{place.path('assistants', 'there')}/status", status),
        ("DELETE", made, None),
        ("POST", place.path("assistantversions"), a_version_of(name)),
        ("PATCH", version, label),
        ("PATCH", f"{version}/status", status),
        ("DELETE", version, None),
    ]
    assert [
        people[role].ask(method, path, body, MERGE if method == "PATCH" else "application/json")[0]
        for method, path, body in requests
    ] == answers


ALIAS = {"assistantRef": {"name": "there"}, "version": 1}


@pytest.mark.parametrize(
    ("role", "answers"),
    [
        pytest.param("view", [200, 403, 403, 403, 403, 403, 403], id="view reads"),
        pytest.param("edit", [200, 403, 200, 403, 403, 403, 403], id="edit changes the Assistant and moves no alias"),
        pytest.param(PROMOTE, [200, 200, 403, 403, 403, 403, 403], id="promote moves an alias and nothing else"),
        pytest.param("admin", [200, 200, 200, 403, 201, 200, 200], id="admin does both, and makes and deletes aliases"),
    ],
)
def test_who_moves_an_alias(place: Workspace, people: dict[str, Client], role: str, answers: list[int]) -> None:
    aliases, assistants = place.path("assistantaliases"), place.path("assistants")
    place.client.ask("POST", assistants, a_manifest("Assistant", "there", ASSISTANT))
    place.client.ask("POST", aliases, a_manifest("AssistantAlias", "production", ALIAS))
    made = f"{aliases}/by-{role}"
    requests: list[tuple[str, str, Any]] = [
        ("GET", aliases, None),
        ("PATCH", f"{aliases}/production", {"spec": {"version": 2}}),
        ("PATCH", f"{assistants}/there", {"spec": {"displayName": f"by {role}"}}),
        ("PATCH", f"{aliases}/production/status", {"status": {"version": 2}}),
        ("POST", aliases, a_manifest("AssistantAlias", f"by-{role}", ALIAS)),
        ("DELETE", made if role == "admin" else f"{aliases}/production", None),
        ("DELETE", f"{aliases}?labelSelector=no=such", None),
    ]
    assert [
        people[role].ask(method, path, body, MERGE if method == "PATCH" else "application/json")[0]
        for method, path, body in requests
    ] == answers


def test_a_user_who_may_promote_and_edit_has_both_roles(place: Workspace) -> None:
    """The role is no part of edit, and adds nothing but the moves."""
    both = Client(person_with(place, "edit", "editor"))
    place.client.ask("POST", place.path("assistants"), a_manifest("Assistant", "there", ASSISTANT))
    place.client.ask("POST", place.path("assistantaliases"), a_manifest("AssistantAlias", "production", ALIAS))
    alias = place.path("assistantaliases", "production")
    assert both.ask("PATCH", alias, {"spec": {"version": 3}}, MERGE)[0] == 403
    bound = [f"--clusterrole={PROMOTE}", f"--serviceaccount={place.namespace}:editor", f"-n{place.namespace}"]
    place.plane.kubectl("create", "rolebinding", "editor-promotes", *bound)
    comes_to(lambda: both.ask("PATCH", alias, {"spec": {"version": 3}}, MERGE)[0], 200)
    assert both.ask("DELETE", alias)[0] == 403


@pytest.mark.parametrize("role", OF_EVERY_CLUSTER)
def test_people_see_nothing_of_another_namespace(place: Workspace, people: dict[str, Client], role: str) -> None:
    assert people[role].ask("GET", f"{GROUP}/namespaces/default/assistants")[0] == 403
    assert people[role].ask("GET", f"{GROUP}/assistants")[0] == 403


OPERATOR_MAY: dict[tuple[str, str], set[str]] = {
    (OURS, "graphs"): READ,
    (OURS, "assistants"): READ | {"create", "patch"},
    (OURS, "assistantversions"): READ | {"create", "patch", "delete"},
    (OURS, "assistantaliases"): READ | {"patch"},
    (OURS, "graphs/status"): {"patch"},
    (OURS, "assistants/status"): {"patch"},
    (OURS, "assistantversions/status"): {"patch"},
    (OURS, "assistantaliases/status"): {"patch"},
    (OURS, "graphs/finalizers"): {"update"},
    (OURS, "assistants/finalizers"): {"update"},
    ("events.k8s.io", "events"): {"create"},
}


@pytest.mark.parametrize(("group", "resource"), OPERATOR_MAY)
def test_the_operator_may_what_it_needs_everywhere(place: Workspace, group: str, resource: str) -> None:
    allowed = {verb for verb in VERBS if may(place, OPERATOR, verb, resource, group)}
    assert allowed == OPERATOR_MAY[group, resource]


def test_the_operator_may_use_its_own_lease(place: Workspace) -> None:
    group = "coordination.k8s.io"
    named = {"namespace": HOME, "name": HOME}
    allowed = {verb for verb in VERBS if may(place, OPERATOR, verb, "leases", group, **named)}
    assert allowed == {"get", "create", "update"}
    another = {**named, "name": "another"}
    # A name cannot be asked of one who creates: the API server does not know it yet.
    assert {verb for verb in VERBS if may(place, OPERATOR, verb, "leases", group, **another)} == {"create"}


@pytest.mark.parametrize(
    ("verb", "group", "resource"),
    [
        ("get", "", "secrets"),
        ("get", "", "configmaps"),
        ("list", "", "secrets"),
        ("watch", "", "secrets"),
        ("patch", "", "secrets"),
        ("list", "", "configmaps"),
        ("list", "", "pods"),
        ("create", "", "pods"),
        ("create", "", "events"),
        ("list", "", "namespaces"),
        ("get", "", "nodes"),
        ("create", "", "serviceaccounts/token"),
        ("impersonate", "", "users"),
        ("impersonate", "", "serviceaccounts"),
        ("list", "events.k8s.io", "events"),
        ("delete", "events.k8s.io", "events"),
        ("get", "coordination.k8s.io", "leases"),
        ("create", "coordination.k8s.io", "leases"),
        ("update", "coordination.k8s.io", "leases"),
        ("create", OURS, "graphs"),
        ("update", OURS, "graphs"),
        ("patch", OURS, "graphs"),
        ("delete", OURS, "graphs"),
        ("update", OURS, "assistants"),
        ("delete", OURS, "assistants"),
        ("deletecollection", OURS, "assistants"),
        ("update", OURS, "assistantversions"),
        ("deletecollection", OURS, "assistantversions"),
        ("create", OURS, "assistantaliases"),
        ("update", OURS, "assistantaliases"),
        ("delete", OURS, "assistantaliases"),
        ("deletecollection", OURS, "assistantaliases"),
        ("update", OURS, "assistantaliases/status"),
        ("update", OURS, "assistantaliases/finalizers"),
        ("update", OURS, "assistants/status"),
        ("escalate", "rbac.authorization.k8s.io", "clusterroles"),
        ("bind", "rbac.authorization.k8s.io", "clusterroles"),
        ("create", "rbac.authorization.k8s.io", "rolebindings"),
        ("get", "apiextensions.k8s.io", "customresourcedefinitions"),
        ("patch", "admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("get", "apps", "deployments"),
    ],
)
def test_the_operator_may_not(place: Workspace, verb: str, group: str, resource: str) -> None:
    assert not may(place, OPERATOR, verb, resource, group, namespace=place.namespace)
    assert not may(place, OPERATOR, verb, resource, group)


CREDENTIALS = ("secrets", "configmaps")


def readable(place: Workspace, **where: str) -> dict[str, set[str]]:
    """What the operator may do with Secrets and ConfigMaps there; everywhere without a namespace."""
    return {each: {verb for verb in VERBS if may(place, OPERATOR, verb, each, "", **where)} for each in CREDENTIALS}


NOTHING: dict[str, set[str]] = {each: set() for each in CREDENTIALS}
BY_NAME = {each: {"get"} for each in CREDENTIALS}


def test_the_operator_reads_the_credentials_of_a_namespace_where_that_is_granted(
    place: Workspace, workspace: Workspace
) -> None:
    assert readable(place, namespace=workspace.namespace) == NOTHING
    grant_credentials(workspace)
    comes_to(lambda: readable(place, namespace=workspace.namespace), BY_NAME)
    assert readable(place, namespace=place.namespace) == NOTHING
    assert readable(place) == NOTHING
    workspace.plane.kubectl("delete", "rolebinding", CREDENTIALS_ROLE, f"-n{workspace.namespace}")
    comes_to(lambda: readable(place, namespace=workspace.namespace), NOTHING)


def test_the_operator_reads_the_credentials_of_all_namespaces_if_that_is_granted(place: Workspace) -> None:
    folder = str(DEPLOY / "server-credentials")
    place.plane.kubectl("apply", "-k", folder)
    try:
        comes_to(lambda: readable(place), BY_NAME)
        assert readable(place, namespace=place.namespace) == BY_NAME
    finally:
        place.plane.kubectl("delete", "-k", folder)
    comes_to(lambda: readable(place), NOTHING)


def rules(who: Client, namespace: str) -> dict[tuple[str, str], set[str]]:
    """What the authorizer lists for the one who asks."""
    path = "/apis/authorization.k8s.io/v1/selfsubjectrulesreviews"
    told = who.demand("POST", path, {"spec": {"namespace": namespace}})["status"]["resourceRules"]
    return {
        (group, resource): set(each["verbs"])
        for each in told
        for group, resource in product(each["apiGroups"], each["resources"])
    }


def test_the_operator_has_no_rule_beyond_those(place: Workspace, operator_kubeconfig: Path) -> None:
    nobody = rules(Client(place.plane.kubeconfig_for(place.namespace, "default")), place.namespace)
    granted = rules(Client(operator_kubeconfig), place.namespace)
    assert granted == {**nobody, **OPERATOR_MAY}
    assert not {group for group, _ in nobody} & {group for group, _ in OPERATOR_MAY}


def test_the_operator_is_refused_in_fact(place: Workspace, operator_kubeconfig: Path) -> None:
    operator = Client(operator_kubeconfig)
    assert operator.ask("GET", f"/api/v1/namespaces/{place.namespace}/secrets")[0] == 403
    # There is one in every namespace.
    assert operator.ask("GET", f"/api/v1/namespaces/{place.namespace}/configmaps/kube-root-ca.crt")[0] == 403
    assert operator.ask("PATCH", place.path("graphs", "support"), {"spec": {"description": "a"}}, MERGE)[0] == 403
    assert operator.ask("DELETE", place.path("assistants", "there"))[0] == 403
    lease = {"metadata": {"name": HOME}, "spec": {}}
    elsewhere = f"/apis/coordination.k8s.io/v1/namespaces/{place.namespace}/leases"
    assert operator.ask("POST", elsewhere, lease)[0] == 403
    name = f"grab-{secrets.token_hex(4)}"
    grab = {
        "metadata": {"name": name},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin"},
    }
    assert operator.ask("POST", f"{RBAC}/clusterrolebindings", grab)[0] == 403
