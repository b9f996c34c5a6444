"""Each write of a publication is refused for good: it is told once, all else goes on, and it ends when it may.

Refused by the API server, with a policy or by RBAC, and by the LangGraph Server itself.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import pytest

from e2e.copies import FINALIZER, a_graph, content, is_held, is_published, own_id, server_versions, until_gone
from harness.controlplane import Answer, ControlPlane, FaultProxy
from harness.controlplane.faults import Request
from harness.controlplane.waiting import HEALING, eventually
from harness.langgraph_server import LangGraphServer
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.walk import comes_to, events, progress, writes

POLICIES = "/apis/admissionregistration.k8s.io/v1"
ROLE = "/apis/rbac.authorization.k8s.io/v1/clusterroles/assistant-operator"
WORDS = "not in this quarter"
NO_EFFECT = "the write was accepted and had no effect"
OLD, NEW = (
    f"(has({each}.metadata.finalizers) && '{FINALIZER}' in {each}.metadata.finalizers)"
    for each in ("oldObject", "object")
)

pytestmark = pytest.mark.usefixtures("operator")


@dataclass(frozen=True)
class Write:
    """One write to the API server, and by what it is refused."""

    resource: str
    allowed: str
    """In CEL: whether a policy lets an update pass."""
    reason: str
    """What tells of it."""
    taken_back: str
    """In CEL: the JSON patch with which a policy takes it back."""


AS_BEFORE = (
    'JSONPatch{op: "add", path: "/metadata/finalizers", '
    "value: has(oldObject.metadata.finalizers) ? oldObject.metadata.finalizers : []}"
)
WRITES = {
    "the finalizer is added": Write("assistants", f"{OLD} || !{NEW}", "FinalizerRefused", AS_BEFORE),
    "the finalizer is removed": Write("assistants", f"!{OLD} || {NEW}", "FinalizerRefused", AS_BEFORE),
    "the server's version is recorded": Write(
        "assistantversions/status",
        "!has(object.status.serverVersion)",
        "ServerVersionRefused",
        'JSONPatch{op: "remove", path: "/status/serverVersion"}',
    ),
}
Lift = Callable[[], None]


def by_policy(plane: ControlPlane, workspace: Workspace, write: Write, reason: str) -> Lift:
    """Refused in this namespace; `reason` makes the status of the answer, or has the write taken back in silence."""
    name = f"refused-{workspace.namespace}"
    rule = {
        "apiGroups": ["assistant-operator.dev"],
        "apiVersions": ["*"],
        "operations": ["UPDATE"],
        "resources": [write.resource],
    }
    where = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": workspace.namespace}}}
    policy: dict[str, Any] = {"matchConstraints": {"resourceRules": [rule]}}
    binding: dict[str, Any] = {"policyName": name, "matchResources": where}
    if reason == NO_EFFECT:
        policy |= {
            "matchConditions": [{"name": "meant", "expression": f"!({write.allowed})"}],
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": f"[{write.taken_back}]"}}],
            "reinvocationPolicy": "Never",
            "failurePolicy": "Fail",
        }
        kinds = {"mutatingadmissionpolicies": policy, "mutatingadmissionpolicybindings": binding}
    else:
        policy["validations"] = [{"expression": write.allowed, "message": WORDS, "reason": reason}]
        binding["validationActions"] = ["Deny"]
        kinds = {"validatingadmissionpolicies": policy, "validatingadmissionpolicybindings": binding}
    for kind, spec in kinds.items():
        plane.admin.create(f"{POLICIES}/{kind}", {"metadata": {"name": name}, "spec": spec})

    def lift() -> None:
        for kind in reversed(kinds):
            plane.admin.request("DELETE", f"{POLICIES}/{kind}/{name}")

    return lift


def by_role(workspace: Workspace, write: Write) -> Lift:
    """Refused everywhere: the role does not have it any more."""
    rules: list[dict[str, Any]] = workspace.client.demand("GET", ROLE)["rules"]
    fewer = [_without_patch(rule, write.resource) for rule in rules]

    def put(which: list[dict[str, Any]]) -> None:
        workspace.client.demand("PATCH", ROLE, {"rules": which}, MERGE)

    put([rule for rule in fewer if rule["resources"]])
    return partial(put, rules)


def _without_patch(rule: dict[str, Any], resource: str) -> dict[str, Any]:
    if resource not in rule["resources"] or "patch" not in rule["verbs"]:
        return rule
    if rule["resources"] == [resource]:
        return {**rule, "verbs": [each for each in rule["verbs"] if each != "patch"]}
    return {**rule, "resources": [each for each in rule["resources"] if each != resource]}


@contextmanager
def refused(plane: ControlPlane, workspace: Workspace, write: Write, how: str) -> Iterator[Lift]:
    lift = by_role(workspace, write) if how == "RBAC" else by_policy(plane, workspace, write, how)
    try:
        yield lift
    finally:
        lift()


def bites(workspace: Workspace, write: Write, how: str) -> bool:
    """Whether the policy is in force, tried in a dry run."""
    path = workspace.path("assistants", "probe") + "?dryRun=All"
    body: dict[str, Any] = {"metadata": {"finalizers": [FINALIZER]}}
    if write.resource == "assistantversions/status":
        path = workspace.path("assistantversions", "probe-v1") + "/status?dryRun=All"
        body = {"status": {"serverVersion": 1}}
    elif write is WRITES["the finalizer is removed"]:
        path, body = workspace.path("assistants", "other") + "?dryRun=All", {"metadata": {"finalizers": None}}
    answer = workspace.client.ask("PATCH", path, body, MERGE)
    if how == NO_EFFECT:
        stored = {**answer[1]["metadata"], **answer[1].get("status", {})}
        is_held = FINALIZER in stored.get("finalizers", ())
        return "serverVersion" not in stored and is_held == (write is WRITES["the finalizer is removed"])
    return WORDS in str(answer)


def warnings(workspace: Workspace, name: str, reason: str) -> list[str]:
    return [note for kind, why, note in events(workspace, name) if (kind, why) == ("Warning", reason)]


def tries(workspace: Workspace, since: int) -> int:
    """How many of the operator's writes to Assistants there were."""
    return sum(each.startswith(("patch assistants", "patch assistantversions")) for each in writes(workspace, since))


@pytest.fixture
def prepared(installed: ControlPlane, workspace: Workspace, server: LangGraphServer) -> Workspace:
    """A Graph on no server yet with what a policy is tried on, and one on the server."""
    a_graph(workspace, server.url, "served", graphId="writer")
    workspace.graph("writer", defaultAssistant={"policy": "None"})
    workspace.assistant("probe", "writer", context={"prompt": "0"})
    for name in ("gone", "other"):
        workspace.assistant(name, "served", context={"prompt": "1"})
        workspace.until_ready(name)
    workspace.until_ready("probe")
    return workspace


HOW = ["Invalid", "Forbidden", "RBAC", NO_EFFECT]


def until_refused(workspace: Workspace, write: Write, how: str) -> None:
    if how != "RBAC":
        eventually(lambda: bites(workspace, write, how))


def words(how: str) -> str:
    return {"RBAC": "cannot patch resource", NO_EFFECT: NO_EFFECT}.get(how, WORDS)


def others_go_on(workspace: Workspace, server: LangGraphServer) -> None:
    """What has its finalizer already is edited and published."""
    workspace.edit("other", context={"prompt": "2"})
    comes_to(lambda: content(server, own_id(workspace, "other")).get("context"), {"prompt": "2"})


@pytest.mark.parametrize("how", HOW)
def test_the_finalizer_cannot_be_added(
    prepared: Workspace, installed: ControlPlane, server: LangGraphServer, how: str
) -> None:
    write, workspace = WRITES["the finalizer is added"], prepared
    workspace.assistant("bot", "writer", context={"prompt": "1"})
    workspace.until_ready()
    with refused(installed, workspace, write, how) as lift:
        until_refused(workspace, write, how)
        _, since = installed.audit_since()
        workspace.edit("writer", "graphs", server={"url": server.url})
        workspace.until_not_ready(write.reason)
        for kind in ("Ready", "Published", "Stalled"):
            assert words(how) in workspace.condition("bot", kind)["message"]
        workspace.edit(context={"prompt": "2"})
        workspace.until_versions(2)
        comes_to(lambda: workspace.condition("bot").get("reason"), write.reason)
        others_go_on(workspace, server)
        assert (is_held(workspace), server.assistant(own_id(workspace))) == (False, None), "nothing is on the server"
        assert len(warnings(workspace, "bot", write.reason)) == 1
        assert tries(workspace, since) < 60
        lift()
        workspace.until_active(2, within=HEALING)
    assert is_held(workspace)
    assert content(server, own_id(workspace))["context"] == {"prompt": "2"}


@pytest.mark.parametrize("how", HOW)
def test_the_finalizer_cannot_be_removed(
    prepared: Workspace, installed: ControlPlane, server: LangGraphServer, how: str
) -> None:
    write, workspace = WRITES["the finalizer is removed"], prepared
    with refused(installed, workspace, write, how) as lift:
        until_refused(workspace, write, how)
        workspace.delete("assistants", "gone")
        workspace.until_not_ready(write.reason, "gone")
        told = workspace.condition("gone")["message"]
        assert told.startswith(f"Deletion waits: finalizer '{FINALIZER}' cannot be removed: ")
        assert words(how) in told
        assert progress(workspace, "gone") == {"Stalled"}
        assert server.assistant(own_id(workspace, "gone")) is None, "the copy is withdrawn already"
        others_go_on(workspace, server)
        assert warnings(workspace, "gone", write.reason) == [told]
        lift()
        until_gone(workspace, "gone", within=HEALING)


@pytest.mark.parametrize("how", HOW)
def test_the_servers_version_cannot_be_recorded(
    prepared: Workspace, installed: ControlPlane, server: LangGraphServer, how: str
) -> None:
    write, workspace = WRITES["the server's version is recorded"], prepared
    with refused(installed, workspace, write, how) as lift:
        until_refused(workspace, write, how)
        workspace.assistant("bot", "served", context={"prompt": "1"})
        comes_to(lambda: workspace.condition("bot", "Published").get("reason"), write.reason)
        told = workspace.condition("bot", "Published")
        assert (told["status"], words(how) in told["message"]) == ("True", True)
        assert told["message"].startswith(f"bot-v1 is published to {server.url}; serverVersion 1 cannot be written")
        assert workspace.condition("bot")["status"] == "True", "it is in force, and on the server"
        assert is_held(workspace)
        workspace.edit(context={"prompt": "2"})
        comes_to(lambda: content(server, own_id(workspace)).get("context"), {"prompt": "2"})
        eventually(lambda: is_published(workspace))
        assert set(server_versions(workspace)) == {None}
        lift()
        comes_to(lambda: server_versions(workspace)[1], 2, within=HEALING)
        comes_to(lambda: workspace.condition("bot", "Published")["reason"], "Published")
        assert workspace.condition("bot", "Published")["message"] == f"bot-v2 is published to {server.url}"
    assert len(warnings(workspace, "bot", write.reason)) <= 2, "one for each version"


@dataclass(frozen=True)
class Refusal(Answer):
    """As a LangGraph Server refuses."""

    def body(self) -> dict[str, object]:
        return {"detail": self.message}


STATUSES = {
    401: "ServerUnauthorized",
    403: "ServerUnauthorized",
    404: "PublicationRefused",
    409: "PublicationRefused",
    422: "PublicationRefused",
    500: "PublicationRefused",
}


class Refusing:
    """One server at several addresses, each of which refuses one method with another status."""

    def __init__(self, method: str, proxies: dict[int, FaultProxy]) -> None:
        self.proxies = proxies
        self.method = method

    def start(self) -> None:
        for status, proxy in self.proxies.items():
            proxy.fault = partial(self._fault, status)

    def stop(self) -> None:
        for proxy in self.proxies.values():
            proxy.fault = None

    def _fault(self, status: int, request: Request) -> Answer | None:
        is_read = request.path.endswith(("/search", "/versions"))
        return Refusal(status, "", WORDS) if request.method == self.method and not is_read else None

    def tried(self, status: int) -> int:
        return sum(self._fault(status, each) is not None for each in self.proxies[status].requests)


@contextmanager
def refusing(plane: ControlPlane, server: LangGraphServer, method: str) -> Iterator[Refusing]:
    # A DELETE that is answered with 404 is done.
    statuses = [each for each in STATUSES if (method, each) != ("DELETE", 404)]
    with ExitStack() as stack:
        proxies = {each: stack.enter_context(FaultProxy(plane, server.url, tls=False)) for each in statuses}
        yield Refusing(method, proxies)


@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE"])
def test_the_server_refuses_for_good(
    installed: ControlPlane, workspace: Workspace, server: LangGraphServer, method: str
) -> None:
    with refusing(installed, server, method) as refusals:
        names = {status: f"bot-{status}" for status in refusals.proxies}
        for status, proxy in refusals.proxies.items():
            a_graph(workspace, proxy.url, f"by-{status}", graphId="writer")
            workspace.assistant(f"other-{status}", f"by-{status}", context={"prompt": "1"})
        for status, name in names.items():
            workspace.until_ready(f"other-{status}")
            if method != "POST":
                workspace.assistant(name, f"by-{status}", context={"prompt": "1"})
        for name in names.values() if method != "POST" else ():
            workspace.until_ready(name)
        refusals.start()
        for status, name in names.items():
            trigger(workspace, method, name, f"by-{status}")
        for status, name in names.items():
            workspace.until_not_ready(STATUSES[status], name)
            assert f"{status} {WORDS}" in workspace.condition(name)["message"]
            assert progress(workspace, name) == {"Stalled"}
            comes_to(lambda status=status, name=name: len(warnings(workspace, name, STATUSES[status])), 1)  # type: ignore[misc]
            assert refusals.tried(status) < 20, "it is asked less and less"
            workspace.delete("assistants", f"other-{status}") if method == "POST" else None
        refusals.stop()
        for name in names.values():
            converges(workspace, server, method, name)


def trigger(workspace: Workspace, method: str, name: str, graph: str) -> None:
    match method:
        case "POST":
            workspace.assistant(name, graph, context={"prompt": "2"})
        case "PATCH":
            workspace.edit(name, context={"prompt": "2"})
        case "DELETE":
            workspace.delete("assistants", name)


def converges(workspace: Workspace, server: LangGraphServer, method: str, name: str) -> None:
    """Within minutes at most, without an edit."""
    if method == "DELETE":
        until_gone(workspace, name, within=HEALING)
        assert server.assistant(own_id(workspace, name)) is None
    else:
        workspace.until_ready(name, within=HEALING)
        assert content(server, own_id(workspace, name))["context"] == {"prompt": "2"}


def test_a_former_server_that_refuses_the_withdrawal_is_told_beside_the_publication(
    operator: OperatorProcess, installed: ControlPlane, workspace: Workspace, server: LangGraphServer, own_server: Any
) -> None:
    with refusing(installed, server, "DELETE") as refusals:
        former = refusals.proxies[403]
        a_graph(workspace, former.url)
        workspace.assistant("bot", "writer", context={"prompt": "1"})
        workspace.until_ready()
        refusals.start()
        workspace.edit("writer", "graphs", server={"url": own_server.url})
        told = (
            f"bot-v1 is published to {own_server.url}; the former copy on {former.url} is not withdrawn yet:"
            f" DELETE {former.url}/assistants/{own_id(workspace)}: 403 {WORDS}"
        )
        comes_to(lambda: workspace.condition("bot", "Published").get("message"), told)
        assert workspace.condition("bot")["status"] == "True"
        comes_to(lambda: len(warnings(workspace, "bot", "ServerUnauthorized")), 1)
        refusals.stop()
        eventually(lambda: server.assistant(own_id(workspace)) is None, within=HEALING)
        comes_to(lambda: workspace.condition("bot", "Published")["message"], f"bot-v1 is published to {own_server.url}")
