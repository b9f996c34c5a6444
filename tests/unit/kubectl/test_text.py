"""How things are spelled for people and their tools."""

from datetime import timedelta

import pytest
import yaml

from assistant_operator.kubectl.text import age, as_yaml, objects, table
from worlds import NOW

MINUTE, HOUR, DAY = 60, 3600, 86_400


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "0s"),
        (0, "0s"),
        (119, "119s"),
        (2 * MINUTE, "2m"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE + 1, "10m"),
        (2 * HOUR + 59 * MINUTE, "179m"),
        (3 * HOUR, "3h"),
        (7 * HOUR + 5 * MINUTE, "7h5m"),
        (47 * HOUR + 59 * MINUTE, "47h"),
        (2 * DAY, "2d"),
        (7 * DAY + 23 * HOUR, "7d23h"),
        (8 * DAY + 23 * HOUR, "8d"),
        (729 * DAY, "729d"),
        (731 * DAY, "2y1d"),
        (9 * 365 * DAY + 3, "9y"),
    ],
)
def test_an_age_is_told_as_kubectl_tells_it(seconds: int, told: str) -> None:
    assert age(NOW - timedelta(seconds=seconds), NOW) == told


def test_who_was_never_made_has_no_age() -> None:
    assert age(None, NOW) == "<unknown>"


def test_columns_are_as_wide_as_their_widest_cell_and_no_line_ends_in_blanks() -> None:
    assert table(("NAME", "WHY"), [("bot", ""), ("a-longer-one", "no")]) == (
        "NAME           WHY\nbot\na-longer-one   no\n"
    )


def test_a_cell_neither_breaks_its_line_nor_speaks_to_the_terminal() -> None:
    assert table(("CAUSE",), [("red \x1b[31malert\nand\r\u202egone",)]) == "CAUSE\nred ?[31malert and??gone\n"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param({"b": 1, "a": None}, "a: null\nb: 1\n", id="keys are sorted"),
        pytest.param({"a": "x\ny\n"}, "a: |\n  x\n  y\n", id="text of several lines is a block"),
        pytest.param({"a": "ü" * 200}, f"a: {'ü' * 200}\n", id="a long line stays one, in its own letters"),
        pytest.param({"a": "\x1b[31m"}, 'a: "\\e[31m"\n', id="what would colour a terminal is spelled out"),
        pytest.param({"a": "no", "b": "1"}, "a: 'no'\nb: '1'\n", id="text that looks like something else is quoted"),
        pytest.param({"a": 2**53 + 1}, "a: 9007199254740993\n", id="every digit of a large number"),
    ],
)
def test_yaml(content: object, text: str) -> None:
    assert as_yaml(content) == text
    assert yaml.safe_load(text) == content


def test_what_stands_twice_is_written_twice() -> None:
    tool = {"name": "stock"}
    assert as_yaml({"a": tool, "b": tool}) == "a:\n  name: stock\nb:\n  name: stock\n"


def test_one_object_is_shown_by_itself_and_several_as_a_list_without_managed_fields() -> None:
    document = {"kind": "Assistant", "metadata": {"name": "bot", "managedFields": [{"manager": "kubectl"}]}}
    assert objects([document], "yaml", is_one=True) == "kind: Assistant\nmetadata:\n  name: bot\n"
    assert yaml.safe_load(objects([document], "json", is_one=False)) == {
        "apiVersion": "v1",
        "kind": "List",
        "metadata": {},
        "items": [{"kind": "Assistant", "metadata": {"name": "bot"}}],
    }
