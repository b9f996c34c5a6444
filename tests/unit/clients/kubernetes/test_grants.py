"""What is said of a right to read a Secret or ConfigMap that is missing, and what is no role."""

import pytest

from assistant_operator.clients.kubernetes.grants import DEFAULT_ROLE, checked_role, missing_grant

ACCOUNT = "system:serviceaccount:ops:lg-operator"
NAME = "assistant-operator-server-credentials"


def refusal(user: str, more: str = "") -> str:
    """As the API server says it."""
    what = f'secrets "key" is forbidden: User "{user}" cannot get resource "secrets"'
    return f'{what} in API group "" in the namespace "team-a"{more}'


COMMAND = f"kubectl create rolebinding {NAME} -n team-a --clusterrole={NAME} --serviceaccount=ops:lg-operator"


@pytest.mark.parametrize(
    ("role", "message", "told"),
    [
        pytest.param(
            DEFAULT_ROLE,
            refusal(ACCOUNT),
            f"ServiceAccount 'ops/lg-operator' needs ClusterRole '{NAME}' in namespace 'team-a'; "
            f"to grant it: {COMMAND}",
            id="an operator in its pod",
        ),
        pytest.param(
            "role/lg-server-credentials",
            refusal(ACCOUNT),
            "ServiceAccount 'ops/lg-operator' needs Role 'lg-server-credentials' in namespace 'team-a'; to grant it: "
            "kubectl create rolebinding lg-server-credentials -n team-a --role=lg-server-credentials "
            "--serviceaccount=ops:lg-operator",
            id="one that has Roles only, of a release with another name",
        ),
        pytest.param(
            "clusterrole/x",
            refusal("jane doe"),
            "user 'jane doe' needs ClusterRole 'x' in namespace 'team-a'; to grant it: "
            "kubectl create rolebinding x -n team-a --clusterrole=x '--user=jane doe'",
            id="a person who runs it",
        ),
        pytest.param(
            "clusterrole/x",
            "denied by the gateway",
            "the operator needs ClusterRole 'x' in namespace 'team-a'; to grant it: "
            "kubectl create rolebinding x -n team-a --clusterrole=x --serviceaccount=NAMESPACE:NAME",
            id="a refusal in other words",
        ),
        pytest.param(
            "clusterrole/x",
            refusal(ACCOUNT, ': RBAC: clusterrole.rbac.authorization.k8s.io "x" not found'),
            "ClusterRole 'x' is bound in namespace 'team-a' but does not exist; to create it: "
            "kubectl create clusterrole x --verb=get --resource=secrets,configmaps",
            id="a binding to a ClusterRole that does not exist",
        ),
        pytest.param(
            "role/x",
            refusal(ACCOUNT, ': RBAC: role.rbac.authorization.k8s.io "x" not found'),
            "Role 'x' is bound in namespace 'team-a' but does not exist; to create it: "
            "kubectl create role x --namespace=team-a --verb=get --resource=secrets,configmaps",
            id="a binding to a Role that does not exist",
        ),
    ],
)
def test_a_missing_grant_is_told_with_the_command_that_makes_it(role: str, message: str, told: str) -> None:
    assert missing_grant(role, "team-a", message) == told


def test_what_an_authorizer_adds_changes_nothing() -> None:
    plain = missing_grant(DEFAULT_ROLE, "team-a", refusal(ACCOUNT))
    other = refusal(ACCOUNT, ': RBAC: role.rbac.authorization.k8s.io "other" not found')
    assert missing_grant(DEFAULT_ROLE, "team-a", other) == plain
    another_kind = refusal(ACCOUNT, f': RBAC: role.rbac.authorization.k8s.io "{NAME}" not found')
    assert missing_grant(DEFAULT_ROLE, "team-a", another_kind) == plain
    role = refusal(ACCOUNT, ': RBAC: clusterrole.rbac.authorization.k8s.io "x" not found')
    assert "to grant it: " in missing_grant("role/x", "team-a", role)
    assert missing_grant(DEFAULT_ROLE, "team-a", refusal(ACCOUNT, ": request 4711: no opinion")) == plain


@pytest.mark.parametrize("role", ["role/x", "clusterrole/lg-operator.v1", "clusterrole/platform:secrets"])
def test_a_role_is_a_kind_and_a_name(role: str) -> None:
    assert checked_role(role) == role


@pytest.mark.parametrize("role", ["", "x", "role/", "Role/x", "role/x y", "role/x/y", "role/-x", "role/x;id"])
def test_what_is_no_role_is_refused(role: str) -> None:
    with pytest.raises(ValueError, match="is neither clusterrole/NAME nor role/NAME"):
        checked_role(role)
