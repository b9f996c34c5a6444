"""What is changed in a spec: as a JSON patch, on paper, in words."""

from typing import Any

import pytest

from assistant_operator.kubectl.patch import (
    CAUSE,
    Patch,
    annotate_cause,
    create,
    described,
    guarded,
    move,
    patched,
    pin,
    restore,
    suspend,
    unpin,
)
from harness.worlds import an_assistant


def put(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": f"/spec/{path}", "value": value}


def drop(path: str) -> dict[str, Any]:
    return {"op": "remove", "path": f"/spec/{path}"}


GRAPH = {"graphRef": {"name": "support"}}
PINNED = {"versioning": {"activeVersion": 2, "historyLimit": 100}}


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        pytest.param(pin({}, 2), (put("versioning", {"activeVersion": 2}),), id="a pin where nothing was said"),
        pytest.param(pin(PINNED, 3), (put("versioning/activeVersion", 3),), id="another pin leaves the rest alone"),
        pytest.param(pin(PINNED, 2), (), id="a pin that is there already"),
        pytest.param(unpin(PINNED), (drop("versioning/activeVersion"),), id="no pin any more"),
        pytest.param(unpin({}), (), id="no pin to remove"),
        pytest.param(unpin({"versioning": {"historyLimit": 9}}), (), id="no pin among the rest"),
        pytest.param(suspend({}, on=True), (put("suspend", True),), id="held"),
        pytest.param(suspend({"suspend": True}, on=True), (), id="held already"),
        pytest.param(suspend({"suspend": True}, on=False), (put("suspend", False),), id="lifted"),
        pytest.param(suspend({}, on=False), (), id="never held"),
    ],
)
def test_control_fields(edit: Patch, wanted: Patch) -> None:
    assert edit == wanted


BY_NUMBER, BY_DIGEST = {"assistantRef": {"name": "bot"}, "version": 2}, {"assistantRef": {"name": "bot"}, "digest": "d"}


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        pytest.param(BY_NUMBER, (put("version", 3),), id="an alias by number gets a number"),
        pytest.param({**BY_NUMBER, "version": 3}, (), id="the number that is there already"),
        pytest.param(BY_DIGEST, (put("digest", "e"),), id="an alias by digest gets a digest"),
        pytest.param({**BY_DIGEST, "digest": "e"}, (), id="the digest that is there already"),
    ],
)
def test_a_move_of_an_alias(spec: dict[str, Any], wanted: Patch) -> None:
    assert move(spec, 3, "e") == wanted
    after = patched({"spec": spec}, wanted)["spec"]
    assert ("version" in after) != ("digest" in after)


def test_a_new_object_is_the_whole_patch() -> None:
    document = {"metadata": {"name": "blue"}, "spec": BY_NUMBER}
    assert patched({}, create(document)) == document


@pytest.mark.parametrize(
    ("spec", "snapshot", "wanted"),
    [
        pytest.param(GRAPH, GRAPH, (), id="the same content"),
        pytest.param(
            {**GRAPH, "context": {"a": 1, "b": 2}},
            {**GRAPH, "context": {"b": 2.0, "a": 1}},
            (),
            id="the same in other words",
        ),
        pytest.param(
            {**GRAPH, "context": {"a": 1}},
            {**GRAPH, "context": {"b": None}},
            (put("context", {"b": None}),),
            id="a field is replaced as a whole, and null is content",
        ),
        pytest.param(
            {**GRAPH, "context": {"a": 1}, "metadata": {}},
            GRAPH,
            (drop("context"), drop("metadata")),
            id="what it had not goes",
        ),
        pytest.param(GRAPH, {**GRAPH, "metadata": {}}, (put("metadata", {}),), id="empty is not absent"),
        pytest.param(
            {**GRAPH, **PINNED, "suspend": True, "deletionPolicy": "Retain"}, GRAPH, (), id="control fields stay"
        ),
        pytest.param(
            GRAPH,
            {"graphRef": {"name": "another"}},
            (put("graphRef", {"name": "another"}),),
            id="the graph comes back too",
        ),
    ],
)
def test_a_restore(spec: dict[str, Any], snapshot: dict[str, Any], wanted: Patch) -> None:
    assert restore(spec, snapshot) == wanted
    assert restore(patched({"spec": spec}, wanted)["spec"], snapshot) == ()


def test_a_patch_is_for_that_very_object_and_where_it_matters_for_that_very_spec() -> None:
    edit = (put("versioning/activeVersion", 2), drop("context"))
    operations = [
        {"op": "add", "path": "/spec/versioning/activeVersion", "value": 2},
        {"op": "remove", "path": "/spec/context"},
    ]
    same = {"op": "test", "path": "/metadata/uid", "value": "uid-of-bot"}
    seen = {"op": "test", "path": "/metadata/generation", "value": 3}
    assert guarded(edit, an_assistant(), same_spec=False) == [same, *operations]
    assert guarded(edit, an_assistant(), same_spec=True) == [same, seen, *operations]


def test_an_edit_on_paper_leaves_the_original_alone() -> None:
    document = {"metadata": {"name": "bot"}, "spec": {**GRAPH, **PINNED}}
    made = patched(document, (drop("versioning/activeVersion"), put("suspend", True)))
    assert made == {
        "metadata": {"name": "bot"},
        "spec": {**GRAPH, "versioning": {"historyLimit": 100}, "suspend": True},
    }
    assert document["spec"] == {**GRAPH, **PINNED}


ANNOTATED = {"metadata": {"annotations": {"a": "b"}}}


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        pytest.param({"metadata": {}}, {"path": "/metadata/annotations", "value": {CAUSE: "x"}}, id="the first one"),
        pytest.param(
            ANNOTATED,
            {"path": "/metadata/annotations/assistant-operator.dev~1change-cause", "value": "x"},
            id="beside others",
        ),
    ],
)
def test_a_cause(document: dict[str, Any], wanted: dict[str, Any]) -> None:
    patch = annotate_cause(document, "x")
    assert patch == ({"op": "add", **wanted},)
    assert annotate_cause(patched(document, patch), "x") == ()


def test_annotations_that_were_added_meanwhile_are_not_replaced() -> None:
    test = {"op": "test", "path": "/metadata/annotations", "value": None}
    first = guarded(annotate_cause({"metadata": {}}, "x"), an_assistant(), same_spec=False)
    assert test in first
    assert test not in guarded(annotate_cause(ANNOTATED, "x"), an_assistant(), same_spec=False)


def test_a_cause_is_no_part_of_an_edit_in_words() -> None:
    assert described((put("suspend", True), *annotate_cause(ANNOTATED, "x"))) == "spec.suspend changes"


def test_an_edit_in_words() -> None:
    edit = (put("context", {}), drop("versioning/activeVersion"))
    assert described(edit) == "spec.context changes, spec.versioning.activeVersion is removed"
