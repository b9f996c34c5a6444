"""Names of fields, as users type them."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_operator.kubectl.fields import MISSING, dotted, leaves, parse_path, value_at
from assistant_operator.policy.versioning import pointer

CONTENT: dict[str, Any] = {"context": {"a.b": 1, "c/d~e": None, "list": [{"role": "system"}], "": {"x": {}}}}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("displayName", ("displayName",)),
        ("context.prompt", ("context", "prompt")),
        ("/context/prompt", ("context", "prompt")),
        ("spec.context.prompt", ("context", "prompt")),
        ("/spec/context", ("context",)),
        (r"context.a\.b", ("context", "a.b")),
        (r"context.a\\b", ("context", r"a\b")),
        ("/context/c~1d~0e", ("context", "c/d~e")),
        ("/context//x", ("context", "", "x")),
        ("context.list.0.role", ("context", "list", "0", "role")),
        ("metadata.ключ 1", ("metadata", "ключ 1")),
    ],
)
def test_a_path_in_dots_and_as_a_pointer(text: str, path: tuple[str, ...]) -> None:
    assert parse_path(text) == path


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a\\", "spec", "/spec", "/a~2"])
def test_what_names_no_field_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a (field|JSON Pointer)"):
        parse_path(text)


@given(st.lists(st.text(), min_size=1).map(tuple).filter(lambda path: path[0] != "spec"))
def test_each_path_can_be_typed_as_a_pointer(path: tuple[str, ...]) -> None:
    assert parse_path(pointer(path)) == path


@given(st.lists(st.text(min_size=1), min_size=1).map(tuple))
def test_each_path_without_empty_names_can_be_typed_in_dots(path: tuple[str, ...]) -> None:
    if path[0] != "spec" and not path[0].startswith("/"):
        assert parse_path(dotted(path)) == path


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("context", "a.b"), 1),
        (("context", "c/d~e"), None),
        (("context", "list", "0", "role"), "system"),
        (("context", "list", "1"), MISSING),
        (("context", "list", "-1"), MISSING),
        (("context", "list", "x"), MISSING),
        (("context", "nothing"), MISSING),
        (("context", "a.b", "c"), MISSING),
    ],
)
def test_the_value_at_a_path(path: tuple[str, ...], value: Any) -> None:
    assert value_at(CONTENT, path) is value or value_at(CONTENT, path) == value


def test_leaves_are_values_without_content_below() -> None:
    assert list(leaves(CONTENT)) == [
        ("context", "a.b"),
        ("context", "c/d~e"),
        ("context", "list"),
        ("context", "", "x"),
    ]
    assert list(leaves({})) == []
