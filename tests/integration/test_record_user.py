"""deploy/record-user: the API server writes who made an edit, and versions and activations name that user."""

import json
import os
import secrets
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE, Client
from harness.support.histories import OPERATOR, WRITES, a_workspace, assert_history
from harness.support.walk import comes_to, complaints, marks
from harness.support.webhook import PatchingWebhook
from harness.support.workspace import API_VERSION

ROOT = Path(__file__).parents[2]
POLICY = str(ROOT / "deploy/record-user")
BY = "assistant-operator.dev/changed-by"
CAUSE = "assistant-operator.dev/change-cause"
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
ARGO = ("argocd", "argocd-application-controller")
Json = dict[str, Any]


@dataclass(frozen=True)
class Person:
    """A user whom the API server authenticates by a token."""

    name: str
    kubeconfig: Path
    workspace: Workspace

    @property
    def client(self) -> Client:
        return Client(self.kubeconfig)

    def patch(self, name: str, body: Any, content_type: str = MERGE, query: str = "", below: str = "") -> Json:
        path = f"{self.workspace.path('assistants', name)}{below}{query}"
        changed: Json = self.client.demand("PATCH", path, body, content_type)
        return changed

    def create(self, name: str, meta: Json | None = None, **spec: Any) -> Json:
        body = an_assistant(name, meta, **spec)
        made: Json = self.client.demand("POST", self.workspace.path("assistants"), body)
        return made

    def prompt(self, name: str, prompt: object, **annotations: str) -> Json:
        return self.patch(name, {"metadata": {"annotations": annotations}, "spec": {"context": {"prompt": prompt}}})

    def kubectl(self, *arguments: str, text: str | None = None) -> str:
        plane = self.workspace.plane
        return plane.kubectl(*arguments, input=text, kubeconfig=self.kubeconfig).stdout


def an_assistant(name: str, meta: Json | None = None, **spec: Any) -> Json:
    told = {"graphRef": {"name": "support"}, **spec}
    return {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": {"name": name, **(meta or {})}, "spec": told}


def forged(by: str | None = "eve") -> Json:
    return {"annotations": {BY: by}}


@pytest.fixture(scope="module")
def place(installed: ControlPlane) -> Iterator[Workspace]:
    """A namespace in which the policy has taken effect; two Assistants are older than the policy."""
    with a_workspace(installed) as workspace:
        workspace.assistant("older")
        workspace.assistant("forged-before")
        workspace.patch("assistants", "forged-before", {"metadata": forged()})
        installed.kubectl("apply", "-k", POLICY)
        try:
            edits = iter(range(10_000))
            eventually(lambda: BY in annotations(edited(workspace, next(edits))))
            workspace.delete("assistants", "older")
            yield workspace
        finally:
            installed.kubectl("delete", "-k", POLICY)


def edited(workspace: Workspace, prompt: int) -> Json | None:
    """None if it is refused: the policy needs the kind, which the API server knows a moment after its definition."""
    body = {"spec": {"context": {"prompt": prompt}}}
    status, changed = workspace.client.ask("PATCH", workspace.path("assistants", "older"), body, MERGE)
    return changed if status == 200 else None


def person(place: Workspace, name: str, home: str = "") -> Person:
    """A ServiceAccount with the role *edit* in that namespace."""
    home = home or place.namespace
    account = f"{home}:{name}"
    place.plane.kubectl("create", "serviceaccount", name, f"-n{home}")
    role = ["--clusterrole=edit", f"--serviceaccount={account}", f"-n{place.namespace}"]
    place.plane.kubectl("create", "rolebinding", name, *role)
    kubeconfig = place.plane.kubeconfig_for(home, name)
    eventually(lambda: Client(kubeconfig).ask("GET", place.path("assistants"))[0] == 200)
    return Person(f"system:serviceaccount:{account}", kubeconfig, place)


@pytest.fixture(scope="module")
def alice(place: Workspace) -> Person:
    return person(place, "alice")


@pytest.fixture(scope="module")
def bob(place: Workspace) -> Person:
    return person(place, "bob")


@pytest.fixture
def recording(place: Workspace, operator_kubeconfig: Path, tmp_path: Path) -> Iterator[OperatorProcess]:
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log", "--record-user") as process:
        yield process
        assert complaints(process) == []


def annotations(found: Json | None) -> Json:
    return dict((found or {"metadata": {}})["metadata"].get("annotations") or {})


def changed_by(place: Workspace, name: str) -> object:
    return annotations(place.get("assistants", name)).get(BY)


def users(place: Workspace, name: str) -> list[object]:
    return [each["spec"]["change"].get("user") for each in place.versions(name)]


def activations(place: Workspace, name: str) -> list[tuple[object, ...]]:
    """Number, user and cause, newest first."""
    told = place.status(name).get("activations", ())
    return [(each["number"], each.get("user"), each.get("cause")) for each in told]


def test_versions_and_activations_name_the_user_of_each_edit(
    place: Workspace, alice: Person, bob: Person, recording: OperatorProcess
) -> None:
    alice.create("bot", context={"prompt": "one"})
    place.until_active(1, "bot")
    bob.prompt("bot", "two", **{CAUSE: "legal asked for it"})
    place.until_active(2, "bot")
    alice.patch(
        "bot", {"metadata": {"annotations": {CAUSE: "it is wrong"}}, "spec": {"versioning": {"activeVersion": 1}}}
    )
    place.until_active(1, "bot")
    bob.prompt("bot", "three")
    place.until_versions(3, "bot")
    bob.patch("bot", {"spec": {"versioning": {"activeVersion": None}}})
    place.until_active(3, "bot")
    assert users(place, "bot") == [alice.name, bob.name, bob.name]
    assert activations(place, "bot") == [
        (3, bob.name, None),
        (1, alice.name, "it is wrong"),
        (2, bob.name, "legal asked for it"),
        (1, alice.name, None),
    ]


def test_a_user_is_shown_by_kubectl_and_the_plugin(place: Workspace, alice: Person, recording: OperatorProcess) -> None:
    alice.create("shown")
    place.until_active(1, "shown")
    comes_to(lambda: marks(place, "shown"), {1: "VA"})
    table = alice.kubectl("get", "asstv", "shown-v1").splitlines()
    assert table[1].split()[table[0].split().index("BY")] == alice.name
    listed = plugin(alice, "history", "shown").splitlines()
    assert listed[1].split()[listed[0].split().index("BY")] == alice.name
    page = plugin(alice, "history", "shown", "--revision=1")
    assert f"Change:   Created, by {alice.name} with " in page


def plugin(person: Person, *arguments: str) -> str:
    command = [sys.executable, "-m", "assistant_operator.kubectl", *arguments, f"-n{person.workspace.namespace}"]
    environment = os.environ | {"KUBECONFIG": str(person.kubeconfig)}
    return subprocess.run(command, capture_output=True, text=True, check=True, env=environment).stdout


def test_argo_cd_is_named_by_its_service_account(place: Workspace, alice: Person, recording: OperatorProcess) -> None:
    home, name = ARGO
    place.plane.kubectl("create", "namespace", home)
    argo = person(place, name, home)
    alice.create("synced", context={"prompt": "one"})
    manifest = an_assistant("synced", context={"prompt": "two"})
    argo.patch("synced", manifest, APPLY, "?fieldManager=argocd-controller&force=true")
    (_, second) = place.until_versions(2, "synced")
    assert second["spec"]["change"]["manager"] == "argocd-controller"
    assert users(place, "synced") == [alice.name, "system:serviceaccount:argocd:argocd-application-controller"]


def test_an_impersonated_user_is_the_user(place: Workspace, recording: OperatorProcess) -> None:
    who = ["--as=jane@example.com", "--as-group=system:masters", f"-n{place.namespace}"]
    place.plane.kubectl("create", "-f-", *who, input=json.dumps(an_assistant("imitated")))
    place.until_active(1, "imitated")
    assert users(place, "imitated") == ["jane@example.com"]


def test_the_operator_is_the_user_of_the_default_assistants(place: Workspace, recording: OperatorProcess) -> None:
    place.graph("led", defaults={"context": {"prompt": "one"}})
    place.until_active(1, "led")
    place.edit("led", "graphs", defaults={"context": {"prompt": "two"}})
    place.until_active(2, "led")
    assert users(place, "led") == [OPERATOR, OPERATOR]
    assert activations(place, "led") == [(2, OPERATOR, None), (1, OPERATOR, None)]


def test_edits_made_while_no_operator_runs_name_their_users(
    place: Workspace, alice: Person, bob: Person, recording: OperatorProcess
) -> None:
    alice.create("recovered", context={"prompt": 0})
    place.until_active(1, "recovered")
    recording.kill()
    people = [alice, bob, bob, alice, bob]
    for prompt, author in enumerate(people, 1):
        author.prompt("recovered", prompt)
        place.patch("assistants", "recovered", {"metadata": {"labels": {"edit": str(prompt)}}})
    recording.start()
    assert_history(place.until_versions(6, "recovered"), range(6), "recovered")
    assert users(place, "recovered") == [alice.name, *(each.name for each in people)]
    place.until_active(6, "recovered")
    assert activations(place, "recovered")[0] == (6, bob.name, None)


def test_a_pin_made_while_no_operator_runs_names_its_user(
    place: Workspace, alice: Person, bob: Person, recording: OperatorProcess
) -> None:
    alice.create("pinned", context={"prompt": "one"})
    alice.prompt("pinned", "two")
    place.until_active(2, "pinned")
    recording.kill()
    bob.patch("pinned", {"spec": {"versioning": {"activeVersion": 1}}})
    recording.start()
    place.until_active(1, "pinned")
    assert activations(place, "pinned")[0] == (1, bob.name, None)


def test_an_edit_costs_one_version_and_one_status(place: Workspace, alice: Person, recording: OperatorProcess) -> None:
    """A dry run is no write, and there is one a minute in a namespace."""
    alice.create("cheap", context={"prompt": 0})
    place.until_active(1, "cheap")
    comes_to(lambda: users(place, "cheap"), [alice.name])
    _, position = place.plane.audit_since()
    for prompt in range(1, 4):
        alice.prompt("cheap", prompt)
        place.until_active(prompt + 1, "cheap")
    entries = [each for each in place.plane.audit_since(position)[0] if each["user"].get("username") == OPERATOR]
    about = [each for each in entries if each["verb"] in WRITES and each["objectRef"]["resource"] == "assistants"]
    versions = [each for each in entries if each["verb"] == "create" and "versions" in each["objectRef"]["resource"]]
    assert [each["objectRef"].get("subresource") for each in about] == ["status"] * 3
    assert len(versions) == 3


def test_without_the_flag_the_annotation_is_ignored(
    place: Workspace, alice: Person, operator_kubeconfig: Path, tmp_path: Path
) -> None:
    with OperatorProcess(operator_kubeconfig, tmp_path / "operator.log") as process:
        alice.create("ignored", context={"prompt": "one"})
        alice.prompt("ignored", "two")
        place.until_active(2, "ignored")
        assert complaints(process) == []
    assert changed_by(place, "ignored") == alice.name
    assert users(place, "ignored") == [None, None]
    assert {user for _, user, _ in activations(place, "ignored")} == {None}


SPEC = {"spec": {"context": {"prompt": "changed"}}}


@pytest.mark.parametrize(
    ("body", "content_type", "below", "is_edit"),
    [
        pytest.param({"metadata": forged()}, MERGE, "", False, id="another name"),
        pytest.param({"metadata": forged(None)}, MERGE, "", False, id="no name"),
        pytest.param({"metadata": forged("")}, MERGE, "", False, id="an empty name"),
        pytest.param({"metadata": {"annotations": None}}, MERGE, "", False, id="no annotations"),
        pytest.param({"metadata": {"labels": {"a": "b"}}}, MERGE, "", False, id="a label"),
        pytest.param({"metadata": forged(), **SPEC}, MERGE, "", True, id="another name with an edit"),
        pytest.param({"metadata": forged(None), **SPEC}, MERGE, "", True, id="no name with an edit"),
        pytest.param(
            [{"op": "add", "path": f"/metadata/annotations/{BY.replace('/', '~1')}", "value": "eve"}],
            JSON_PATCH,
            "",
            False,
            id="a JSON patch",
        ),
        pytest.param({"metadata": forged(), "status": {"latestVersion": 9}}, MERGE, "/status", False, id="the status"),
        pytest.param({"spec": {"versioning": {"activeVersion": 1}}}, MERGE, "", True, id="a pin is an edit too"),
        pytest.param({"spec": {"context": {"n": 9007199254740992}}}, MERGE, "", True, id="a great number"),
        pytest.param({"spec": {"context": {"n": True}}}, MERGE, "", True, id="another type"),
        pytest.param({"spec": {"metadata": {}}}, MERGE, "", True, id="empty in place of absent"),
    ],
)
def test_no_other_name_can_be_written(
    place: Workspace, alice: Person, bob: Person, body: Any, content_type: str, below: str, *, is_edit: bool
) -> None:
    name = f"sly-{secrets.token_hex(4)}"
    alice.create(name, context={"n": 9007199254740993})
    writer = Person("", place.plane.admin_kubeconfig, place) if below else bob
    writer.patch(name, body, content_type, below=below)
    assert changed_by(place, name) == (bob.name if is_edit else alice.name)


def test_who_creates_or_replaces_an_assistant_is_its_user(place: Workspace, alice: Person, bob: Person) -> None:
    alice.create("born", forged())
    assert changed_by(place, "born") == alice.name
    bob.client.demand("PUT", place.path("assistants", "born"), replacement(place, "born"))
    assert changed_by(place, "born") == alice.name, "the same spec"
    bob.client.demand("PUT", place.path("assistants", "born"), replacement(place, "born", description="new"))
    assert changed_by(place, "born") == bob.name


def replacement(place: Workspace, name: str, **spec: Any) -> Json:
    held = place.get("assistants", name) or {}
    meta = {"resourceVersion": held["metadata"]["resourceVersion"], **forged()}
    return {**an_assistant(name, meta), "spec": {**held["spec"], **spec}}


def test_what_was_written_before_the_policy_stays_until_the_next_edit(place: Workspace, alice: Person) -> None:
    """The policy cannot know who made an earlier edit."""
    assert changed_by(place, "forged-before") == "eve"
    alice.patch("forged-before", {"metadata": forged("mallory")})
    assert changed_by(place, "forged-before") == "eve"
    alice.prompt("forged-before", "new")
    assert changed_by(place, "forged-before") == alice.name


AWKWARD = {
    "integers": [9007199254740993, 9223372036854775807, -1, 0],
    "fraction": 0.1,
    "great": 1e300,
    "empty": {"": None, "a": {}, "b": [], "c": ""},
    "a.b/c~d": "{{ }} <&> \x00 \u2028 é 😀",
    "long": "x" * 100_000,
}


def test_the_policy_changes_nothing_else(place: Workspace, alice: Person) -> None:
    made = alice.create("awkward", {"labels": {"a": "b"}}, context=AWKWARD)
    assert made["spec"]["context"] == AWKWARD
    assert made["metadata"]["annotations"] == {BY: alice.name}
    assert made["metadata"]["labels"] == {"a": "b"}
    assert BY not in json.dumps(made["metadata"]["managedFields"]), "no field manager owns it"


@pytest.mark.parametrize("how", [[], ["--server-side"]], ids=["client-side", "server-side"])
@pytest.mark.parametrize("meta", [{}, forged()], ids=["as usual", "with a forged name in the manifest"])
def test_applying_the_same_again_changes_nothing(
    place: Workspace, alice: Person, bob: Person, how: list[str], meta: Json
) -> None:
    name = f"applied-{secrets.token_hex(4)}"
    manifest = json.dumps(an_assistant(name, meta, context={"prompt": "one", "n": 9007199254740993, "f": 0.1}))

    def version() -> str:
        return str((place.get("assistants", name) or {})["metadata"]["resourceVersion"])

    # The second server-side apply of an Assistant writes it once more, with and without the policy.
    for author in (alice, bob):
        author.kubectl("apply", *how, "--field-manager=ci", "-f-", text=manifest)
    before = version()
    for author in (alice, bob):
        author.kubectl("apply", *how, "--field-manager=ci", "-f-", text=manifest)
        assert author.kubectl("diff", *how, "--field-manager=ci", "-f-", text=manifest) == ""
    assert version() == before
    assert changed_by(place, name) == alice.name
    changed = manifest.replace("one", "two")
    bob.kubectl("apply", *how, "--field-manager=ci", "-f-", text=changed)
    assert changed_by(place, name) == bob.name
    assert alice.kubectl("diff", *how, "--field-manager=ci", "-f-", text=changed) == ""


def test_whose_request_makes_a_webhook_change_the_spec_is_its_user(
    place: Workspace, alice: Person, bob: Person
) -> None:
    """The webhook comes after the policy, which is therefore evaluated again."""
    name, plane = "rewriter", place.plane
    alice.create(name)
    patch: list[Json] = [
        {"op": "add", "path": "/spec/description", "value": "by a webhook"},
        {"op": "add", "path": "/metadata/annotations", "value": {BY: "eve"}},
    ]
    rule = {"apiGroups": ["assistant-operator.dev"], "apiVersions": ["*"], "operations": ["UPDATE"]}
    with PatchingWebhook(plane, patch) as webhook:
        told = webhook.configuration(name, {**rule, "resources": ["assistants"]}, place.namespace)
        plane.kubectl("create", "-f-", input=json.dumps(told))
        try:
            eventually(lambda: bob.patch(name, {"metadata": {"labels": {"a": "b"}}})["spec"].get("description"))
            assert changed_by(place, name) == bob.name
            alice.patch(name, {"metadata": {"labels": {"a": "c"}}})
            assert changed_by(place, name) == bob.name, "the webhook changed nothing more"
        finally:
            plane.kubectl("delete", "mutatingwebhookconfiguration", name)


def test_moves_of_an_alias_name_the_user(place: Workspace, alice: Person, recording: OperatorProcess) -> None:
    assert recording.is_running
    promote = ["--clusterrole=assistant-operator-promote", f"--serviceaccount={place.namespace}:alice"]
    place.plane.kubectl("create", "rolebinding", "alice-promotes", *promote, f"-n{place.namespace}")
    alice.create("aliased", context={"prompt": "one"})
    place.until_active(1, "aliased")
    place.alias("production", "aliased", version=1)
    place.until_ready("production", "assistantaliases")
    alice.prompt("aliased", "two")
    place.until_active(2, "aliased")
    body = {"metadata": {"annotations": {CAUSE: "tested", BY: "eve"}}, "spec": {"version": 2}}
    path = place.path("assistantaliases", "production")
    eventually(lambda: alice.client.ask("PATCH", path, body, MERGE)[0] == 200)
    comes_to(lambda: place.status("production", "assistantaliases").get("version"), 2)
    newest, first = place.status("production", "assistantaliases")["moves"]
    assert (newest["user"], newest["cause"]) == (alice.name, "tested")
    assert first["user"] == "admin"
    assert annotations(place.get("assistantaliases", "production"))[BY] == alice.name
    alice.client.demand("PATCH", path, {"metadata": forged()}, MERGE)
    assert annotations(place.get("assistantaliases", "production"))[BY] == alice.name
    alice.client.demand("PATCH", path, {"spec": {"displayName": "by name"}}, MERGE)
    place.until_ready("production", "assistantaliases")
    assert place.status("production", "assistantaliases")["moves"] == [newest, first], "no move"
