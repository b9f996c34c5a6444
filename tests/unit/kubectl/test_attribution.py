"""Which version introduced what, told from the contents and from the recorded paths."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from assistant_operator.kubectl.attribution import Entry, Origin, attribute, lines_of, matches
from assistant_operator.kubectl.edits import RecordedEdit
from assistant_operator.policy.versioning import differences, pointer

Introduced = dict[str, Any]


def edits(*contexts: Any, first: int = 1) -> list[RecordedEdit]:
    """One edit a context, each with the paths that the operator would record; None: that version is missing."""
    found = []
    before: Any = None
    for number, context in enumerate(contexts, first):
        if context is None:
            continue
        snapshot = {"context": context}
        paths = [] if before is None else sorted(pointer(path) for path in differences(before, snapshot))
        found.append(RecordedEdit(number, snapshot, "Created" if number == 1 else "Edited", tuple(paths)))
        before = snapshot
    return found


def introduced(entries: list[Entry]) -> Introduced:
    """For each pointer (with the line) the version, or first and last if it is not known exactly."""
    return {
        pointer(entry.path)[len("/context") :] + (f":{entry.line}" if entry.line else ""): (
            entry.origin.first if entry.origin.is_exact else (entry.origin.first, entry.origin.last)
        )
        for entry in entries
    }


@pytest.mark.parametrize(
    ("contexts", "wanted"),
    [
        pytest.param([{"a": 1}], {"/a": 1}, id="one version"),
        pytest.param([{"a": 1}, {"a": 1, "b": 1}, {"a": 2, "b": 1}], {"/a": 3, "/b": 2}, id="fields"),
        pytest.param([{"a": 1}, {"a": 1.0, "b": 0}], {"/a": 1, "/b": 2}, id="1 and 1.0 are the same"),
        pytest.param([{"a": 1}, {"a": True}], {"/a": 2}, id="1 and true are not"),
        pytest.param([{"a": 1}, {"a": 2}, {"a": 1}], {"/a": 3}, id="what comes back is new"),
        pytest.param([{"a": 1}, {}, {"a": 1}], {"/a": 3}, id="and so is what was removed"),
        pytest.param([{"a": {}}, {"a": {"b": 1}}, {"a": {}}], {"/a": 3}, id="an empty object is a value"),
        pytest.param([{"a": {}}, {"a": {}, "b": []}], {"/a": 1, "/b": 2}, id="and stays"),
        pytest.param([{"a": {"b": 1}}, {"a": [1]}], {"/a/0": 2}, id="another type"),
        pytest.param([{"a": "x\ny"}, {"a": "x\nz"}], {"/a:1": 1, "/a:2": 2}, id="lines"),
        pytest.param([{"a": "x\ny\n"}, {"a": "w\nx\ny"}], {"/a:1": 2, "/a:2": 1, "/a:3": 1}, id="a line before"),
        pytest.param([{"a": "x"}, {"a": "x\ny"}], {"/a:1": 1, "/a:2": 2}, id="a second line"),
        pytest.param([{"a": "x\ny"}, {"a": "y"}], {"/a": 1}, id="one line is left"),
        pytest.param([{"a": "x\ny"}, {"a": 1}, {"a": "x\ny"}], {"/a:1": 3, "/a:2": 3}, id="no text between"),
        pytest.param(
            [{"a": "same\nold\nsame\n"}, {"a": "same\nsame\nnew\n"}],
            {"/a:1": 1, "/a:2": 1, "/a:3": 2},
            id="a line that stands twice",
        ),
        pytest.param([{"l": [1, 2]}, {"l": [0, 1, 2]}], {"/l/0": 2, "/l/1": 1, "/l/2": 1}, id="an item before"),
        pytest.param(
            [{"m": [{"role": "s", "text": "x\ny"}]}, {"m": [{"role": "s", "text": "x\nz"}, {"role": "u"}]}],
            {"/m/0/role": 1, "/m/0/text:1": 1, "/m/0/text:2": 2, "/m/1/role": 2},
            id="a text within a list of messages",
        ),
    ],
)
def test_a_whole_history(contexts: list[Any], wanted: Introduced) -> None:
    assert introduced(attribute(edits(*contexts))) == wanted


LINES = "x\ny"


@pytest.mark.parametrize(
    ("paths", "context", "wanted"),
    [
        pytest.param(["/context/a"], {"a": 1, "b": 2}, {"/a": 7, "/b": (1, 6)}, id="the record tells both apart"),
        pytest.param(["/context"], {"a": {"b": 1}, "c": LINES}, {"/a/b": 7, "/c:1": 7, "/c:2": 7}, id="all is new"),
        pytest.param(["/context/a"], {"a": LINES}, {"/a:1": (1, 7), "/a:2": (1, 7)}, id="some line is new"),
        pytest.param(["/context/b"], {"a": LINES}, {"/a:1": (1, 6), "/a:2": (1, 6)}, id="no line is new"),
        pytest.param(
            ["/context/a"],
            {"a": [1, {"b": LINES}]},
            {"/a/0": (1, 7), "/a/1/b:1": (1, 7), "/a/1/b:2": (1, 7)},
            id="some item is new",
        ),
        pytest.param([], {"a": 1}, {"/a": (1, 7)}, id="nothing is recorded"),
        pytest.param([f"/context/x{n}" for n in range(64)], {"a": 1}, {"/a": (1, 7)}, id="not all is recorded"),
        pytest.param(
            [f"/context/{'a' * 300}"[:256]],
            {"a" * 300: 1, "b": 1},
            {f"/{'a' * 300}": (1, 7), "/b": (1, 6)},
            id="a path that was cut",
        ),
    ],
)
def test_a_history_whose_beginning_was_pruned(paths: list[str], context: Any, wanted: Introduced) -> None:
    kept = [RecordedEdit(7, {"context": context}, "Edited", tuple(paths))]
    assert introduced(attribute(kept)) == wanted
    later = RecordedEdit(8, {"context": {**context, "z": 1}}, "Edited", ("/context/z",))
    assert introduced(attribute([*kept, later])) == {**wanted, "/z": 8}


@pytest.mark.parametrize(
    ("before", "paths", "after", "wanted"),
    [
        pytest.param({"a": 1}, ["/context/b"], {"a": 1, "b": 1}, {"/a": 1, "/b": 5}, id="as before the gap"),
        pytest.param({"a": 1}, ["/context/b"], {"a": 2, "b": 1}, {"/a": (2, 4), "/b": 5}, id="changed in the gap"),
        pytest.param({"a": 1}, ["/context/a"], {"a": 1}, {"/a": 5}, id="changed there and back after it"),
        pytest.param({"a": LINES}, ["/context/a"], {"a": "x\nz"}, {"/a:1": 1, "/a:2": (2, 5)}, id="lines"),
        pytest.param({"a": LINES}, ["/context/b"], {"a": "x\nz"}, {"/a:1": 1, "/a:2": (2, 4)}, id="lines in the gap"),
        pytest.param({}, ["/context/a"], {"a": {"b": 1}}, {"/a/b": 5}, id="a new object"),
    ],
)
def test_a_history_with_a_gap(before: Any, paths: list[str], after: Any, wanted: Introduced) -> None:
    first = RecordedEdit(1, {"context": before}, "Created")
    assert introduced(attribute([first, RecordedEdit(5, {"context": after}, "Edited", tuple(paths))])) == wanted


def test_a_recreated_assistant_begins_anew() -> None:
    old = RecordedEdit(3, {"context": {"a": 1}}, "Edited", ("/context/a",))
    new = RecordedEdit(4, {"context": {"a": 1}}, "Created")
    assert introduced(attribute([old, new])) == {"/a": 4}
    assert introduced(attribute([new])) == {"/a": 4}


def test_no_version_has_no_entry() -> None:
    assert attribute([]) == []


def test_the_entries_are_the_content() -> None:
    (first, second, third) = attribute(edits({"a": "x\n\ny\n", "b": {"c": None}}))[:3]
    assert (first.value, second.value, third.value) == ("x", "", "y")
    assert attribute(edits({"b": {"c": None}})) == [Entry(("context", "b", "c"), 0, None, Origin(1, 1))]


SCALARS = st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["", "x", "x\ny", "x\ny\n", "y\nx\nx"])
CONTEXTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
)


@given(
    st.lists(st.none() | st.dictionaries(st.sampled_from("abc"), CONTEXTS, max_size=3), max_size=6), st.integers(1, 9)
)
def test_any_history_has_each_value_once_and_an_origin_that_had_it(contexts: list[Any], first: int) -> None:
    history = edits(*contexts, first=first)
    entries = attribute(history)
    assert len({(entry.path, entry.line) for entry in entries}) == len(entries)
    by_number = {edit.number: edit for edit in history}
    for entry in entries:
        assert 1 <= entry.origin.first <= entry.origin.last <= history[-1].number
        if entry.origin.is_exact and (edit := by_number.get(entry.origin.last)):
            assert str(entry.value) in str(edit.snapshot)


@given(st.text("ab\n"), st.text("ab\n"))
def test_matches_are_ascending_and_equal(old: str, new: str) -> None:
    one, other = lines_of(old), lines_of(new)
    at = (0, 0)
    for first, second, size in matches(one, other):
        assert first >= at[0]
        assert second >= at[1]
        assert one[first : first + size] == other[second : second + size]
        at = (first + size, second + size)


def test_a_long_text_is_compared_in_seconds() -> None:
    old = [f"line {number % 700}" for number in range(20_000)]
    new = [*old[:9_000], "another", *old[9_000:15_000], "one more", *old[15_001:]]
    kept = sum(size for _, _, size in matches(old, new))
    assert kept == len(new) - 2
