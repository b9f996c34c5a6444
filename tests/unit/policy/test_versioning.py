"""What an edit is recorded as: whether it is a change, its number, what changed, who changed it and why."""

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion, Change
from assistant_operator.api.meta import ManagedFields
from assistant_operator.policy.versioning import Edit, Gap, cause_of, is_change, missed, newest_of, version
from harness.worlds import BOT, EARLIER, GRAPH, NAMESPACE, NOW, UID, a_record, managed, managed_tree

CONTEXT: dict[str, Any] = {"prompt": "one"}


def written(spec: Any = None, **meta: Any) -> Assistant:
    """An Assistant that says exactly this, beside its graph."""
    told = {"name": BOT, "namespace": NAMESPACE, "uid": UID, "generation": 1, **meta}
    return Assistant.model_validate({"metadata": told, "spec": {"graphRef": {"name": GRAPH}, **(spec or {})}})


def recorded(
    assistant: Assistant, number: int = 1, previous: AssistantVersion | None = None, **known: Any
) -> AssistantVersion:
    return version(Edit(assistant, number, previous, **known))


def change(before: Any, after: Any, **meta: Any) -> Change:
    """What version 2 says of an edit of the context."""
    first = recorded(written({"context": before}), is_first=True)
    return recorded(written({"context": after}, **meta), 2, first).spec.change


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"context": {"a": 1, "b": 2}}, {"context": {"b": 2, "a": 1}}, id="the order of keys"),
        pytest.param({"context": {"a": 1}}, {"context": {"a": 1.0}}, id="1 and 1.0"),
        pytest.param({"context": {"a": 10**23}}, {"context": {"a": 1e23}}, id="two spellings of one large number"),
        pytest.param(
            {"context": CONTEXT},
            {
                "context": CONTEXT,
                "versioning": {"activeVersion": 1, "activation": "Manual", "historyLimit": 7},
                "suspend": True,
                "deletionPolicy": "Retain",
            },
            id="the control part",
        ),
    ],
)
def test_that_is_no_change(before: dict[str, Any], after: dict[str, Any]) -> None:
    annotated = written(after, labels={"a": "b"}, annotations={"c": "d"}, generation=9)
    assert not is_change(recorded(written(before)), annotated)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        pytest.param({"context": {"a": 1}}, {"context": {"a": True}}, id="1 and true"),
        pytest.param({"context": {"a": 0}}, {"context": {"a": False}}, id="0 and false"),
        pytest.param({"context": {"a": 1}}, {"context": {"a": "1"}}, id="a number and its text"),
        pytest.param({"context": {"a": [1, 2]}}, {"context": {"a": [2, 1]}}, id="the order of a list"),
        pytest.param({"config": {"tags": ["a", "b"]}}, {"config": {"tags": ["b", "a"]}}, id="the order of tags"),
        pytest.param({}, {"context": {}}, id="absent and empty"),
        pytest.param({}, {"context": None}, id="absent and null"),
        pytest.param({"context": {}}, {"context": None}, id="empty and null"),
        pytest.param({"context": {}}, {"context": {"a": None}}, id="absent and null, inside"),
        pytest.param({"context": {"a": None}}, {"context": {"a": {}}}, id="null and empty, inside"),
        pytest.param({"config": {}}, {"config": {"tags": []}}, id="an absent and an empty list"),
        pytest.param({}, {"displayName": ""}, id="an absent and an empty text"),
        pytest.param({"context": {"a": 2**53}}, {"context": {"a": 2**53 + 1}}, id="integers that are one double"),
        pytest.param({"context": {"a.b": 1}}, {"context": {"a": {"b": 1}}}, id="a dotted key and two steps"),
        pytest.param({"context": {"a": "{{ x }}"}}, {"context": {"a": "{{x}}"}}, id="spaces in a template"),
        pytest.param({}, {"graphRef": {"name": "other"}}, id="the graph"),
    ],
)
def test_that_is_a_change_in_either_direction(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert is_change(recorded(written(before)), written(after))
    assert is_change(recorded(written(after)), written(before))


def test_a_forged_digest_hides_no_change() -> None:
    """Content decides, not what an older release or a forger wrote beside it."""
    first, edited = recorded(written({"context": CONTEXT})), written({"context": {"prompt": "two"}})
    forged = first.spec.model_copy(update={"digest": edited.spec.snapshot.digest})
    assert is_change(first.model_copy(update={"spec": forged}), edited)


def test_without_a_version_everything_is_a_change() -> None:
    assert is_change(None, written())


@pytest.mark.parametrize(
    ("owners", "newest"),
    [
        pytest.param({}, None, id="no versions"),
        pytest.param({1: UID, 2: UID}, 2, id="its own"),
        pytest.param({1: UID, 2: None}, 2, id="one left behind without an owner"),
        pytest.param({1: None, 2: "uid-of-a-predecessor"}, 1, id="one still owned by a predecessor is not its own"),
        pytest.param({9: UID, 10: UID}, 10, id="numbers are numbers"),
    ],
)
def test_the_newest_of_its_own(owners: dict[int, str | None], newest: int | None) -> None:
    found = newest_of(UID, [a_record(number, owner=owner) for number, owner in owners.items()])
    assert (found.number if found else None) == newest


def test_a_version_is_labelled_owned_and_filled_as_the_contract_says_and_nothing_is_copied() -> None:
    assistant = written(
        {"context": CONTEXT, "suspend": True},
        generation=7,
        labels={"team": "blue"},
        annotations={"note": "x"},
        managedFields=[managed("kubectl-edit", "context.prompt").manifest()],
    )
    first = recorded(assistant, is_first=True)
    digest = assistant.spec.snapshot.digest
    owner = {
        "apiVersion": "assistant-operator.dev/v1alpha1",
        "kind": "Assistant",
        "name": "bot",
        "uid": UID,
        "controller": True,
        "blockOwnerDeletion": True,
    }
    assert first.manifest() == {
        "metadata": {
            "name": "bot-v1",
            "namespace": NAMESPACE,
            "labels": {"app.kubernetes.io/managed-by": "assistant-operator", "assistant-operator.dev/assistant": "bot"},
            "ownerReferences": [owner],
        },
        "spec": {
            "assistantRef": {"name": "bot", "uid": UID},
            "number": 1,
            "generation": 7,
            "digest": digest,
            "snapshot": {"graphRef": {"name": GRAPH}, "context": CONTEXT},
            "chain": "sha256:" + hashlib.sha256(f"\n1\n{digest}".encode()).hexdigest(),
            "change": {"kind": "Created", "paths": [], "manager": "kubectl-edit"},
        },
    }


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=6), st.integers(1, 50))
def test_the_chain_is_recomputed_from_numbers_and_digests_alone(prompts: list[str], first_number: int) -> None:
    head: AssistantVersion | None = None
    link = ""
    for number, prompt in enumerate(prompts, first_number):
        head = recorded(written({"context": {"prompt": prompt}}), number, head)
        link = "sha256:" + hashlib.sha256(f"{link}\n{number}\n{head.spec.digest}".encode()).hexdigest()
        assert (head.metadata.name, head.number, head.spec.chain) == (f"bot-v{number}", number, link)


def test_the_chain_begins_anew_where_the_number_before_is_that_of_another_assistants_version() -> None:
    own = recorded(written(), 1, is_first=True)
    made = recorded(written({"context": CONTEXT}), 3, own).spec
    assert made.chain == "sha256:" + hashlib.sha256(f"\n3\n{made.digest}".encode()).hexdigest()
    assert (made.change.kind, made.change.paths) == ("Edited", ("/context",)), "the content follows the own one"


@pytest.mark.parametrize(
    ("known", "kind", "same_as"),
    [
        pytest.param({"is_first": True}, "Created", None, id="the first of all"),
        pytest.param({}, "Edited", None, id="new content"),
        pytest.param({"same_as": 1}, "Reverted", 1, id="an older version's content came back"),
    ],
)
def test_the_kind_of_a_change(known: dict[str, Any], kind: str, same_as: int | None) -> None:
    made = recorded(written(), 3, recorded(written({"context": CONTEXT}), 2), **known).spec.change
    assert (made.kind, made.same_as) == (kind, same_as)


@pytest.mark.parametrize(
    ("before", "after", "paths"),
    [
        pytest.param({"a": 1}, {"a": 2}, ["/context/a"], id="a changed value"),
        pytest.param({"a": 1}, {}, ["/context/a"], id="a removed key"),
        pytest.param({}, {"a": {"b": 1}}, ["/context/a"], id="a new object as a whole"),
        pytest.param({"a": {"b": 1}}, {"a": {"b": 2, "c": 3}}, ["/context/a/b", "/context/a/c"], id="down to the leaf"),
        pytest.param({"a": {"b": 1}}, {"a": 1}, ["/context/a"], id="an object that became a value"),
        pytest.param({"a": [{"b": 1}, 2]}, {"a": [{"b": 3}, 2]}, ["/context/a"], id="a list as a whole"),
        pytest.param({"a": 1, "b": 1}, {"a": 1.0, "b": True}, ["/context/b"], id="1.0 is no change and true is one"),
        pytest.param({"a.b": 1}, {"a.b": 2}, ["/context/a.b"], id="a key with a dot is one step"),
        pytest.param({"a/b~c": 1}, {"a/b~c": 2}, ["/context/a~1b~0c"], id="a slash and a tilde are escaped"),
        pytest.param({"~1": 1}, {"~1": 2}, ["/context/~01"], id="what looks escaped is escaped again"),
        pytest.param({"": 1}, {"": 2}, ["/context/"], id="an empty key"),
        pytest.param({"é €": 1}, {"é €": 2}, ["/context/é €"], id="no other character is escaped"),
        pytest.param(None, {}, ["/context"], id="null and empty"),
        pytest.param({"b": 1, "a": 1}, {"b": 2, "a": 2}, ["/context/a", "/context/b"], id="in a stable order"),
        pytest.param({"x" * 300: 1}, {"x" * 300: 2}, ["/context/" + "x" * 247], id="cut at 256 characters"),
    ],
)
def test_the_paths_of_a_change(before: Any, after: Any, paths: list[str]) -> None:
    assert list(change(before, after).paths) == paths


def test_of_many_paths_the_first_64_are_told() -> None:
    before, after = ({f"k{number:03}": value for number in range(100)} for value in (1, 2))
    assert list(change(before, after).paths) == [f"/context/k{number:03}" for number in range(64)]


def test_a_field_of_the_spec_is_named_as_it_is_written_in_yaml() -> None:
    before = recorded(written({"config": {"recursionLimit": 1}, "graphRef": {"name": "a"}}))
    after = written({"config": {"recursionLimit": 2}, "graphRef": {"name": "b"}, "displayName": "B"})
    paths = recorded(after, 2, before).spec.change.paths
    assert list(paths) == ["/config/recursionLimit", "/displayName", "/graphRef/name"]


OURS, KUBERNETES = "assistant-operator.dev/change-cause", "kubernetes.io/change-cause"


@pytest.mark.parametrize(
    ("annotations", "before", "cause"),
    [
        pytest.param({}, None, None, id="nobody said why"),
        pytest.param({OURS: "why"}, None, "why", id="our annotation"),
        pytest.param({KUBERNETES: "why"}, None, "why", id="the one kubectl writes"),
        pytest.param({OURS: "ours", KUBERNETES: "theirs"}, None, "ours", id="ours wins"),
        pytest.param({OURS: "", KUBERNETES: "theirs"}, None, "theirs", id="an empty one says nothing"),
        pytest.param({OURS: "why"}, "why", None, id="it is still the last edit's"),
        pytest.param({OURS: "why now"}, "why", "why now", id="it changed with this edit"),
        pytest.param({OURS: "y" * 2000}, None, "y" * 1024, id="cut to what a version may hold"),
        pytest.param({OURS: "y" * 2000}, "y" * 1024, None, id="a cut one is still the last edit's"),
    ],
)
def test_the_cause_is_told_only_if_it_changed(
    annotations: dict[str, str], before: str | None, cause: str | None
) -> None:
    assistant = written(annotations=annotations)
    made = recorded(assistant, 2, recorded(written({"context": CONTEXT})), cause_before=before)
    assert made.spec.change.cause == cause
    assert cause_of(assistant) == (cause or before)


@pytest.mark.parametrize(
    ("before", "after", "entries", "manager"),
    [
        pytest.param({"a": 1}, {"a": 2}, [], None, id="nobody is told of"),
        pytest.param({"a": 1}, {"a": 2}, [managed("argo", "context.a")], "argo", id="the owner of the changed path"),
        pytest.param(
            {"a": 1, "b": 1},
            {"a": 2, "b": 1},
            [managed("argo", "context.a"), managed("kubectl", "context.b", time=NOW)],
            "argo",
            id="not who owns another path, newer as that may be",
        ),
        pytest.param(
            {"a": 1, "b": 1},
            {"a": 2, "b": 2},
            [managed("kubectl", "context.b", time=NOW), managed("argo", "context.a")],
            "kubectl",
            id="of several owners the newest",
        ),
        pytest.param(
            {"a": 1, "b": 1},
            {"b": 1},
            [managed("argo", "context.b"), managed("kubectl", "displayName", time=NOW)],
            "kubectl",
            id="nobody owns what was removed: the newest writer of the spec",
        ),
        pytest.param(
            {"a": 1, "b": 1},
            {"b": 2},
            [managed("argo", "context.b"), managed("kubectl", "displayName", time=NOW)],
            "argo",
            id="removed beside what was changed: the owner of that",
        ),
        pytest.param(
            {"a": 1},
            {"a": 2},
            [managed("status-writer", "context.a", subresource="status", time=NOW), managed("argo", "context.a")],
            "argo",
            id="a writer of the status is none of the spec",
        ),
        pytest.param(
            {"a": 1},
            {"a": 2},
            [ManagedFields(manager="labeller", fields_v1={"f:metadata": {}})],
            None,
            id="only labels",
        ),
        pytest.param({"a.b": 1}, {"a.b": 2}, [managed_tree("argo", {"f:a.b": {}})], "argo", id="a key with a dot"),
        pytest.param(
            {"a": 1, "a2": 1},
            {"a": 1, "a2": 2},
            [managed_tree("argo", {"f:a": {}}, time=NOW), managed_tree("kubectl", {"f:a2": {}})],
            "kubectl",
            id="a key that begins like another",
        ),
        pytest.param(
            {}, {"o": {"x": 1}}, [managed_tree("argo", {"f:o": {".": {}, "f:x": {}}})], "argo", id="a new object"
        ),
        pytest.param({"l": [1]}, {"l": [2]}, [managed_tree("argo", {"f:l": {}})], "argo", id="a list"),
        pytest.param(
            {"a": 1},
            {"a": 2},
            [managed_tree("acceptance", {}), managed_tree("ann", {"f:a": {}})],
            "ann",
            id="of one second the one that owns what is in it, not who owns the field alone",
        ),
        pytest.param(
            {"a": 1},
            {"a": 2},
            [managed_tree("acceptance", {".": {}}, time=NOW), managed_tree("ann", {"f:a": {}})],
            "ann",
            id="though the owner of the field alone is newer, and spells it out",
        ),
        pytest.param(
            {"a": 1},
            {"a": 2},
            [managed_tree("gitops", {}, "Apply", time=NOW), managed_tree("ann", {"f:a": {}})],
            "ann",
            id="an empty object that was applied owns nothing in it",
        ),
        pytest.param(
            {"o": {"x": 1}},
            {"o": {"x": 2}},
            [managed_tree("acceptance", {"f:o": {}}, time=NOW), managed_tree("ann", {"f:o": {"f:x": {}}})],
            "ann",
            id="the same one step deeper",
        ),
        pytest.param(
            {"o": {"x": 1}, "b": 1},
            {"o": {"x": 2}, "b": 2},
            [managed_tree("bob", {"f:b": {}}, time=NOW), managed_tree("ann", {"f:o": {"f:x": {}}})],
            "ann",
            id="of several owners the one of the deepest path, newer as the other may be",
        ),
        pytest.param(
            {},
            {"o": {"x": 1}},
            [managed_tree("acceptance", {"f:o": {".": {}}}, time=NOW), managed_tree("ann", {"f:o": {"f:x": {}}})],
            "ann",
            id="in what is new, who owns what is in it",
        ),
        pytest.param(
            {"a": 1, "b": 1, "c": 1},
            {"a": 2, "b": 2, "c": 2},
            [managed_tree("ann", {"f:a": {}}), managed_tree("bob", {"f:b": {}, "f:c": {}})],
            "bob",
            id="of equally new ones the one that owns the most of it",
        ),
        pytest.param(
            {"a": 1, "b": 1},
            {"b": 1},
            [managed_tree("acceptance", {}, time=EARLIER), managed_tree("bob", {"f:b": {}}, time=NOW)],
            "bob",
            id="nobody owns what was removed, not even who owns the field that it was in",
        ),
        pytest.param(
            {"a": 1, "b": 1},
            {"b": 1},
            [managed_tree("acceptance", {}, time=NOW), managed_tree("bob", {"f:b": {}}, time=NOW)],
            None,
            id="something was removed, and two wrote in that second: nobody can tell",
        ),
        pytest.param(
            {"a": 1, "b": 1},
            {"b": 1},
            [managed_tree("argo", {}, "Apply", time=NOW), managed("argo", "displayName", time=NOW)],
            "argo",
            id="the same, and both are one manager",
        ),
        pytest.param(
            {"o": {"x": 1}},
            {"o": 1},
            [managed_tree("acceptance", {}, time=NOW), managed_tree("ann", {"f:o": {}})],
            "ann",
            id="an object that became a value",
        ),
        pytest.param(None, {}, [managed_tree("ann", {}), managed("bob", "displayName", time=NOW)], "ann", id="null"),
        pytest.param({"f:a": 1}, {"f:a": 2}, [managed_tree("ann", {"f:f:a": {}})], "ann", id="a key that looks owned"),
        pytest.param(
            {".": 1},
            {".": 2},
            [managed_tree("acceptance", {".": {}}, time=NOW), managed_tree("ann", {"f:.": {}})],
            "ann",
            id="a key that is a dot",
        ),
        pytest.param(
            {"l": [{"name": "a"}]},
            {"l": [{"name": "b"}]},
            [managed_tree("ann", {"f:l": {'k:{"name":"b"}': {".": {}, "f:name": {}}}}), managed_tree("bob", {})],
            "ann",
            id="a list that is owned item by item",
        ),
        pytest.param(
            {"l": ["a"]}, {"l": ["a", "b"]}, [managed_tree("ann", {"f:l": {'v:"b"': {}}})], "ann", id="a set of values"
        ),
        pytest.param(
            {"a": 1},
            {"a": 2},
            [managed_tree("argo", {}, time=None), managed_tree("old", {}, time=EARLIER)],
            "old",
            id="no time",
        ),
        pytest.param({"a": 1}, {"a": 2}, [managed_tree("m" * 200, {})], "m" * 128, id="a long name, cut"),
    ],
)
def test_the_manager_of_a_change(before: Any, after: Any, entries: list[ManagedFields], manager: str | None) -> None:
    assert change(before, after, managed_fields=entries).manager == manager


DEEP = """
import sys
sys.setrecursionlimit(50_000)  # as `run` does
from assistant_operator.policy.default_assistant import apply_configuration, without
from assistant_operator.policy.versioning import is_change
from unit.policy.test_versioning import recorded, written
from harness.worlds import NOW, a_default, a_graph, managed_tree

def deep(core, step="a"):
    for _ in range(4_900): core = {step: core}
    return core

first = recorded(written({"context": deep(1)}), is_first=True)
owners = [managed_tree("argo", deep({}, "f:a")), managed_tree("newer", {"f:b": {}}, time=NOW)]
edited = written({"context": deep(2)}, managed_fields=owners)
made = recorded(edited, 2, first).spec.change
print(is_change(first, edited), len(made.paths), made.paths[0][:12], made.manager)

graph = a_graph(defaults={"context": deep(1)})
applied = apply_configuration(graph, None)
taken = a_default(owners[0], ours=("graphRef.name",), context=deep(2))
print(applied["context"] == graph.spec.defaults.context, apply_configuration(graph, taken))
print(without(applied, frozenset([".spec.context" + ".a" * 4_900]))["context"].keys())
"""
TESTS = Path(__file__).parents[2]


def test_content_as_deep_as_the_api_server_takes_it_is_recorded_and_followed() -> None:
    """In a process of its own: a stack that overflows ends more than a test."""
    done = subprocess.run(
        [sys.executable, "-c", DEEP],
        cwd=TESTS,
        env={"PYTHONPATH": str(TESTS)},
        capture_output=True,
        text=True,
        check=False,
    )
    told = "True 1 /context/a/a argo\nTrue None\ndict_keys(['a'])\n"
    assert (done.returncode, done.stdout) == (0, told), done.stderr[-2000:]


def state(generation: int, content: int, **more: Any) -> Assistant:
    return written({"context": {"n": content}, **more}, generation=generation)


V1, V4 = recorded(state(1, 0), is_first=True), recorded(state(4, 4), 2)
FIRST4, THIRD4 = recorded(state(4, 4), is_first=True), recorded(state(4, 4), 3)
FIFTH = recorded(state(4, 4), 5, is_first=True)
ADOPTED = recorded(written({"context": {"n": 0}}, uid="before", generation=9), is_first=True)


@pytest.mark.parametrize(
    ("states", "versions", "lost"),
    [
        pytest.param([state(2, 2), state(3, 3)], [], [], id="nothing later is recorded"),
        pytest.param([state(5, 5)], [V1, V4], [], id="later than all versions: it gets one"),
        pytest.param([state(4, 4)], [V1, V4], [], id="it has one"),
        pytest.param([state(2, 2), state(3, 3)], [V1, V4], [2, 3], id="a later edit has one, and they have none"),
        pytest.param([state(2, 0, suspend=True)], [V1, V4], [], id="an edit that changed no content needs none"),
        pytest.param([state(1, 1)], [FIRST4], [1], id="the first edit, and a version of a later one"),
        pytest.param([state(1, 1)], [FIFTH], [1], id="the first edit; the numbers before it are a predecessor's"),
        pytest.param([state(1, 1)], [V4], [], id="its version was deleted: a number is lacking"),
        pytest.param([state(2, 2), state(3, 3)], [V1, THIRD4], [3], id="of two, one had the number that is lacking"),
        pytest.param(
            [state(1, 1), state(2, 1, suspend=True)],
            [V4],
            [],
            id="its version was deleted; the next changed no content",
        ),
        pytest.param(
            [state(2, 2), state(3, 2, suspend=True)], [V1, V4], [2], id="the content of a lost edit is lost once"
        ),
        pytest.param([state(2, 2)], [ADOPTED], [], id="what was adopted comes before all"),
        pytest.param([state(2, 0), state(3, 3)], [ADOPTED, V4], [3], id="the content of what was adopted needs none"),
    ],
)
def test_an_edit_is_missed_if_a_later_one_has_a_version_and_it_has_none(
    states: list[Assistant], versions: list[AssistantVersion], lost: list[int]
) -> None:
    generations = [each.metadata.generation for each in states]
    gap = Gap(generations[0] - 1, generations[-1] + 1, latest=0)
    assert missed(UID, gap, states, versions, {*generations}) == lost


@pytest.mark.parametrize(
    ("gap", "states", "versions", "overtaken", "lost"),
    [
        pytest.param(Gap(1, 4, 1), [state(3, 3)], [V1], {}, [2], id="one is no longer held"),
        pytest.param(Gap(1, 5, 1), [state(2, 2)], [V1, V4], {2}, [2, 3], id="no longer held, but in a version"),
        pytest.param(Gap(1, 5, 1), [state(2, 2), state(3, 3)], [V1, V4], {3}, [3], id="its version is too large"),
        pytest.param(
            Gap(1, 4, 2), [state(2, 2), state(3, 3)], [V1, V4], {2, 3}, [2, 3], id="the status tells of the later one"
        ),
        pytest.param(
            Gap(1, 4, 2), [state(2, 2), state(3, 3)], [THIRD4], {2, 3}, [2, 3], id="the one before it was pruned"
        ),
        pytest.param(
            Gap(1, 4, 3),
            [state(2, 2), state(3, 3)],
            [THIRD4],
            {2, 3},
            [],
            id="the status tells of the later one, and those before it were deleted",
        ),
    ],
)
def test_each_edit_of_a_gap_is_recorded_or_missed(
    gap: Gap, states: list[Assistant], versions: list[AssistantVersion], overtaken: set[int], lost: list[int]
) -> None:
    assert missed(UID, gap, states, versions, {*overtaken}) == lost
