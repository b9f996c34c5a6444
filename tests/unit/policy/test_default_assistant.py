"""The default assistant follows its Graph field by field, and what a person took over stays theirs."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.graph import Graph
from assistant_operator.api.meta import ManagedFields
from assistant_operator.policy.default_assistant import apply_configuration, leaves, nested, without
from harness.worlds import GRAPH, a_default, a_graph, managed, managed_tree

REF = {"graphRef": {"name": GRAPH}}
OURS = ("graphRef.name",)
Fields = dict[str, Any]


def applied(context: Any, **defaults: Any) -> Fields:
    return {**REF, "context": context, **defaults}


def default(context: Any, ours: Any = None, *others: ManagedFields, **different: Any) -> Assistant:
    """The default assistant with that context, in which we own that tree; `ours` as FieldsV1."""
    mine = managed_tree("assistant-operator", ours, operation="Apply") if ours is not None else None
    graph_ref = managed("assistant-operator", *OURS, operation="Apply")
    tree = {**graph_ref.fields_v1["f:spec"], **(mine.fields_v1["f:spec"] if mine else {})}
    entry = graph_ref.model_copy(update={"fields_v1": {"f:spec": tree}})
    live = a_default(context=context, **different)
    meta = live.metadata.model_copy(update={"managed_fields": (entry, *others)})
    return live.model_copy(update={"metadata": meta})


def person(context: Any, name: str = "kubectl-edit") -> ManagedFields:
    return managed_tree(name, context)


NOTHING_TO_DO: list[Any] = [
    pytest.param({"prompt": "hello"}, a_default(), id="it follows"),
    pytest.param({"n": 1}, default({"n": 1.0}, {"f:n": {}}), id="1 and 1.0 are one content"),
    pytest.param({}, default({}, {}), id="an empty object"),
    pytest.param({"e": {}}, default({"e": {}}, {"f:e": {}}), id="an empty object inside"),
    pytest.param({"l": [{"a": 1}]}, default({"l": [{"a": 1}]}, {"f:l": {}}), id="a list"),
    pytest.param({"n": None}, default({"n": None}, {"f:n": {}}), id="a null"),
    pytest.param({"a.b": 1}, default({"a.b": 1}, {"f:a.b": {}}), id="a key with a dot"),
    pytest.param({"": 1}, default({"": 1}, {"f:": {}}), id="an empty key"),
    pytest.param(
        {"prompt": "hello"},
        a_default(managed("kubectl", "context.mine"), context={"prompt": "hello", "mine": 1}),
        id="a person's own field beside ours",
    ),
    pytest.param(
        {"prompt": "hello"}, default({"prompt": "mine"}, None, person({"f:prompt": {}})), id="a person took it over"
    ),
    pytest.param(
        {"prompt": "hello"},
        default({"prompt": "hello"}, {"f:prompt": {}}, person({"f:prompt": {}})),
        id="a person said the same",
    ),
    pytest.param(
        {"model": {"name": "x"}},
        default({"model": {"name": "mine"}}, {"f:model": {}}, person({"f:model": {"f:name": {}}})),
        id="the only field of an object was taken over: the object is still ours",
    ),
    pytest.param(
        {"model": {"name": "x"}},
        default({"model": "mine"}, None, person({"f:model": {}})),
        id="a person put a value where the default has an object",
    ),
    pytest.param(
        {"model": "x"},
        default({"model": {"name": "mine"}}, None, person({"f:model": {".": {}, "f:name": {}}})),
        id="a person put an object where the default has a value",
    ),
    pytest.param(
        {"e": {}},
        default({"e": {"mine": 1}}, {"f:e": {}}, person({"f:e": {"f:mine": {}}})),
        id="a person put something into an empty object",
    ),
    pytest.param(
        None,
        default({"e": {"mine": 1}}, {"f:e": {}}, person({"f:e": {"f:mine": {}}})),
        id="an object with a person's field in it is not taken away with its default",
    ),
    pytest.param({"l": [1]}, default({"l": [2]}, None, person({"f:l": {}})), id="a person took over a list"),
    pytest.param(
        {"prompt": "hello", "prompt2": "x"},
        default({"prompt": "mine", "prompt2": "x"}, {"f:prompt2": {}}, person({"f:prompt": {}})),
        id="a key that begins like one taken over",
    ),
    pytest.param(
        {"a.b": 1, "a": {"b": 2}},
        default({"a.b": 9, "a": {"b": 2}}, {"f:a": {".": {}, "f:b": {}}}, person({"f:a.b": {}})),
        id="a dotted key taken over, not the two steps that look alike",
    ),
]


def following(context: Fields | None) -> Graph:
    """A Graph with that default context; None for a Graph without defaults."""
    return a_graph(defaults={} if context is None else {"context": context})


@pytest.mark.parametrize(("context", "live"), NOTHING_TO_DO)
def test_there_is_nothing_to_apply(context: Fields | None, live: Assistant) -> None:
    assert apply_configuration(following(context), live) is None


CHANGES: list[Any] = [
    pytest.param({"prompt": "new"}, a_default(), {"prompt": "new"}, id="a changed default"),
    pytest.param({"n": True}, default({"n": 1}, {"f:n": {}}), {"n": True}, id="1 and true are two contents"),
    pytest.param({"prompt": "hello", "k": 1}, a_default(), {"prompt": "hello", "k": 1}, id="a new default"),
    pytest.param({"k": 1}, a_default(), {"k": 1}, id="one default in place of another"),
    pytest.param({"l": [2]}, default({"l": [1]}, {"f:l": {}}), {"l": [2]}, id="a list, as a whole"),
    pytest.param(
        {"prompt": "hello"},
        default({}, None),
        {"prompt": "hello"},
        id="a person removed it: it is nobody's, and comes back",
    ),
    pytest.param(
        {"prompt": "new", "k": 2},
        default({"prompt": "mine", "k": 1}, {"f:k": {}}, person({"f:prompt": {}})),
        {"k": 2},
        id="one field was taken over, the others follow",
    ),
    pytest.param(
        {"prompt": "new"},
        default({"prompt": "hello"}, {"f:prompt": {}}, person({"f:prompt": {}})),
        None,
        id="what a person owns as well is theirs from the first difference on",
    ),
    pytest.param(
        {"prompt": "mine", "k": 1},
        default({"prompt": "mine", "k": 1}, {"f:k": {}}, person({"f:prompt": {}})),
        {"prompt": "mine", "k": 1},
        id="the default became what the person had said: shared again",
    ),
    pytest.param(
        {"model": {"name": "x"}, "k": 2},
        default({"model": {"name": "mine"}, "k": 1}, {"f:model": {}, "f:k": {}}, person({"f:model": {"f:name": {}}})),
        {"model": {}, "k": 2},
        id="an object of ours with a person's field in it is still applied, or the API server takes it away",
    ),
    pytest.param(
        None,
        default({"o": {"k": 1, "mine": 1}}, {"f:o": {".": {}, "f:k": {}}}, person({"f:o": {"f:mine": {}}})),
        {"o": {}},
        id="so it is when its default goes",
    ),
    pytest.param(
        {"o": {"k": 2}},
        default({"o": {"k": 1, "mine": 1}}, {"f:o": {".": {}, "f:k": {}}}, person({"f:o": {"f:mine": {}}})),
        {"o": {"k": 2}},
        id="a person's field in an object of ours stops nothing",
    ),
    pytest.param(
        {"k": 2},
        default({"k": 1}, {"f:k": {}}, person({})),
        {"k": 2},
        id="a person owns the object, not the fields in it",
    ),
    pytest.param(
        {"o": {}},
        default({"o": {"k": 1}, "p": 1}, {"f:o": {".": {}, "f:k": {}}, "f:p": {}}),
        None,
        id="emptied: first it goes",
    ),
    pytest.param(
        {"o": {}}, default({"p": 1}, {"f:p": {}}, person({"f:p": {}})), {"o": {}}, id="then it comes back empty"
    ),
    pytest.param(
        {"o": {}},
        default({"o": {"k": 1, "mine": 1}}, {"f:o": {".": {}, "f:k": {}}}, person({"f:o": {"f:mine": {}}})),
        {"o": {}},
        id="emptied beside a person's field, it stays",
    ),
    pytest.param(
        {"k": 1},
        default({"k": 2}, {"f:k": {}}, managed_tree("ghost", {"f:k": {}}, subresource="status")),
        {"k": 1},
        id="a writer of the status owns no field of the spec",
    ),
]


@pytest.mark.parametrize(("context", "live", "expected"), CHANGES)
def test_what_is_applied(context: Fields | None, live: Assistant, expected: Fields | None) -> None:
    assert apply_configuration(following(context), live) == (REF if expected is None else applied(expected))


def test_all_of_it_is_applied_where_there_is_none_yet() -> None:
    defaults = {
        "displayName": "Default",
        "description": "",
        "context": {},
        "config": {"tags": [], "recursionLimit": 5, "configurable": {"a.b": {"": None}}},
        "metadata": {"list": [1, {"a": []}], "empty": {}},
    }
    assert apply_configuration(a_graph(defaults=defaults), None) == {**REF, **defaults}
    assert apply_configuration(a_graph(defaults={}), None) == REF


def test_all_defaults_are_gone_and_ours_go_with_them() -> None:
    assert apply_configuration(a_graph(defaults={}), a_default()) == REF


@pytest.mark.parametrize(("label", "expected"), [(None, applied({"prompt": "hello"})), ("false", None)])
def test_the_label_is_put_back_where_it_is_missing_and_left_where_a_person_changed_it(
    label: str | None, expected: Fields | None
) -> None:
    live = a_default()
    labels = {} if label is None else {"assistant-operator.dev/default": label}
    unlabelled = live.model_copy(update={"metadata": live.metadata.model_copy(update={"labels": labels})})
    assert apply_configuration(a_graph(), unlabelled) == expected


def test_the_graphs_own_defaults_are_never_written_into() -> None:
    graph = following({"o": {}})
    mine = person({"f:o": {"f:p": {"f:mine": {}}}})
    live = default({"o": {"p": {"mine": 1}}}, {"f:o": {".": {}, "f:p": {}}}, mine)
    assert apply_configuration(graph, live) is None
    assert graph == following({"o": {}})


def test_as_many_fields_as_fit_into_an_object_do_not_take_long() -> None:
    """Comparing each wanted field with each one taken over would take minutes."""
    names = [f"k{number}" for number in range(20_000)]
    mine = person({f"f:{name}": {} for name in names})
    defaults = {"context": dict.fromkeys(names, 1)}
    live = default(dict.fromkeys(names, 2), None, mine)
    assert apply_configuration(a_graph(defaults=defaults), live) is None
    assert without(defaults, frozenset(f".spec.context.{name}" for name in names)) == {"context": {}}


@pytest.mark.parametrize(
    ("content", "conflicts", "left"),
    [
        pytest.param({"prompt": 1, "k": 1}, ["prompt"], {"k": 1}, id="one field of two"),
        pytest.param({"prompt": 1, "prompt2": 1}, ["prompt"], {"prompt2": 1}, id="not one that begins like it"),
        pytest.param({"prompt": 1, "prompt.x": 1}, ["prompt"], {"prompt.x": 1}, id="not one that goes on after a dot"),
        pytest.param({"a.b": 1, "a": 1}, ["a.b"], {"a": 1}, id="a key with a dot"),
        pytest.param({"a": {"b.c": 1, "b": 1}}, ["a.b.c"], {"a": {"b": 1}}, id="a key with a dot, inside"),
        pytest.param({"a.b": 1, "a": {"b": 1}}, ["a.b"], {"a": {}}, id="two that are spelled alike: both"),
        pytest.param(
            {'q"x': 1, "s p": 1, "[0]": 1, "": 1}, ['q"x', "s p", "[0]", ""], {}, id="keys are written unquoted"
        ),
        pytest.param({"m": {"name": 1, "size": 1}}, ["m"], {}, id="an object as a whole"),
        pytest.param({"m": {"name": 1}}, ["m.name"], {"m": {}}, id="its last field: the object is still applied"),
        pytest.param({"e": {}, "l": [1]}, ["e"], {"l": [1]}, id="an empty object"),
        pytest.param({"e": {}, "l": [1]}, ["l"], {"e": {}}, id="a list"),
        pytest.param({"k": 1}, ["other"], {"k": 1}, id="a field that we do not apply"),
    ],
)
def test_conflicts_take_out_what_they_name(content: Fields, conflicts: list[str], left: Fields) -> None:
    named = frozenset(f".spec.context.{each}" for each in conflicts)
    assert without(applied(content), named) == applied(left)


def test_a_conflict_with_the_whole_takes_out_the_whole() -> None:
    assert without(applied({"k": 1}, displayName="x"), frozenset([".spec.context", ".spec.displayName"])) == REF


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=2) | st.lists(st.integers(), max_size=2),
    lambda inner: st.dictionaries(st.text("ab.~/", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text("ab.", max_size=2), JSON, max_size=3))
def test_content_is_its_leaves(content: Fields) -> None:
    assert nested(dict(leaves(content))) == content


@given(st.dictionaries(st.text("ab.", max_size=2), JSON, max_size=3))
def test_whoever_owns_all_of_it_and_nothing_else_is_settled(context: Fields) -> None:
    """And whatever is applied once is not applied again."""
    live = default(context, _tree(context))
    assert apply_configuration(a_graph(defaults={"context": context}), live) is None


def _tree(content: Any) -> Fields:
    """As the API server keeps what one manager applied: below the top, objects are owned too."""
    if not isinstance(content, dict):
        return {}
    below = {f"f:{name}": _tree(value) for name, value in content.items()}
    return {name: {".": {}, **tree} if tree else {} for name, tree in below.items()}
