"""deploy/no-secrets: the API server refuses values that look like credentials, where CEL reaches and costs allow it."""

import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from assistant_operator.api.credentials import FORMATS
from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.documentation.admission import ADVICE, MOST_CHARACTERS, MOST_CHARACTERS_OF_SHORT, MOST_ITEMS, MOST_LEVELS
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.credentials import CREDENTIALS, NEAR_MISSES
from harness.support.histories import a_workspace
from harness.support.workspace import API_VERSION, Json

ROOT = Path(__file__).parents[2]
KIND = {"apiVersion": API_VERSION, "kind": "Assistant"}
APPLY = "application/apply-patch+yaml"
JSON_PATCH = "application/json-patch+json"
TOKEN, OTHER = CREDENTIALS["a GitHub token"], CREDENTIALS["a GitLab token"]
PREFIXES = " ".join(prefix for each in FORMATS for prefix in each.prefixes)
OPT_OUT = "assistant-operator.dev/no-secrets"


@pytest.fixture(scope="module")
def guarded(installed: ControlPlane) -> Iterator[Workspace]:
    """A namespace of a cluster in which the policy is in force."""
    folder = str(ROOT / "deploy/no-secrets")
    installed.kubectl("apply", "--server-side", "-k", folder)
    with a_workspace(installed) as workspace:
        eventually(lambda: create(workspace, context={"key": TOKEN})[0] == 422)
        yield workspace
    installed.kubectl("delete", "-k", folder)


def create(workspace: Workspace, kind: str = "Assistant", name: str = "", **spec: Any) -> tuple[int, Any]:
    """The answer to the creation of an object; without a name it is only tried."""
    spec = spec if kind == "Graph" else {"graphRef": {"name": "support"}, **spec}
    meta = {"name": name or f"tried-{secrets.token_hex(4)}"}
    path = workspace.path(f"{kind.lower()}s") + ("" if name else "?dryRun=All")
    body = {"apiVersion": API_VERSION, "kind": kind, "metadata": meta, "spec": spec}
    return workspace.client.ask("POST", path, body)


def patch(workspace: Workspace, name: str, body: Any, content_type: str = MERGE, query: str = "") -> tuple[int, Any]:
    return workspace.client.ask("PATCH", workspace.path("assistants", name) + query, body, content_type)


def refused_at(answer: tuple[int, Any]) -> list[str]:
    """The places that a refusal names. No refusal has a credential in it."""
    status, told = answer
    assert (status, told["reason"]) == (422, "Invalid"), told
    assert [each for each in CREDENTIALS.values() if each in str(told)] == []
    message = told["message"].partition(" denied request: ")[2]
    named, colon, advice = message.partition(": ")
    assert (colon, advice) == (": ", ADVICE)
    return [each.partition(" contains what looks like ")[0] for each in named.split("; ")]


def assert_admitted(answer: tuple[int, Any]) -> None:
    status, told = answer
    assert status in {200, 201}, told


@pytest.fixture
def leaky(guarded: Workspace) -> str:
    """An Assistant with a credential in it from before the policy was installed."""
    name = f"leaky-{secrets.token_hex(4)}"
    opt_out(guarded, "disabled")
    eventually(lambda: create(guarded, context={"key": TOKEN})[0] == 201)
    guarded.assistant(name, context={"key": TOKEN, "prompt": "one"})
    opt_out(guarded, None)
    eventually(lambda: create(guarded, context={"key": TOKEN})[0] == 422)
    return name


def opt_out(workspace: Workspace, value: str | None) -> None:
    label = {"metadata": {"labels": {OPT_OUT: value}}}
    workspace.client.demand("PATCH", f"/api/v1/namespaces/{workspace.namespace}", label, MERGE)


def test_the_policy_has_no_expression_that_the_api_server_warns_of(guarded: Workspace) -> None:
    path = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies/no-secrets.assistant-operator.dev"

    def checked() -> bool:
        found = guarded.client.demand("GET", path)
        return bool(found.get("status", {}).get("observedGeneration") == found["metadata"]["generation"])

    eventually(checked)
    assert guarded.client.demand("GET", path)["status"]["typeChecking"] == {}


@pytest.mark.parametrize(("name", "text"), CREDENTIALS.items(), ids=CREDENTIALS.keys())
def test_a_credential_is_refused_and_its_kind_named(guarded: Workspace, name: str, text: str) -> None:
    for content in (text, f"Use '{text}'.", {"in": [f"one\n{text}"]}):
        answer = create(guarded, context={"key": content})
        assert refused_at(answer) == ["/context/key"]
        kind = answer[1]["message"].partition(" contains what looks like ")[2].partition(":")[0]
        assert name.startswith(kind)


@pytest.mark.parametrize("text", NEAR_MISSES.values(), ids=NEAR_MISSES.keys())
def test_what_only_resembles_a_credential_is_admitted(guarded: Workspace, text: str) -> None:
    assert_admitted(create(guarded, context={"prompt": text, "in": [{"a": text}]}, metadata={"a": text}))


@pytest.mark.parametrize(
    ("kind", "spec", "places"),
    [
        pytest.param("Assistant", {"displayName": TOKEN}, ["/displayName"], id="displayName"),
        pytest.param("Assistant", {"description": TOKEN}, ["/description"], id="description"),
        pytest.param("Assistant", {"metadata": {"a": TOKEN}}, ["/metadata/a"], id="metadata"),
        pytest.param("Assistant", {"config": {"tags": ["a", TOKEN]}}, ["/config/tags"], id="tags"),
        pytest.param(
            "Assistant", {"config": {"configurable": {"a": TOKEN}}}, ["/config/configurable/a"], id="configurable"
        ),
        pytest.param("Assistant", {"context": {"a/b~c": TOKEN}}, ["/context/a~1b~0c"], id="a key that is escaped"),
        pytest.param("Assistant", {"context": {TOKEN: 1}}, ["/context"], id="a key that is a credential"),
        pytest.param("Assistant", {"context": {TOKEN: OTHER}}, ["/context", "/context"], id="a key and its value"),
        pytest.param("Assistant", {"context": {rf"x\n{TOKEN}": 1}}, ["/context"], id="a key that is quoted"),
        pytest.param("Assistant", {"context": {"a": {TOKEN: 1}}}, ["/context/a"], id="a key below another"),
        pytest.param(
            "Assistant",
            {"context": {"a": TOKEN}, "metadata": {"b": OTHER}},
            ["/context/a", "/metadata/b"],
            id="two credentials in two places",
        ),
        pytest.param("Graph", {"defaults": {"context": {"a": TOKEN}}}, ["/defaults/context/a"], id="defaults"),
        pytest.param("Graph", {"defaults": {"description": TOKEN}}, ["/defaults/description"], id="their description"),
    ],
)
def test_each_field_is_searched(guarded: Workspace, kind: str, spec: Json, places: list[str]) -> None:
    assert sorted(refused_at(create(guarded, kind, **spec))) == places


@pytest.mark.parametrize(
    ("kind", "spec"),
    [
        pytest.param("Graph", {}, id="a Graph without defaults"),
        pytest.param("Graph", {"defaults": {}, "description": "x"}, id="a Graph with empty defaults"),
        pytest.param("Assistant", {}, id="an Assistant without content"),
        pytest.param("Assistant", {"context": {}, "config": {}, "metadata": {}}, id="empty content"),
        pytest.param(
            "Assistant",
            {"context": {"a": None, "b": [None, True, 1, 0.5, -(2**53), {}, []]}},
            id="what is no text",
        ),
    ],
)
def test_what_has_no_text_is_admitted(guarded: Workspace, kind: str, spec: Json) -> None:
    assert_admitted(create(guarded, kind, **spec))


def test_a_graph_whose_spec_is_null_is_admitted(guarded: Workspace) -> None:
    body = {"apiVersion": API_VERSION, "kind": "Graph", "metadata": {"name": "null"}, "spec": None}
    path = f"{guarded.path('graphs', 'null')}?fieldManager=a&dryRun=All"
    assert_admitted(guarded.client.ask("PATCH", path, body, APPLY))


# How deep, how much


def nested(levels: int) -> Any:
    content: Any = TOKEN
    for level in range(levels):
        content = [content] if level % 2 else {"a": content}
    return content


def test_a_value_is_searched_to_sixteen_levels(guarded: Workspace) -> None:
    assert MOST_LEVELS == 16
    for levels in range(17):
        assert refused_at(create(guarded, context={"key": nested(levels)})) == ["/context/key"]
    for levels in (17, 400):
        assert_admitted(create(guarded, context={"key": nested(levels)}))
        assert refused_at(create(guarded, context={"key": nested(levels), "other": TOKEN})) == ["/context/other"]


def test_lists_and_objects_are_searched_up_to_five_hundred_items(guarded: Workspace) -> None:
    assert MOST_ITEMS == 500
    for count, admitted in ((499, False), (500, True)):
        crowd = [*map(str, range(count)), TOKEN]
        for spec in (
            {"context": {"list": crowd}},
            {"context": {"object": {each: each for each in crowd}}},
            {"context": {f"key{index}": each for index, each in enumerate(crowd)}},
        ):
            assert create(guarded, **spec)[0] == (201 if admitted else 422)


def mentions(characters: int) -> str:
    """A prompt that mentions the prefix of every format: nothing costs more."""
    text = f"Never repeat any of {PREFIXES} to a customer. "
    return (text * (characters // len(text) + 1))[:characters]


@pytest.mark.parametrize("characters", [10_000, MOST_CHARACTERS - 1_000, MOST_CHARACTERS + 1_000, 900_000, 1_400_000])
def test_the_longest_prompt_is_admitted_and_a_short_value_beside_it_searched(
    guarded: Workspace, characters: int
) -> None:
    prompt = mentions(characters)
    assert_admitted(create(guarded, context={"prompt": prompt}))
    assert refused_at(create(guarded, context={"prompt": prompt, "key": TOKEN})) == ["/context/key"]


def test_a_credential_is_found_in_long_text_up_to_a_limit(guarded: Workspace) -> None:
    prompt = mentions(MOST_CHARACTERS - 1_000)
    assert refused_at(create(guarded, context={"prompt": f"{prompt} {TOKEN}"})) == ["/context/prompt"]
    assert_admitted(create(guarded, context={"prompt": f"{mentions(MOST_CHARACTERS)} {TOKEN}"}))


def test_many_long_values_are_within_the_cost_limits(guarded: Workspace) -> None:
    texts = {f"key{index}": mentions(MOST_CHARACTERS_OF_SHORT - 100) for index in range(60)}
    assert_admitted(create(guarded, context=texts))
    few = dict(list(texts.items())[:30])
    assert_admitted(create(guarded, context=few))
    assert refused_at(create(guarded, context={**few, "key": TOKEN})) == ["/context/key"]


def test_what_would_cost_too_much_is_admitted(guarded: Workspace) -> None:
    for content in ([list(range(400))] * 400, [{"a": 1}] * 100_000, list(range(200_000))):
        assert_admitted(create(guarded, context={"data": content}))


# Edits


def test_an_edit_is_refused_however_it_is_sent(guarded: Workspace) -> None:
    guarded.assistant("edited", context={"prompt": "one"})
    merge = {"spec": {"context": {"key": TOKEN}}}
    applied = {**KIND, "spec": {"graphRef": {"name": "support"}, **merge["spec"]}}
    operation = [{"op": "add", "path": "/spec/context/key", "value": TOKEN}]
    live = guarded.client.demand("GET", guarded.path("assistants", "edited"))
    live["spec"]["context"]["key"] = TOKEN
    for answer in (
        patch(guarded, "edited", merge),
        patch(guarded, "edited", merge, query="?dryRun=All"),
        patch(guarded, "edited", operation, JSON_PATCH),
        patch(guarded, "edited", applied, APPLY, "?fieldManager=a&force=true"),
        patch(guarded, "applied", {**applied, "metadata": {"name": "applied"}}, APPLY, "?fieldManager=a"),
        guarded.client.ask("PUT", guarded.path("assistants", "edited"), live),
    ):
        assert refused_at(answer) == ["/context/key"]
    assert (guarded.get("assistants", "edited") or {})["spec"]["context"] == {"prompt": "one"}
    assert guarded.get("assistants", "applied") is None


@pytest.mark.parametrize(
    "body",
    [
        pytest.param({"spec": {"versioning": {"activeVersion": 1}}}, id="a pin"),
        pytest.param({"spec": {"suspend": True}}, id="a suspension"),
        pytest.param({"spec": {"context": {"prompt": "two"}}}, id="an edit of another key"),
        pytest.param({"spec": {"metadata": {"team": "shop"}}}, id="an edit of another field"),
        pytest.param({"spec": {"context": {"key": None}}}, id="the removal of the credential"),
        pytest.param({"spec": {"context": {"key": "from the environment"}}}, id="its replacement"),
        pytest.param({"metadata": {"labels": {"a": "b"}}}, id="a label"),
        pytest.param({"metadata": {"annotations": {"a": TOKEN}}}, id="an annotation, which no version keeps"),
    ],
)
def test_who_has_a_credential_in_an_assistant_already_is_not_locked_out(
    guarded: Workspace, leaky: str, body: Json
) -> None:
    assert_admitted(patch(guarded, leaky, body))


def test_an_old_credential_may_stay_when_it_is_applied_again(guarded: Workspace, leaky: str) -> None:
    spec = {"graphRef": {"name": "support"}, "context": {"key": TOKEN, "prompt": "three"}}
    body = {**KIND, "spec": spec}
    assert_admitted(patch(guarded, leaky, body, APPLY, "?fieldManager=gitops&force=true"))


@pytest.mark.parametrize(
    ("body", "places"),
    [
        pytest.param({"spec": {"context": {"key": OTHER}}}, ["/context/key"], id="by another credential"),
        pytest.param({"spec": {"context": {"key": {"a": TOKEN}}}}, ["/context/key"], id="by the same, further inside"),
        pytest.param({"spec": {"metadata": {"key": TOKEN}}}, ["/metadata/key"], id="and copied elsewhere"),
    ],
)
def test_an_old_credential_may_not_be_replaced(guarded: Workspace, leaky: str, body: Json, places: list[str]) -> None:
    assert refused_at(patch(guarded, leaky, body)) == places


def test_it_can_be_deleted_with_a_finalizer_in_its_way(guarded: Workspace, leaky: str) -> None:
    assert_admitted(patch(guarded, leaky, {"metadata": {"finalizers": ["example.com/wait"]}}))
    guarded.delete("assistants", leaky)
    assert_admitted(patch(guarded, leaky, {"metadata": {"finalizers": None}}))
    assert guarded.get("assistants", leaky) is None


def test_other_namespaces_can_be_left_out(guarded: Workspace, workspace: Workspace) -> None:
    assert create(workspace, context={"key": TOKEN})[0] == 422
    opt_out(workspace, "disabled")
    eventually(lambda: create(workspace, context={"key": TOKEN})[0] == 201)
    assert create(guarded, context={"key": TOKEN})[0] == 422


# With the operator


def test_the_operator_records_what_was_there_before(guarded: Workspace, leaky: str, operator: OperatorProcess) -> None:
    """The policy does not apply to versions, so the history has no gap, and the condition reports the credential."""
    eventually(lambda: guarded.condition(leaky, "SecretSuspected").get("status") == "True")
    assert_admitted(patch(guarded, leaky, {"spec": {"context": {"prompt": "two"}}}))
    versions = guarded.until_versions(2, leaky)
    assert [each["spec"]["snapshot"]["context"]["key"] for each in versions] == [TOKEN, TOKEN]
    assert_admitted(patch(guarded, leaky, {"spec": {"context": {"key": None}}}))
    guarded.until_versions(3, leaky)
    guarded.until_active(3, leaky)
    assert guarded.condition(leaky, "SecretSuspected") == {}
    assert_admitted(patch(guarded, leaky, {"spec": {"versioning": {"activeVersion": 1}}}))
    guarded.until_active(1, leaky)


def test_a_default_assistant_follows_its_graph(guarded: Workspace, operator: OperatorProcess) -> None:
    guarded.graph("led", defaults={"context": {"prompt": "one"}})
    guarded.until_ready("led")
    guarded.edit("led", "graphs", defaults={"context": {"prompt": "two"}})
    guarded.until_versions(2, "led")


def test_a_default_assistant_with_an_old_credential_is_refused_by_path(
    guarded: Workspace, operator: OperatorProcess
) -> None:
    opt_out(guarded, "disabled")
    eventually(lambda: create(guarded, context={"key": TOKEN})[0] == 201)
    guarded.graph("old", defaults={"context": {"key": TOKEN}}, defaultAssistant={"policy": "None"})
    opt_out(guarded, None)
    eventually(lambda: create(guarded, context={"key": TOKEN})[0] == 422)
    guarded.edit("old", "graphs", defaultAssistant={"policy": "Create"})
    guarded.until_not_ready("DefaultAssistantRefused", "old", "graphs")
    message = guarded.condition("old", "Ready", "graphs")["message"]
    assert "/context/key contains what looks like a GitHub token" in message
    assert TOKEN not in message
    guarded.edit("old", "graphs", defaults={"context": {"key": None}})
    guarded.until_ready("old", "graphs")
