"""What is changed in a spec: as a JSON patch, on paper, in words."""

from typing import Any

import pytest

from assistant_operator.kubectl.edits import Drop, Edit, Put, edited, json_patch, pin, restore, suspension, told, unpin
from worlds import an_assistant

GRAPH = {"graphRef": {"name": "support"}}
PINNED = {"versioning": {"activeVersion": 2, "historyLimit": 100}}


@pytest.mark.parametrize(
    ("edit", "wanted"),
    [
        pytest.param(pin({}, 2), (Put(("versioning",), {"activeVersion": 2}),), id="a pin where nothing was said"),
        pytest.param(
            pin(PINNED, 3), (Put(("versioning", "activeVersion"), 3),), id="another pin leaves the rest alone"
        ),
        pytest.param(pin(PINNED, 2), (), id="a pin that is there already"),
        pytest.param(unpin(PINNED), (Drop(("versioning", "activeVersion")),), id="no pin any more"),
        pytest.param(unpin({}), (), id="no pin to remove"),
        pytest.param(unpin({"versioning": {"historyLimit": 9}}), (), id="no pin among the rest"),
        pytest.param(suspension({}, on=True), (Put(("suspend",), True),), id="held"),
        pytest.param(suspension({"suspend": True}, on=True), (), id="held already"),
        pytest.param(suspension({"suspend": True}, on=False), (Put(("suspend",), False),), id="lifted"),
        pytest.param(suspension({}, on=False), (), id="never held"),
    ],
)
def test_control_fields(edit: Edit, wanted: Edit) -> None:
    assert edit == wanted


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
            (Put(("context",), {"b": None}),),
            id="a field is replaced as a whole, and null is content",
        ),
        pytest.param(
            {**GRAPH, "context": {"a": 1}, "metadata": {}},
            GRAPH,
            (Drop(("context",)), Drop(("metadata",))),
            id="what it had not goes",
        ),
        pytest.param(GRAPH, {**GRAPH, "metadata": {}}, (Put(("metadata",), {}),), id="empty is not absent"),
        pytest.param(
            {**GRAPH, **PINNED, "suspend": True, "deletionPolicy": "Retain"}, GRAPH, (), id="control fields stay"
        ),
        pytest.param(
            GRAPH,
            {"graphRef": {"name": "another"}},
            (Put(("graphRef",), {"name": "another"}),),
            id="the graph comes back too",
        ),
    ],
)
def test_a_restore(spec: dict[str, Any], snapshot: dict[str, Any], wanted: Edit) -> None:
    assert restore(spec, snapshot) == wanted
    assert restore(edited({"spec": spec}, wanted)["spec"], snapshot) == ()


def test_a_patch_is_for_that_very_object_and_where_it_matters_for_that_very_spec() -> None:
    edit = (Put(("versioning", "activeVersion"), 2), Drop(("context",)))
    operations = [
        {"op": "add", "path": "/spec/versioning/activeVersion", "value": 2},
        {"op": "remove", "path": "/spec/context"},
    ]
    same = {"op": "test", "path": "/metadata/uid", "value": "uid-of-bot"}
    seen = {"op": "test", "path": "/metadata/generation", "value": 3}
    assert json_patch(edit, an_assistant(), as_seen=False) == [same, *operations]
    assert json_patch(edit, an_assistant(), as_seen=True) == [same, seen, *operations]


def test_an_edit_on_paper_leaves_the_original_alone() -> None:
    document = {"metadata": {"name": "bot"}, "spec": {**GRAPH, **PINNED}}
    made = edited(document, (Drop(("versioning", "activeVersion")), Put(("suspend",), True)))
    assert made == {
        "metadata": {"name": "bot"},
        "spec": {**GRAPH, "versioning": {"historyLimit": 100}, "suspend": True},
    }
    assert document["spec"] == {**GRAPH, **PINNED}


def test_an_edit_in_words() -> None:
    edit = (Put(("context",), {}), Drop(("versioning", "activeVersion")))
    assert told(edit) == "spec.context changes, spec.versioning.activeVersion goes"
