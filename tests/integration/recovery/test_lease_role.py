"""Leader election without the right to the Lease: it is named and waited for, and then the replica leads."""

from harness.controlplane.waiting import eventually
from harness.support import Workspace
from harness.support.workspace import Json

from .conftest import Start
from .test_definitions import readyz

BINDINGS = "/apis/rbac.authorization.k8s.io/v1/namespaces/assistant-operator/rolebindings"


def failures(exposition: str) -> float:
    name = "assistant_operator_leader_election_errors_total "
    return float(next(line for line in exposition.splitlines() if line.startswith(name)).removeprefix(name))


def test_a_missing_role_for_the_lease_is_named_and_waited_for(place: Workspace, start: Start) -> None:
    before: Json = place.client.demand("GET", f"{BINDINGS}/assistant-operator-lease")
    place.client.demand("DELETE", f"{BINDINGS}/assistant-operator-lease")
    try:
        process = start("--leader-elect", "--lease-namespace", "assistant-operator")
        place.assistant(context={"prompt": 0})
        named = "the Lease: Kubernetes refused "
        eventually(lambda: named in readyz(process)[1] and "is forbidden" in readyz(process)[1])
        eventually(lambda: failures(process.get("/metrics") or "") > 2)
        logged = process.log.read_text()
        assert logged.count("failed renewal of Lease") == 1, "told once"
    finally:
        kept = {"metadata": {"name": before["metadata"]["name"]}, "subjects": before["subjects"]}
        place.client.demand("POST", BINDINGS, {**kept, "roleRef": before["roleRef"]})
    place.until_versions(1)
    eventually(lambda: readyz(process) == (200, "ok\n"))
