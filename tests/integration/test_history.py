"""Laws 1 to 4 and 11 of history on a real API server: every change once, in order, and nothing but changes."""

import json
import secrets
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from harness.controlplane import ControlPlane
from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.client import MERGE
from harness.support.histories import a_workspace, assert_history
from harness.support.walk import until_collected

Json = dict[str, Any]
JSON_PATCH = "application/json-patch+json"
EVERY = {"historyLimit": 1000}
CAUSE, OTHER_CAUSE = "assistant-operator.dev/change-cause", "kubernetes.io/change-cause"


@pytest.fixture(scope="module")
def workspace(installed: ControlPlane) -> Iterator[Workspace]:
    with a_workspace(installed) as workspace:
        yield workspace


@pytest.fixture(scope="module", autouse=True)
def operator(
    workspace: Workspace, operator_kubeconfig: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[OperatorProcess]:
    """One for all tests here: each has an assistant of its own."""
    process = OperatorProcess(operator_kubeconfig, tmp_path_factory.mktemp("history") / "operator.log")
    with process:
        yield process
    assert " ERROR " not in process.log.read_text()


@pytest.fixture
def name() -> str:
    """An assistant's name that no other test uses."""
    return f"bot-{secrets.token_hex(4)}"


def burst(workspace: Workspace, name: str, edits: int) -> list[str]:
    """Make an assistant and edit it as fast as the API server takes it; what the prompts were."""
    prompts = [f"{name} {number}" for number in range(edits + 1)]
    workspace.assistant(name, context={"prompt": prompts[0], "model": "small"}, versioning=EVERY)
    for prompt in prompts[1:]:
        workspace.edit(name, context={"prompt": prompt})
    return prompts


def assert_settled(workspace: Workspace, name: str, count: int) -> None:
    status = workspace.until_ready(name)
    assert (status["latestVersion"], status["activeVersion"], status["versions"]) == (count, count, count)
    assert "missedGenerations" not in status


def test_two_hundred_edits_as_fast_as_they_can_be_sent_are_two_hundred_versions(workspace: Workspace) -> None:
    prompts = burst(workspace, "bot", 200)
    versions = workspace.until_versions(201)
    assert_history(versions, prompts)
    first, *others = [each["spec"]["change"] for each in versions]
    assert first == {"kind": "Created", "paths": [], "manager": "unknown"}
    assert others == [{"kind": "Edited", "paths": ["/context/prompt"], "manager": "unknown"}] * 200
    assert_settled(workspace, "bot", 201)


def test_twenty_assistants_edited_at_once_have_each_their_own_history(workspace: Workspace) -> None:
    names = [f"crowd-{number}" for number in range(20)]
    with ThreadPoolExecutor(len(names)) as threads:
        written = list(threads.map(lambda name: burst(workspace, name, 10), names))
    for name, prompts in zip(names, written, strict=True):
        assert_history(workspace.until_versions(11, name), prompts, name)
        assert_settled(workspace, name, 11)


EDITS: list[tuple[str, Any, list[str]]] = [
    ("add", ("/displayName", "Bot"), ["/displayName"]),
    ("add", ("/description", "tries things"), ["/description"]),
    ("replace", ("/context", {"prompt": "two", "tools": ["a", "b"]}), ["/context/prompt", "/context/tools"]),
    ("replace", ("/context/tools", ["b", "a"]), ["/context/tools"]),
    ("add", ("/context/a~1b", {"c~d": 1}), ["/context/a~1b"]),
    ("replace", ("/context/a~1b/c~0d", 2), ["/context/a~1b/c~0d"]),
    ("add", ("/config", {"tags": ["x"], "recursionLimit": 7}), ["/config"]),
    ("replace", ("/config/recursionLimit", 8), ["/config/recursionLimit"]),
    ("remove", ("/description", None), ["/description"]),
    ("add", ("/metadata", {"team": "one"}), ["/metadata"]),
]


def test_ten_edits_in_a_second_tell_each_where_it_changed_what(workspace: Workspace, name: str) -> None:
    workspace.assistant(name, context={"prompt": "one"})
    for operation, (path, value), _ in EDITS:
        change = [{"op": operation, "path": f"/spec{path}", "value": value}]
        workspace.patch("assistants", name, change, JSON_PATCH)
    versions = workspace.until_versions(11, name)
    assert [each["spec"]["change"]["paths"] for each in versions] == [[], *(paths for *_, paths in EDITS)]
    assert [each["spec"]["number"] for each in versions] == list(range(1, 12))


def test_content_that_comes_back_is_reverted_to_the_newest_of_its_like(workspace: Workspace, name: str) -> None:
    workspace.assistant(name, context={"prompt": "A"})
    for prompt in ("B", "A", "B", "C", "A"):
        workspace.edit(name, context={"prompt": prompt})
    versions = workspace.until_versions(6, name)
    assert_history(versions, "ABABCA", name)
    changes = [each["spec"]["change"] for each in versions]
    assert [change["kind"] for change in changes] == ["Created", "Edited", "Reverted", "Reverted", "Edited", "Reverted"]
    assert [change.get("sameAs") for change in changes] == [None, None, 1, 2, None, 3]


def labelled(workspace: Workspace, name: str) -> None:
    workspace.patch("assistants", name, {"metadata": {"labels": {"a": "b"}}})


def annotated(workspace: Workspace, name: str) -> None:
    workspace.patch("assistants", name, {"metadata": {"annotations": {"a": "b", CAUSE: "no reason"}}})


def spec(**fields: Any) -> Callable[[Workspace, str], None]:
    return lambda workspace, name: void(workspace.edit(name, **fields))


def applied(text: str, *flags: str) -> Callable[[Workspace, str], None]:
    """The same content in other words, by kubectl apply."""

    def apply(workspace: Workspace, name: str) -> None:
        head = f"apiVersion: assistant-operator.dev/v1alpha1\nkind: Assistant\nmetadata: {{name: {name}}}\n"
        workspace.plane.kubectl("apply", "-n", workspace.namespace, *flags, "-f", "-", input=head + text)

    return apply


def void(_: object) -> None:
    """As a statement."""


CONTENT = {"prompt": "one", "top": 1, "deep": {"list": [1, {"b": 2.5}], "a": "b"}}
OTHER_ORDER = "spec: {context: {deep: {a: b, list: [1, {b: 2.5}]}, top: 1, prompt: one}, graphRef: {name: support}}"
OTHER_STYLE = """spec:
  context:
    deep:
      "list":
      - 1.0
      - {'b': 25.0e-1}
      a: 'b'
    top: 1e0
    prompt: >-
      one
  graphRef: {"name": "support"}
"""
SERVER_SIDE = ("--server-side", "--force-conflicts")
NO_EDITS = [
    pytest.param(labelled, id="a label"),
    pytest.param(annotated, id="an annotation, even of a cause"),
    pytest.param(spec(versioning={"activeVersion": 1}), id="a pin"),
    pytest.param(spec(versioning={"activation": "Manual", "activeVersion": 1}), id="manual activation"),
    pytest.param(spec(versioning={"historyLimit": 7}), id="the history limit"),
    pytest.param(spec(deletionPolicy="Retain"), id="the deletion policy"),
    pytest.param(spec(suspend=True), id="suspension"),
    pytest.param(spec(context={"top": 1.0}), id="1.0 in place of 1"),
    pytest.param(spec(context={"deep": {"list": [1.0, {"b": 2.5}]}}), id="1.0 in place of 1 in a list"),
    pytest.param(spec(context=CONTENT), id="the same once more"),
    pytest.param(applied(OTHER_ORDER), id="another order of keys, applied"),
    pytest.param(applied(OTHER_ORDER, *SERVER_SIDE), id="another order of keys, applied by the server"),
    pytest.param(applied(OTHER_STYLE, *SERVER_SIDE), id="another style of YAML"),
]


@pytest.mark.parametrize("change", NO_EDITS)
def test_no_change_of_content_is_no_version(
    workspace: Workspace, name: str, change: Callable[[Workspace, str], None]
) -> None:
    workspace.assistant(name, context=CONTENT)
    workspace.until_versions(1, name)
    change(workspace, name)
    workspace.edit(name, displayName="an edit that comes after")
    _, second = workspace.until_versions(2, name)
    assert second["spec"]["change"]["paths"] == ["/displayName"]
    assert second["spec"]["number"] == 2


DIFFERENCES = [
    pytest.param({"k": 1}, {"k": True}, id="1 and true"),
    pytest.param({"k": 0}, {"k": False}, id="0 and false"),
    pytest.param({"k": 1}, {"k": "1"}, id="a number and its text"),
    pytest.param({"k": [1, 2]}, {"k": [2, 1]}, id="the order of a list"),
    pytest.param({"k": [1]}, {"k": [1, 1]}, id="an item twice"),
    pytest.param({"p": 1}, {"p": 1, "k": ""}, id="absent and empty text"),
    pytest.param({"p": 1}, {"p": 1, "k": None}, id="absent and null"),
    pytest.param({"k": ""}, {"k": None}, id="empty text and null"),
    pytest.param({"k": {}}, {"k": []}, id="an empty object and an empty list"),
    pytest.param({"k": {}}, {"k": None}, id="an empty object and null"),
    pytest.param({"k": {"x": None}}, {"k": {}}, id="null deep inside and absent"),
    pytest.param(None, {}, id="no context and an empty one"),
    pytest.param({"k": 2**53}, {"k": 2**53 + 1}, id="integers that one double stands for"),
    pytest.param({"k": 0.1}, {"k": 0.10000000000000002}, id="neighbouring doubles"),
    pytest.param({"a.b": 1}, {"a": {"b": 1}}, id="a dotted key and two levels"),
    pytest.param({"k": "é"}, {"k": "e\u0301"}, id="two spellings of a letter"),
    pytest.param({"k": "x"}, {"k": "x\n"}, id="a line's end"),
    pytest.param({"k": "x"}, {"k": "{{ x }}"}, id="a template"),
]


@pytest.mark.parametrize(("before", "after"), DIFFERENCES)
def test_a_change_of_content_is_a_version_that_says_exactly_that(
    workspace: Workspace, name: str, before: Json | None, after: Json
) -> None:
    fields: Json = {} if before is None else {"context": before}
    workspace.assistant(name, **fields)
    change = [{"op": "add", "path": "/spec/context", "value": after}]
    workspace.patch("assistants", name, change, JSON_PATCH)
    workspace.edit(name, displayName="an edit that comes after")
    first, second, _ = workspace.until_versions(3, name)
    assert exactly(first["spec"]["snapshot"].get("context")) == exactly(before)
    assert exactly(second["spec"]["snapshot"]["context"]) == exactly(after)


def exactly(content: object) -> str:
    """For Python, 1 and True are equal."""
    return json.dumps(content, sort_keys=True)


def test_a_cause_is_told_only_with_the_edit_that_brought_it(workspace: Workspace, name: str) -> None:
    def edit(prompt: str, **annotations: str | None) -> None:
        meta = {"annotations": annotations} if annotations else {}
        workspace.patch("assistants", name, {"metadata": meta, "spec": {"context": {"prompt": prompt}}})

    workspace.assistant(name, context={"prompt": "0"})
    edit("1", **{OTHER_CAUSE: "kinder"})
    edit("2")
    edit("3", **{OTHER_CAUSE: "shorter"})
    edit("4", **{OTHER_CAUSE: "ours goes before", CAUSE: "ours"})
    edit("5", **{OTHER_CAUSE: "unheard", CAUSE: "ours"})
    workspace.patch("assistants", name, {"metadata": {"annotations": {CAUSE: "said without an edit"}}})
    edit("6")
    edit("7", **{CAUSE: None, OTHER_CAUSE: None})
    edit("8", **{CAUSE: "said without an edit"})
    versions = workspace.until_versions(9, name)
    causes = [each["spec"]["change"].get("cause") for each in versions]
    assert causes == [None, "kinder", None, "shorter", "ours", None, None, None, "said without an edit"]


def test_of_edits_within_one_second_each_tells_who_made_it(workspace: Workspace, name: str) -> None:
    def edited(manager: str, body: Json, method: str = "PATCH", at: str = name) -> None:
        path = f"{workspace.path('assistants', at)}?fieldManager={manager}"
        workspace.client.demand(method, path, body, MERGE if method == "PATCH" else "application/json")

    body = {"apiVersion": "assistant-operator.dev/v1alpha1", "kind": "Assistant", "metadata": {"name": name}}
    spec = {"graphRef": {"name": "support"}, "context": {"ann": 0, "bob": 0, "deep": {}}}
    edited("acceptance", {**body, "spec": spec}, "POST", at="")
    for number in range(1, 4):
        edited("ann", {"spec": {"context": {"ann": number}}})
        edited("bob", {"spec": {"context": {"bob": number}}})
    edited("ann", {"spec": {"context": {"deep": {"er": 1}}}})
    edited("bob", {"spec": {"context": {"deep": {"est": {"x": 1}}}}})
    edited("ann", {"spec": {"context": {"deep": {"est": {"x": 2}}}}})
    changes = [each["spec"]["change"] for each in workspace.until_versions(10, name)]
    assert [change["manager"] for change in changes] == ["acceptance", *["ann", "bob"] * 3, "ann", "bob", "ann"]
    assert [change["paths"] for change in changes[-3:]] == [
        ["/context/deep/er"],
        ["/context/deep/est"],
        ["/context/deep/est/x"],
    ]


def test_the_manager_of_a_change_is_who_made_it(
    workspace: Workspace, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def kubectl(*arguments: str, text: str | None = None) -> None:
        workspace.plane.kubectl(*arguments, "-n", workspace.namespace, input=text)

    def manifest(prompt: str) -> str:
        head = f"apiVersion: assistant-operator.dev/v1alpha1\nkind: Assistant\nmetadata: {{name: {name}}}\n"
        return f"{head}spec: {{graphRef: {{name: support}}, context: {{prompt: {prompt}, n: 1}}}}"

    def patched(manager: str, **fields: Any) -> None:
        path = f"{workspace.path('assistants', name)}?fieldManager={manager}"
        workspace.client.demand("PATCH", path, {"spec": fields}, MERGE)

    editor = tmp_path / "editor"
    editor.write_text('#!/bin/sh\nsed -i "s/prompt: 1/prompt: edited/" "$1"\n')
    editor.chmod(0o755)
    monkeypatch.setenv("KUBE_EDITOR", str(editor))
    kubectl("apply", "-f", "-", text=manifest("'0'"))
    kubectl("apply", "-f", "-", text=manifest("1"))
    kubectl("edit", "assistant", name)
    kubectl("patch", "assistant", name, "--type=merge", "-p", '{"spec":{"context":{"prompt":"3"}}}')
    kubectl("apply", "--server-side", "--force-conflicts", "--field-manager=flux", "-f", "-", text=manifest("'4'"))
    patched("ci", displayName="five")
    patched("studio", context={"prompt": "6", "n": 2})
    patched("ci", context={"prompt": "7"}, displayName="seven")
    patched("janitor", displayName=None, description="eight")
    versions = workspace.until_versions(9, name)
    assert [each["spec"]["change"]["manager"] for each in versions] == [
        *("kubectl-client-side-apply", "kubectl-client-side-apply", "kubectl-edit", "kubectl-patch", "flux"),
        *("ci", "studio", "ci", "janitor"),
    ]


def test_of_a_name_used_again_and_again_the_last_owner_has_its_history_whole(workspace: Workspace, name: str) -> None:
    for life in range(8):
        made = workspace.assistant(name, context={"prompt": f"{life} 0"})
        for number in range(1, 4):
            workspace.edit(name, context={"prompt": f"{life} {number}"})
        if life < 7:
            workspace.delete("assistants", name)

    def only_the_last() -> list[Json]:
        versions = workspace.versions(name)
        uids = {each["spec"]["assistantRef"]["uid"] for each in versions}
        return versions if uids == {made["metadata"]["uid"]} and len(versions) >= 4 else []

    status = workspace.until_ready(name)
    versions = eventually(only_the_last)
    assert [each["spec"]["snapshot"]["context"]["prompt"] for each in versions] == ["7 0", "7 1", "7 2", "7 3"]
    numbers = [each["spec"]["number"] for each in versions]
    assert numbers == sorted(set(numbers))
    assert [each["spec"]["change"]["kind"] for each in versions] == ["Created", "Edited", "Edited", "Edited"]
    assert (status["latestVersion"], status["activeVersion"]) == (numbers[-1], numbers[-1])


def test_numbers_go_on_after_what_a_dead_predecessor_still_owns(workspace: Workspace, name: str) -> None:
    workspace.assistant(name, context={"prompt": "1"})
    workspace.edit(name, context={"prompt": "2"})
    *_, second = workspace.until_versions(2, name)
    held = second["metadata"]["name"]
    workspace.patch("assistantversions", held, {"metadata": {"finalizers": ["example.com/held"]}})
    workspace.delete("assistants", name)
    made = workspace.assistant(name, context={"prompt": "3"})
    eventually(lambda: workspace.get("assistantversions", f"{name}-v3"))
    workspace.patch("assistantversions", held, {"metadata": {"finalizers": None}})
    eventually(lambda: workspace.get("assistantversions", held) is None)
    workspace.edit(name, context={"prompt": "4"})
    third, fourth = workspace.until_versions(2, name)
    assert [each["spec"]["number"] for each in (third, fourth)] == [3, 4]
    assert {each["spec"]["assistantRef"]["uid"] for each in (third, fourth)} == {made["metadata"]["uid"]}
    assert [each["spec"]["change"]["kind"] for each in (third, fourth)] == ["Created", "Edited"]
    assert workspace.until_ready(name)["activeVersion"] == 4


def test_what_was_orphaned_is_the_history_of_the_next_of_that_name(workspace: Workspace, name: str) -> None:
    until_collected(workspace.plane)
    dead = workspace.assistant(name, context={"prompt": "1"})
    workspace.edit(name, context={"prompt": "2"})
    workspace.until_versions(2, name)
    workspace.delete("assistants", name, propagationPolicy="Orphan")
    eventually(lambda: workspace.get("assistants", name) is None)
    made = workspace.assistant(name, context={"prompt": "2"})
    workspace.until_versions(2, name)
    workspace.edit(name, context={"prompt": "3"})
    versions = workspace.until_versions(3, name)
    owners = [[owner["uid"] for owner in each["metadata"]["ownerReferences"]] for each in versions]
    assert owners == [[made["metadata"]["uid"]]] * 3
    uids = [each["spec"]["assistantRef"]["uid"] for each in versions]
    assert uids == [dead["metadata"]["uid"], dead["metadata"]["uid"], made["metadata"]["uid"]]
    assert [each["spec"]["number"] for each in versions] == [1, 2, 3]
    assert versions[2]["spec"]["change"]["paths"] == ["/context/prompt"]
