"""Manifests as a file has them: read as kubectl reads them, or refused with the place."""

import json
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from assistant_operator.api.canonical import canonical
from assistant_operator.kubectl.manifests import Unreadable, manifests
from assistant_operator.kubectl.text import as_json, as_yaml
from unit.kubectl.test_text import LIKE_SOMETHING_ELSE, PLAIN

SCALARS = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
    | st.sampled_from([*LIKE_SOMETHING_ELSE, *PLAIN, "one\ntwo\n", "\n x\n\n"])
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.booleans()
    | st.none()
)
CONTENT = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=6), inner, max_size=4)
    ),
    max_leaves=20,
)


@pytest.fixture(scope="module", autouse=True)
def deep() -> Iterator[None]:
    """As the program sets it."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(50_000)
    yield
    sys.setrecursionlimit(before)


@given(content=CONTENT)
@example(content={text: [text] for text in [*LIKE_SOMETHING_ELSE, *PLAIN]})
def test_what_the_plugin_writes_is_read_as_the_same_content(content: Any) -> None:
    for text in (as_yaml({"a": content}), as_json({"a": content})):
        (read,) = manifests(text.encode())
        assert canonical(read) == canonical({"a": content})


@pytest.mark.parametrize(
    ("text", "content"),
    [
        ("a: 1\n---\n---\nb: 2\n", [{"a": 1}, {"b": 2}]),
        ("items:\n- a: 1\n- b: 2\nkind: List\n", [{"a": 1}, {"b": 2}]),
        ('{"kind": "AssistantVersionList", "items": [{"a": 1}]}', [{"a": 1}]),
        ("\ufeffa: é\n", [{"a": "é"}]),
        (
            "a: [1e-07, 1e+23, 1.0e+16, 2026-01-01, 12:30:45, 0815]",
            [{"a": [1e-7, 1e23, 1e16, "2026-01-01", "12:30:45", "0815"]}],
        ),
        ("a: [yes, off, ~, '']", [{"a": [True, False, None, ""]}]),
        ("'<<': {a: 1}\n'=': 2", [{"<<": {"a": 1}, "=": 2}]),
    ],
)
def test_what_is_read(text: str, content: list[Any]) -> None:
    assert list(manifests(text.encode())) == content


def test_deep_content_is_read() -> None:
    nested = '{"a":' * 3000 + "1" + "}" * 3000
    assert list(manifests(nested.encode())) == [json.loads(nested)]
    assert list(manifests(b"a: " + nested.encode())) == [{"a": json.loads(nested)}]
    with pytest.raises(RecursionError):
        list(manifests(b"[" * 60_000))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "it has no objects", id="empty"),
        pytest.param(b"---\n# nothing\n", "it has no objects", id="a comment"),
        pytest.param(b"hello", "it has a document that is not an object", id="a word"),
        pytest.param(b"- a: 1", "it has a document that is not an object", id="a list"),
        pytest.param(b"\x89PNG\r\n", "it is not text in UTF-8 (byte 0)", id="an image"),
        pytest.param(b"a\0b", "it is not text", id="a zero byte"),
        pytest.param(b"a: \x01", "it has characters that YAML does not allow", id="a control character"),
        pytest.param(b"a: 1\nb: [", "line 3: did not find expected node content", id="YAML that breaks off"),
        pytest.param(b'{"a": 1,\n"b"', "line 2: Expecting ':' delimiter", id="JSON that breaks off"),
        pytest.param(b"items:\n- a: 1\n", "it breaks off: a list has no kind", id="a list that breaks off"),
        pytest.param(b"a: 1\na: 2\n", "line 1: a key exists twice", id="a key twice"),
        pytest.param(b'{"a": {"b": 1, "b": 2}}', "an object has a key twice", id="a key twice in JSON"),
        pytest.param(b"a: &b {}\nc: *b\n", "line 2: aliases are not read", id="an alias, which may be a bomb"),
        pytest.param(b"a: !!binary aGk=\n", "line 1: the tag is not read", id="a tag"),
        pytest.param(b"a: !x b\n", "line 1: the tag is not read", id="an unknown tag"),
        pytest.param(b"a: 1\n2: 1\n", "line 1: a key is not text", id="a number as a key"),
        pytest.param(b"a: 1e999\n", "line 1: a number is too large", id="a number beyond a double"),
        pytest.param(b'{"a": 1e999}', "a number is too large", id="so in JSON"),
        pytest.param(b'{"a": NaN}', "NaN is not JSON", id="not a number"),
    ],
)
def test_what_is_refused(content: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as error:
        list(manifests(content))
    assert str(error.value) == reason
