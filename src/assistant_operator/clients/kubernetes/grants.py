"""Which permission to read a Secret or ConfigMap is missing, and the command that grants it. Pure."""

import re
import shlex

DEFAULT_ROLE = "clusterrole/assistant-operator-server-credentials"
"""The role of deploy/ that allows `get` of Secrets and ConfigMaps."""
_ROLE = re.compile(r"(role|clusterrole)/([A-Za-z0-9]([-.:A-Za-z0-9]*[A-Za-z0-9])?)")
_USER = re.compile(r'is forbidden: User "([^"]+)" cannot get resource ')
_KINDS = {"role": "Role", "clusterrole": "ClusterRole"}


def checked_role(role: str) -> str:
    """Return `role`. Raises ValueError unless it is `clusterrole/NAME` or `role/NAME`."""
    if not _ROLE.fullmatch(role):
        raise ValueError(f"'{role}' is neither clusterrole/NAME nor role/NAME")
    return role


def missing_grant(role: str, namespace: str, refusal: str) -> str:
    """Return which grant is missing, in one line that ends with the command that creates it.

    `role`: as checked_role returns it. `refusal`: the message of the API server's 403. Only the account is taken from
    it, because authorizers add words that differ from one request to the next.
    """
    kind, name = role.split("/")
    where = "" if kind == "clusterrole" else f" --namespace={namespace}"
    if re.search(rf'\b{kind}\.rbac\.authorization\.k8s\.io "{re.escape(name)}" not found', refusal):
        command = f"kubectl create {kind} {name}{where} --verb=get --resource=secrets,configmaps"
        return (
            f"{_KINDS[kind]} '{name}' is bound in namespace '{namespace}' but does not exist; to create it: {command}"
        )
    found = _USER.search(refusal)
    account, subject = _account(found[1]) if found else ("the operator", "--serviceaccount=NAMESPACE:NAME")
    command = f"kubectl create rolebinding {name} -n {namespace} --{kind}={name} {subject}"
    return f"{account} needs {_KINDS[kind]} '{name}' in namespace '{namespace}'; to grant it: {command}"


def _account(user: str) -> tuple[str, str]:
    """Return the account as text, and as a flag of `kubectl create rolebinding`."""
    if account := re.fullmatch(r"system:serviceaccount:([^:]+):([^:]+)", user):
        return f"ServiceAccount '{account[1]}/{account[2]}'", f"--serviceaccount={account[1]}:{account[2]}"
    return f"user '{user}'", shlex.quote(f"--user={user}")
