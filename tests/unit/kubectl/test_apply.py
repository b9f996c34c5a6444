"""What `set` applies, and the same as a JSON patch."""

from typing import Any

import jsonpatch
import pytest

from assistant_operator.api.meta import ManagedFields
from assistant_operator.kubectl.apply import as_patch, configuration, owned, with_value
from assistant_operator.kubectl.assignments import Assignment
from assistant_operator.kubectl.errors import CliError
from assistant_operator.kubectl.patch import CAUSE
from harness.worlds import managed, managed_tree

META = {"name": "bot", "namespace": "team", "uid": "u", "resourceVersion": "7", "annotations": {CAUSE: "x", "a": "b"}}
SPEC = {"graphRef": {"name": "g"}, "context": {"a": 1, "b": {"c": [1]}, "p": "text"}}


def assign(path: str, value: Any) -> Assignment:
    return Assignment(tuple(path.split(".")), value)


def applied(*entries: ManagedFields, **values: Any) -> Any:
    found = configuration({"metadata": META, "spec": SPEC}, entries, [assign(*pair) for pair in values.items()])
    assert found["apiVersion"] == "assistant-operator.dev/v1alpha1"
    assert found["kind"] == "Assistant"
    return found


OURS = managed("kubectl-assistants", "context.a", "context.b.c", operation="Apply")


@pytest.mark.parametrize(
    ("entries", "spec"),
    [
        pytest.param([], {"context": {"new": 2}}, id="the new value alone"),
        pytest.param([OURS], {"context": {"a": 1, "b": {"c": [1]}, "new": 2}}, id="and what was applied before"),
        pytest.param([managed("me", "context.a", operation="Apply")], {"context": {"new": 2}}, id="not by another"),
        pytest.param([managed("kubectl-assistants", "context.a")], {"context": {"new": 2}}, id="nor by a patch"),
        pytest.param(
            [managed("kubectl-assistants", "context.a", "context.gone", operation="Apply")],
            {"context": {"a": 1, "new": 2}},
            id="nor what no longer exists",
        ),
        pytest.param(
            [managed_tree("kubectl-assistants", {}, "Apply")],
            {"context": {"new": 2}},
            id="an object that is owned without its fields stays without those of others",
        ),
    ],
)
def test_the_spec_to_apply(entries: list[ManagedFields], spec: Any) -> None:
    assert applied(*entries, **{"context.new": 2})["spec"] == spec


def test_it_is_applied_to_that_very_object_and_not_with_its_old_cause() -> None:
    tree: dict[str, Any] = {"f:metadata": {"f:annotations": {f"f:{CAUSE}": {}, "f:a": {}}}, "f:spec": {}}
    entry = ManagedFields(manager="kubectl-assistants", operation="Apply", fields_v1=tree)
    meta = {"name": "bot", "namespace": "team", "uid": "u", "resourceVersion": "7"}
    assert applied(**{"context.a": 2})["metadata"] == meta
    assert applied(entry, **{"context.a": 2})["metadata"] == {**meta, "annotations": {"a": "b"}}


@pytest.mark.parametrize(
    ("fields", "value", "part"),
    [
        ({"f:a": {}, ".": {}}, {"a": 1, "b": 2}, {"a": 1}),
        ({"f:a": {}}, {"a": {"b": 1}}, {"a": {}}),
        ({"f:a": {"f:b": {}}}, {"a": "text"}, {"a": "text"}),
        ({"f:a.b": {}}, {"a.b": None}, {"a.b": None}),
        ({}, {"a": 1}, {}),
    ],
)
def test_what_a_manager_owns(fields: Any, value: Any, part: Any) -> None:
    assert owned(fields, value) == part


@pytest.mark.parametrize(
    ("path", "value", "after"),
    [
        ("context.a", 2, {"context": {"a": 2, "b": {"c": [1]}}}),
        ("context.x.y", 2, {"context": {"a": 1, "b": {"c": [1]}, "x": {"y": 2}}}),
        ("context.b", {"d": 2}, {"context": {"a": 1, "b": {"c": [1], "d": 2}}}),
        ("context.b.c", [2], {"context": {"a": 1, "b": {"c": [2]}}}),
        ("context.b", "text", {"context": {"a": 1, "b": "text"}}),
        ("context.a", {"d": 2}, {"context": {"a": {"d": 2}, "b": {"c": [1]}}}),
        ("other", {}, {"context": {"a": 1, "b": {"c": [1]}}, "other": {}}),
    ],
)
def test_an_object_is_merged_and_all_else_replaced(path: str, value: Any, after: Any) -> None:
    before = {"context": {"a": 1, "b": {"c": [1]}}}
    assert with_value(before, tuple(path.split(".")), value) == after
    assert before == {"context": {"a": 1, "b": {"c": [1]}}}


def put(path: str, value: Any) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}


@pytest.mark.parametrize(
    ("assignments", "patch"),
    [
        pytest.param([assign("context.a", 1)], (), id="it has that value"),
        pytest.param([assign("context.a", 1.0)], (), id="in other words"),
        pytest.param([assign("context.b", {"c": [1]})], (), id="an object that it has"),
        pytest.param([assign("context.a", True)], (put("/spec/context/a", True),), id="another value"),
        pytest.param([assign("context.x", None)], (put("/spec/context/x", None),), id="null is a value"),
        pytest.param([assign("config.tags", ["a"])], (put("/spec/config", {"tags": ["a"]}),), id="in a new object"),
        pytest.param([assign("context.b", {"d": 1})], (put("/spec/context/b", {"c": [1], "d": 1}),), id="merged"),
        pytest.param([Assignment(("context", "x/y~z"), 1)], (put("/spec/context/x~1y~0z", 1),), id="a name to escape"),
        pytest.param(
            [assign("config.tags", ["a"]), assign("config.recursionLimit", 5)],
            (put("/spec/config", {"tags": ["a"]}), put("/spec/config/recursionLimit", 5)),
            id="two in one new object",
        ),
        pytest.param(
            [assign("context.a", 2), assign("context.a", 1)],
            (put("/spec/context/a", 2), put("/spec/context/a", 1)),
            id="the last one holds",
        ),
    ],
)
def test_the_same_as_a_patch(assignments: list[Assignment], patch: Any) -> None:
    found = as_patch(SPEC, assignments)
    assert found == patch
    wanted = SPEC
    for each in assignments:
        wanted = with_value(wanted, each.path, each.value)
    assert jsonpatch.apply_patch({"spec": SPEC}, list(found))["spec"] == wanted


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("context.b.c.0", "error: context.b.c is a list, which is set as a whole: context.b.c:=[…]"),
        ("context.p.x", "error: context.p is no object: context.p.x cannot be set in it"),
        ("context.a.x.y", "error: context.a is no object: context.a.x.y cannot be set in it"),
    ],
)
def test_a_path_through_what_is_no_object(path: str, message: str) -> None:
    with pytest.raises(CliError) as error:
        as_patch(SPEC, [assign(path, 1)])
    assert str(error.value) == message
