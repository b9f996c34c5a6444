"""How things are spelled for people and their tools."""

from datetime import timedelta

import pytest
import yaml

from assistant_operator.kubectl.text import age, as_yaml, objects, table
from harness.worlds import NOW

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
        pytest.param({"a": 1e16, "b": 1e-7}, "a: 1.0e+16\nb: 1.0e-07\n", id="a float that nobody takes for text"),
        pytest.param({"a": "x " * 20_000}, f"a: '{'x ' * 20_000}'\n", id="a very long line stays one"),
        pytest.param({"a": "x\ny"}, "a: |-\n  x\n  y\n", id="a block without a last line break"),
        pytest.param({"a": " x\n\n y\n\n"}, "a: |2+\n   x\n\n   y\n\n", id="a block that begins with a blank"),
        pytest.param(
            {"a": "é 👩\u200d💻\u00a0!\nb"}, "a: |-\n  é 👩\u200d💻\u00a0!\n  b\n", id="a block in all letters"
        ),
        pytest.param({"a": "x \ny"}, 'a: "x \\ny"\n', id="a blank at a line's end can be seen"),
        pytest.param({"a": "x\ty\nz"}, 'a: "x\\ty\\nz"\n', id="a tab can be seen"),
        pytest.param({"a": "x\u2028y\nz"}, 'a: "x\\Ly\\nz"\n', id="a line separator is no line's end"),
        pytest.param({"a": "x\u0085y\nz"}, 'a: "x\\Ny\\nz"\n', id="nor is a next-line character"),
        pytest.param({"a": "\ufeffx"}, 'a: "\\uFEFFx"\n', id="a byte order mark"),
        pytest.param({"a": "x\r\ny"}, 'a: "x\\r\\ny"\n', id="a carriage return"),
        pytest.param({"a": "\x9b1m\x7f\0"}, 'a: "\\x9B1m\\x7F\\0"\n', id="other control characters"),
    ],
)
def test_yaml(content: object, text: str) -> None:
    assert as_yaml(content) == text
    assert yaml.safe_load(text) == content


LIKE_SOMETHING_ELSE = """
    0815 08 0 -1 +1 1.5 .5 5. 12e5 1e5 1E3 1e-7 -1e+3 1_000 0x1F 0X1f 0o17 0b1 017 0xg 12:30:45 1:30 190:20:30.15
    2026-01-01 2026-01-01T00:00:00Z 2001-12-14t21:59:43.10-05:00 .inf -.inf +.Inf .nan .NaN inf Infinity nan NaN
    y Y n N yes Yes YES no No NO on On ON off Off OFF true True TRUE false False FALSE tRuE null Null NULL ~ nil None
    = << - -- --- ... ? : ! & * | > % @ ` # , [ ] { } ' " - ?x :x -x !x &x *x |x >x %x @x `x #x ,x [x ]x {x }x 'x "x =x
    .x .. 1a 1.2.3 10.0.0.1 +x _1 _ \\ $x (x) ;x ^x 3f2c-11 1password 007
""".split()  # noqa: SIM905 (a list of so many quoted words is not to be read)
LIKE_SOMETHING_ELSE += ["", " ", " x", "x ", "x: y", "x:", "x #y", "- x", "? x", "\tx", "x\t", "\u00a0x", "٣", "²"]


@pytest.mark.parametrize("text", LIKE_SOMETHING_ELSE)
def test_text_that_some_reader_takes_for_something_else_is_quoted(text: str) -> None:
    for written in (as_yaml([text]).removeprefix("- "), as_yaml({text: 1}).removeprefix("? ")):
        assert written[0] in "'\"", written
    assert yaml.safe_load(as_yaml({text: [text]})) == {text: [text]}


PLAIN = """
bot
team/bot
/context/prompt
assistant-operator.dev/v1alpha1
sha256:0815
shop:assistant-operator.dev/Assistant:t/bot
gpt-4.1
e5
yes-man
nothing
nullable
Norway
one_two
é
你好
a@b.c
x=y
f(x)
C++
a"b
it's
a{b}c
http://h:1/p?q=1
You are helpful. Answer in French, or not at all!
a - b
""".strip().splitlines()


@pytest.mark.parametrize("text", PLAIN)
def test_text_that_everybody_reads_as_text_stays_as_it_is(text: str) -> None:
    assert as_yaml({text: text}) == f"{text}: {text}\n"


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
