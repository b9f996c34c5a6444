"""The right to read Secrets and ConfigMaps, which the operator has in no namespace by default."""

from .workspace import Workspace

ROLE = "assistant-operator-server-credentials"
ACCOUNT = "assistant-operator:assistant-operator"


def grant_credentials(workspace: Workspace) -> None:
    """Let the operator of deploy/ read the Secrets and ConfigMaps of this namespace."""
    granted = [f"--clusterrole={ROLE}", f"--serviceaccount={ACCOUNT}"]
    workspace.plane.kubectl("create", "rolebinding", ROLE, f"-n{workspace.namespace}", *granted)
