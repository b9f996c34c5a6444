"""The default assistant of a Graph: made, following it field by field, taken over by people, adopted, removed."""

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import yaml

from harness.controlplane.waiting import eventually
from harness.support import OperatorProcess, Workspace
from harness.support.walk import comes_to, events, progress, ready, writes
from harness.support.workspace import API_VERSION, Json

JSON_PATCH = "application/json-patch+json"
DEFAULT = "assistant-operator.dev/default"
HELLO = {"displayName": "Support", "context": {"prompt": "hello", "model": "small"}}


def snapshot(workspace: Workspace, name: str = "support") -> Json | None:
    """The versioned part of an Assistant."""
    found = workspace.get("assistants", name)
    control = ("versioning", "deletionPolicy", "suspend")
    return found and {field: value for field, value in found["spec"].items() if field not in control}


def context(workspace: Workspace, name: str = "support") -> Any:
    return (snapshot(workspace, name) or {}).get("context")


def defaults(workspace: Workspace, content: Json, graph: str = "support") -> None:
    """Replace the defaults of a Graph as a whole."""
    workspace.patch("graphs", graph, [{"op": "add", "path": "/spec/defaults", "value": content}], JSON_PATCH)


def default_ready(workspace: Workspace, graph: str = "support") -> tuple[str, str]:
    said = workspace.condition(graph, "DefaultAssistantReady", "graphs")
    return said.get("status", ""), said.get("reason", "")


def uid(workspace: Workspace, plural: str, name: str = "support") -> str | None:
    found = workspace.get(plural, name)
    return found["metadata"]["uid"] if found else None


def controllers(workspace: Workspace, name: str = "support") -> list[str]:
    """The UIDs of those that control an Assistant."""
    found = workspace.get("assistants", name) or {"metadata": {}}
    return [each["uid"] for each in found["metadata"].get("ownerReferences", ()) if each.get("controller")]


def written(workspace: Workspace, name: str = "support") -> Json:
    """What only its owner may change of an Assistant."""
    meta = (workspace.get("assistants", name) or {})["metadata"]
    by = [(each["manager"], each["operation"]) for each in meta["managedFields"] if not each.get("subresource")]
    return {name: meta.get(name) for name in ("generation", "labels", "annotations", "ownerReferences")} | {"by": by}


def test_a_deployed_graph_gets_its_default_assistant_by_server_side_apply(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    graph = workspace.graph(defaults=HELLO)
    status = workspace.until_ready("support", "graphs")
    assert (status["defaultAssistant"], status["assistants"]) == ("support", 1)
    assert default_ready(workspace) == ("True", "Available")
    assert snapshot(workspace) == {"graphRef": {"name": "support"}, **HELLO}
    made = workspace.get("assistants", "support")
    assert made
    assert made["metadata"]["labels"] == {"app.kubernetes.io/managed-by": "assistant-operator", DEFAULT: "true"}
    assert made["metadata"]["ownerReferences"] == [
        {
            "apiVersion": API_VERSION,
            "kind": "Graph",
            "name": "support",
            "uid": graph["metadata"]["uid"],
            "controller": True,
            "blockOwnerDeletion": True,
        }
    ]
    assert written(workspace)["by"] == [("assistant-operator", "Apply")]
    assert workspace.until_ready("support")["activeVersion"] == 1
    comes_to(
        partial(events, workspace, "support"),
        [("Normal", "DefaultAssistantApplied", "Made default assistant 'support'")],
    )


HEAD = "apiVersion: assistant-operator.dev/v1alpha1\nkind: Graph\nmetadata: {name: support}\n"


@pytest.mark.parametrize(
    "spec", ["", "spec:\n", "spec: null\n", "spec: {}\n"], ids=["none", "left open", "null", "empty"]
)
@pytest.mark.parametrize("words", [("apply",), ("apply", "--server-side"), ("create",)], ids=" ".join)
def test_a_graph_needs_no_spec(
    operator: OperatorProcess, workspace: Workspace, words: tuple[str, ...], spec: str
) -> None:
    workspace.plane.kubectl(*words, "-n", workspace.namespace, "-f", "-", input=HEAD + spec)
    status = workspace.until_ready("support", "graphs")
    assert (status["graphId"], status["defaultAssistant"], status["assistants"]) == ("support", "support", 1)
    assert snapshot(workspace) == {"graphRef": {"name": "support"}}
    workspace.edit("support", "graphs", defaults={"context": {"prompt": "hello"}})
    comes_to(partial(context, workspace), {"prompt": "hello"})
    workspace.patch("graphs", "support", [{"op": "remove", "path": "/spec"}], JSON_PATCH)
    comes_to(partial(snapshot, workspace), {"graphRef": {"name": "support"}})
    workspace.until_ready("support", "graphs")
    workspace.patch("graphs", "support", {"spec": {"graphId": "triage"}})
    eventually(lambda: workspace.status("support", "graphs")["graphId"] == "triage")
    for spec_after in (
        [],
        [{"op": "add", "path": "/spec", "value": {}}],
        [{"op": "add", "path": "/spec", "value": None}],
    ):
        body = [{"op": "remove", "path": "/spec"}, *spec_after]
        told = workspace.client.ask("PATCH", workspace.path("graphs", "support"), body, JSON_PATCH)
        assert told[0] == 422
        assert "graphId must not change once set" in told[1]["message"]


STRANGE: Json = {
    "👩": "👩\u200d💻 hi 😀",
    "lines": "a\u0085b\u2028c\u2029d\r\ne\n",
    "control": "\x9b\x7f\x01\t\0\ufeff\U0010ffff",
    "looks like": ["0815", "y", "~", "", " ", "a: b", "#", "12:30:45", "2026-01-01", "\\ud83d", "<<"],
    "y": {"<<": "x", "=": 1, "": 2, "08": 3},
    "numbers": [1.5, 1e23, 1e-7, 2**53 + 1, -(2**63), 10**20, 5e-324],
}


def test_a_default_assistant_gets_every_character_and_every_number_as_it_is(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults={"context": STRANGE})
    workspace.until_ready("support", "graphs")
    assert context(workspace) == STRANGE
    workspace.edit("support", "graphs", defaults={"context": {"looks like": ["👩", "\u0085"]}})
    workspace.until_versions(2, "support")
    workspace.until_ready("support", "graphs")
    assert context(workspace) == {**STRANGE, "looks like": ["👩", "\u0085"]}


SHAPES: dict[str, Json] = {
    "a field is added": {"displayName": "Support", "context": {"prompt": "hello", "model": "small"}},
    "one changed, one removed": {"context": {"prompt": "good day"}},
    "deeper": {"context": {"model": {"name": "m", "options": {"a": 1, "b": [1, {"c": None}]}}}},
    "an object became a scalar, a list another": {"context": {"model": "m", "tools": ["x"]}},
    "and the other way round": {"context": {"model": {"name": "m"}, "tools": {"x": 1}}},
    "empty things": {"context": {"a": {}, "b": [], "c": "", "d": 0, "e": False}, "metadata": {}},
    "filled": {"context": {"a": {"x": 1}, "b": [1], "c": "c", "d": 1, "e": True}, "metadata": {"m": 1}},
    "dots in keys": {"context": {"a.b": 1, "a": {"b": 2, "b.c": 3}, ".": 4, "a.": {".b": 5}}},
    "one of them changed": {"context": {"a.b": 1, "a": {"b": 20, "b.c": 3}, ".": 4, "a.": {".b": 5}}},
    "keys that look like field paths": {
        "context": {"f:a": 1, 'k:{"a":1}': 2, "v:1": {"f:a": 3}, "~1": 4, "": 5, "ж/": 6}
    },
    "null": {"context": {"a": None, "b": {"c": None}}},
    "config instead of context": {
        "config": {"tags": ["a", "b"], "recursionLimit": 3, "configurable": {"x.y": {"": 1}}}
    },
    "nothing": {},
}


def follows(workspace: Workspace, graph: str, content: Json, shape: str) -> None:
    def seen() -> tuple[str, Any]:
        return shape, snapshot(workspace, graph)

    comes_to(seen, (shape, {"graphRef": {"name": graph}, **content}))
    workspace.until_ready(graph, "graphs")


def test_the_default_assistant_follows_its_graph_field_by_field_and_a_restart_writes_nothing(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults={"displayName": "Support"})
    workspace.until_ready("support", "graphs")
    for number, (shape, content) in enumerate(SHAPES.items()):
        workspace.graph(f"shape{number}", defaults=content)
        defaults(workspace, content)
        follows(workspace, "support", content, shape)
        follows(workspace, f"shape{number}", content, shape)
    assert len(workspace.versions("support")) == len(SHAPES) + 1
    eventually(lambda: all("status" in each for each in workspace.all("assistantversions")))
    _, since = workspace.plane.audit_since()
    operator.terminate()
    operator.start()
    workspace.graph("after")
    workspace.until_ready("after", "graphs")
    assert writes(workspace, since).count("patch assistants") == 1, "that of the new graph"


def merge_patch(workspace: Workspace, content: Json) -> None:
    workspace.edit("support", context=content)


def server_side_apply(workspace: Workspace, content: Json) -> None:
    mine = {name: value for name, value in content.items() if value is not None}
    meta = {"name": "support", "namespace": workspace.namespace}
    spec = {"context": mine} if mine else {}
    body = {"apiVersion": API_VERSION, "kind": "Assistant", "metadata": meta, "spec": spec}
    workspace.plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=yaml.safe_dump(body))


def replace(workspace: Workspace, content: Json) -> None:
    """As clients do that write the whole object back, and try again after a conflict."""

    def put() -> bool:
        found = workspace.get("assistants", "support")
        assert found
        changed = {**found["spec"]["context"], **content}
        found["spec"]["context"] = {name: value for name, value in changed.items() if value is not None}
        return workspace.client.ask("PUT", workspace.path("assistants", "support"), found)[0] == 200

    eventually(put)


@pytest.mark.parametrize(
    "by",
    [
        pytest.param(merge_patch, id="by a merge patch, as kubectl edit sends"),
        pytest.param(server_side_apply, id="by kubectl apply --server-side --force-conflicts"),
        pytest.param(replace, id="by writing the whole object back"),
    ],
)
def test_a_field_that_a_person_took_over_stays_theirs_until_they_give_it_back(
    operator: OperatorProcess, workspace: Workspace, by: Callable[[Workspace, Json], None]
) -> None:
    workspace.graph(defaults={"context": {"prompt": "one", "model": {"name": "m1"}, "a.b": 1, "a": {"b": 1}}})
    workspace.until_ready("support", "graphs")
    by(workspace, {"prompt": "mine", "a.b": "mine", "extra": "mine"})
    mine = {"prompt": "mine", "a.b": "mine", "extra": "mine"}
    comes_to(partial(context, workspace), {**mine, "model": {"name": "m1"}, "a": {"b": 1}})
    defaults(workspace, {"context": {"prompt": "two", "model": {"name": "m2"}, "a.b": 2, "a": {"b": 2}, "new": 2}})
    comes_to(partial(context, workspace), {**mine, "model": {"name": "m2"}, "a": {"b": 2}, "new": 2})
    workspace.until_ready("support", "graphs")
    defaults(workspace, {"context": {"model": {"name": "m3"}, "extra": "ours"}})
    comes_to(partial(context, workspace), {**mine, "model": {"name": "m3"}})

    defaults(workspace, {"context": {"prompt": "four", "extra": "ours"}})
    by(workspace, {"prompt": None, "a.b": None, "extra": None})
    comes_to(partial(context, workspace), {"prompt": "four", "extra": "ours"})
    defaults(workspace, {"context": {"prompt": "five", "extra": "ours"}})
    comes_to(partial(context, workspace), {"prompt": "five", "extra": "ours"})
    workspace.until_ready("support", "graphs")
    assert events(workspace, "support")[0][1] == "DefaultAssistantApplied"
    assert [event for event in events(workspace, "support") if event[0] == "Warning"] == []


def test_a_field_taken_over_above_or_below_one_of_the_graphs_stops_no_other(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults={"context": {"model": {"name": "m"}, "tool": "t", "prompt": "one"}})
    workspace.until_ready("support", "graphs")
    replaced = [("model", "mine"), ("tool", {"name": "mine"})]
    body = [{"op": "replace", "path": f"/spec/context/{name}", "value": value} for name, value in replaced]
    workspace.patch("assistants", "support", body, JSON_PATCH)
    defaults(workspace, {"context": {"model": {"name": "m2"}, "tool": "t2", "prompt": "two"}})
    comes_to(partial(context, workspace), {"model": "mine", "tool": {"name": "mine"}, "prompt": "two"})
    workspace.until_ready("support", "graphs")
    _, since = workspace.plane.audit_since()
    defaults(workspace, {"context": {"model": {"name": "m3"}, "tool": "t3", "prompt": "two"}})
    workspace.until_ready("support", "graphs")
    workspace.edit("support", displayName="mine")
    workspace.until_ready("support")
    assert context(workspace) == {"model": "mine", "tool": {"name": "mine"}, "prompt": "two"}
    assert writes(workspace, since).count("patch assistants") == 0


def test_what_the_api_server_refuses_of_a_default_assistant_is_told_until_it_is_mended(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults=HELLO)
    workspace.until_ready("support", "graphs")
    workspace.edit("support", context=None, config={"configurable": {"a": 1}})
    workspace.until_not_ready("DefaultAssistantRefused", "support", "graphs")
    assert (
        "context and config.configurable must not both be non-empty"
        in workspace.condition("support", plural="graphs")["message"]
    )
    assert snapshot(workspace) == {
        "graphRef": {"name": "support"},
        "displayName": "Support",
        "config": {"configurable": {"a": 1}},
    }
    workspace.edit("support", config=None)
    follows(workspace, "support", HELLO, "mended")


def test_an_assistant_that_was_there_is_adopted_as_the_default_and_never_modified(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.assistant("support", context={"prompt": "mine"})
    workspace.until_not_ready("GraphNotFound", "support")
    before = written(workspace)
    workspace.graph(defaults=HELLO)
    assert workspace.until_ready("support", "graphs")["defaultAssistant"] == "support"
    defaults(workspace, {"context": {"prompt": "other"}})
    workspace.until_ready("support", "graphs")
    workspace.delete("graphs", "support")
    workspace.until_not_ready("GraphNotFound", "support")
    assert written(workspace) == before
    assert before["by"] == [("unknown", "Update")]
    assert context(workspace) == {"prompt": "mine"}


def test_an_assistant_made_just_before_its_graph_is_not_modified_either(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    names = [f"pair{number}" for number in range(30)]
    for name in names:
        workspace.assistant(name, name, context={"prompt": "mine"})
        workspace.graph(name, defaults=HELLO)
    for name in names:
        workspace.until_ready(name, "graphs")
        assert written(workspace, name)["by"] == [("unknown", "Update")]


@pytest.mark.parametrize("way", ["the other goes", "the name changes", "the other comes over"])
def test_an_assistant_of_another_graph_is_left_alone_until_the_name_is_free(
    operator: OperatorProcess, workspace: Workspace, way: str
) -> None:
    workspace.assistant("support", "other", context={"prompt": "theirs"})
    workspace.until_not_ready("GraphNotFound", "support")
    before = written(workspace)
    workspace.graph(defaults=HELLO)
    status = workspace.until_not_ready("NameConflict", plural="graphs", name="support")
    assert (default_ready(workspace), progress(workspace, "support", "graphs")) == (
        ("False", "NameConflict"),
        {"Stalled"},
    )
    said = "assistant 'support' belongs to graph 'other': set spec.defaultAssistant.name to another name"
    assert workspace.condition("support", plural="graphs")["message"] == said
    assert "defaultAssistant" not in status
    assert written(workspace) == before
    comes_to(lambda: events(workspace, "support")[:1], [("Warning", "NameConflict", said)])
    match way:
        case "the other goes":
            workspace.delete("assistants", "support")
            made, content = "support", {"graphRef": {"name": "support"}, **HELLO}
        case "the name changes":
            workspace.edit("support", "graphs", defaultAssistant={"name": "support-default"})
            made, content = "support-default", {"graphRef": {"name": "support"}, **HELLO}
        case _:
            workspace.edit("support", graphRef={"name": "support"})
            made, content = "support", {"graphRef": {"name": "support"}, "context": {"prompt": "theirs"}}
    assert workspace.until_ready("support", "graphs")["defaultAssistant"] == made
    assert snapshot(workspace, made) == content


def test_two_graphs_never_share_a_default_assistant(operator: OperatorProcess, workspace: Workspace) -> None:
    named = {"defaultAssistant": {"name": "shared"}}
    for graph in ("one", "two"):
        workspace.graph(graph, defaults={"displayName": graph}, **named)

    def outcomes() -> set[tuple[str, str, str | None]]:
        told = {graph: workspace.status(graph, "graphs").get("defaultAssistant") for graph in ("one", "two")}
        return {(*default_ready(workspace, graph), told[graph]) for graph in ("one", "two")}

    comes_to(outcomes, {("True", "Available", "shared"), ("False", "NameConflict", None)})
    owner = next(graph for graph in ("one", "two") if ready(workspace, graph, "graphs")[0] == "True")
    other = {"one": "two", "two": "one"}[owner]
    assert snapshot(workspace, "shared") == {"graphRef": {"name": owner}, "displayName": owner}
    assert controllers(workspace, "shared") == [uid(workspace, "graphs", owner)]
    workspace.delete("graphs", owner)
    comes_to(partial(snapshot, workspace, "shared"), {"graphRef": {"name": other}, "displayName": other})
    workspace.until_ready(other, "graphs")


def test_a_default_assistant_that_a_person_gave_to_another_graph_is_left_alone(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults=HELLO)
    workspace.graph("other", defaultAssistant={"policy": "None"})
    workspace.until_ready("support", "graphs")
    workspace.edit("support", graphRef={"name": "other"})
    workspace.until_not_ready("NameConflict", "support", "graphs")
    before = written(workspace)
    defaults(workspace, {"displayName": "New", "context": {"prompt": "new"}})
    workspace.until_not_ready("NameConflict", "support", "graphs")
    workspace.edit("support", "graphs", description="later")
    workspace.until_not_ready("NameConflict", "support", "graphs")
    assert written(workspace) == before
    assert snapshot(workspace) == {"graphRef": {"name": "other"}, **HELLO}


def test_the_policy_none_makes_none_and_deletes_none(operator: OperatorProcess, workspace: Workspace) -> None:
    workspace.graph(defaults=HELLO, defaultAssistant={"policy": "None"})
    assert "defaultAssistant" not in workspace.until_ready("support", "graphs")
    assert default_ready(workspace) == ("True", "NotWanted")
    assert workspace.all("assistants") == []
    workspace.edit("support", "graphs", defaultAssistant={"policy": "Create"})
    workspace.until_ready("support", "graphs")
    comes_to(partial(context, workspace), HELLO["context"])
    first = uid(workspace, "assistants")
    workspace.edit("support", "graphs", defaultAssistant={"policy": "None"})
    defaults(workspace, {"context": {"prompt": "later"}})
    comes_to(partial(default_ready, workspace), ("True", "NotWanted"))
    workspace.graph("marker")
    workspace.until_ready("marker", "graphs")
    assert (context(workspace), uid(workspace, "assistants")) == (HELLO["context"], first)
    workspace.edit("support", "graphs", defaultAssistant={"policy": "Create"})
    comes_to(partial(context, workspace), {"prompt": "later"})
    assert uid(workspace, "assistants") == first


def test_a_renamed_default_is_made_anew_and_the_former_one_stays_as_an_ordinary_assistant(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults=HELLO)
    workspace.until_ready("support", "graphs")
    workspace.edit("support", "graphs", defaultAssistant={"name": "second"})
    comes_to(lambda: workspace.status("support", "graphs").get("defaultAssistant"), "second")
    comes_to(lambda: DEFAULT in written(workspace)["labels"], wanted=False)
    defaults(workspace, {"context": {"prompt": "later"}})
    comes_to(partial(context, workspace, "second"), {"prompt": "later"})
    assert context(workspace) == HELLO["context"]
    assert workspace.until_ready("support")["activeVersion"] == 1
    workspace.edit("support", "graphs", defaultAssistant={"name": None})
    comes_to(partial(context, workspace), {"prompt": "later"})
    assert written(workspace)["labels"][DEFAULT] == "true"
    comes_to(lambda: DEFAULT in written(workspace, "second")["labels"], wanted=False)
    assert workspace.until_ready("support", "graphs")["assistants"] == 2


def test_a_deleted_default_assistant_is_made_again(operator: OperatorProcess, workspace: Workspace) -> None:
    workspace.graph(defaults=HELLO)
    workspace.until_ready("support", "graphs")
    seen = {uid(workspace, "assistants")}
    for _ in range(3):
        workspace.edit("support", context={"prompt": "mine"})
        workspace.delete("assistants", "support")
        eventually(lambda: uid(workspace, "assistants") not in {None, *seen})
        follows(workspace, "support", HELLO, "made again")
        seen.add(uid(workspace, "assistants"))


@pytest.mark.parametrize("policy", ["Background", "Foreground"])
def test_the_default_assistant_goes_with_its_graph(
    operator: OperatorProcess, workspace: Workspace, policy: str
) -> None:
    workspace.graph(defaults=HELLO)
    workspace.until_ready("support", "graphs")
    workspace.delete("graphs", "support", propagationPolicy=policy)
    eventually(lambda: not workspace.get("graphs", "support") and not workspace.get("assistants", "support"))
    workspace.graph("marker")
    workspace.until_ready("marker", "graphs")
    assert [each["metadata"]["name"] for each in workspace.all("assistants")] == ["marker"]
    eventually(lambda: workspace.versions("support") == [])


def test_an_orphaned_default_assistant_stays_and_a_new_graph_of_that_name_adopts_it(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    workspace.graph(defaults=HELLO)
    workspace.until_ready("support", "graphs")
    workspace.delete("graphs", "support", propagationPolicy="Orphan")
    assert workspace.until_not_ready("GraphNotFound", "support")["activeVersion"] == 1
    eventually(lambda: workspace.get("graphs", "support") is None)
    assert controllers(workspace) == []
    before = written(workspace)
    workspace.graph(defaults={"context": {"prompt": "new"}})
    assert workspace.until_ready("support", "graphs")["defaultAssistant"] == "support"
    assert written(workspace) == before
    assert context(workspace) == HELLO["context"]


def test_a_graph_made_again_at_once_gets_a_default_assistant_of_its_own(
    operator: OperatorProcess, workspace: Workspace
) -> None:
    for number in range(12):
        content = {"context": {"n": number}}
        graph = workspace.graph(defaults=content)["metadata"]["uid"]
        comes_to(partial(controllers, workspace), [graph])
        follows(workspace, "support", content, f"number {number}")
        workspace.delete("graphs", "support")
        if number % 2:
            eventually(lambda: workspace.get("assistants", "support") is None)
