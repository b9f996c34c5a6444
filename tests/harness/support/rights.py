"""Rights in one namespace: those of the operator on Secrets and ConfigMaps, and those of people."""

from pathlib import Path

from harness.controlplane.waiting import eventually

from .workspace import Workspace

ROLE = "assistant-operator-server-credentials"
ACCOUNT = "assistant-operator:assistant-operator"


def grant_credentials(workspace: Workspace) -> None:
    """Let the operator of deploy/ read the Secrets and ConfigMaps of this namespace."""
    granted = [f"--clusterrole={ROLE}", f"--serviceaccount={ACCOUNT}"]
    workspace.plane.kubectl("create", "rolebinding", ROLE, f"-n{workspace.namespace}", *granted)


def person_with(workspace: Workspace, role: str, name: str = "", server: str | None = None) -> Path:
    """The kubeconfig of a new ServiceAccount that has a role of every cluster in this namespace, such as `view`.

    `name`: of the account, by default that of the role. `server`: another address of the API server.
    """
    rbac, account = "/apis/rbac.authorization.k8s.io/v1", name or role
    # The control plane adds what deploy/ labels for the role some time after it was applied.
    cluster_role = f"{rbac}/clusterroles/{role}"
    eventually(lambda: "assistant-operator.dev" in str(workspace.client.demand("GET", cluster_role)["rules"]))
    accounts = f"/api/v1/namespaces/{workspace.namespace}/serviceaccounts"
    workspace.client.demand("POST", accounts, {"metadata": {"name": account}})
    binding = {
        "metadata": {"name": account},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": workspace.namespace}],
    }
    workspace.client.demand("POST", f"{rbac}/namespaces/{workspace.namespace}/rolebindings", binding)
    return workspace.plane.kubeconfig_for(workspace.namespace, account, server)
