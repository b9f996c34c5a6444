"""Which words of a diff are highlighted."""

import pytest

from assistant_operator.kubectl.words import changed_words

HEAD = ["--- bot-v1", "+++ bot-v2", "@@ -1 +1 @@"]


def marked(*lines: str) -> list[str]:
    """The lines with the changed words in brackets."""
    found = []
    for line, spans in zip(lines, changed_words([*HEAD, *lines])[3:], strict=True):
        text = line
        for begin, end in reversed(spans):
            text = f"{text[:begin]}[{text[begin:end]}]{text[end:]}"
        found.append(text)
    return found


@pytest.mark.parametrize(
    ("lines", "wanted"),
    [
        pytest.param(["-a: one two", "+a: one 2"], ["-a: one [two]", "+a: one [2]"], id="a word"),
        pytest.param(["-t: 0.2", "+t: 0.25"], ["-t: 0.[2]", "+t: 0.[25]"], id="a number"),
        pytest.param(
            ["-be kind now", "+be kind and short now"], ["-be kind now", "+be kind [and short] now"], id="more"
        ),
        pytest.param(["-a b c d", "+a d"], ["-a [b c] d", "+a d"], id="less"),
        pytest.param(["-a b", "-c d", "+a b c", "+d"], ["-a b", "-c d", "+a b c", "+d"], id="other line breaks"),
        pytest.param(["-a b", "-c d", "+a x", "+y d"], ["-a [b]", "-[c] d", "+a [x]", "+[y] d"], id="over two lines"),
        pytest.param(["-all of this", "+nothing in common"], ["-all of this", "+nothing in common"], id="another text"),
        pytest.param(["-removed", " same", "+added"], ["-removed", " same", "+added"], id="not side by side"),
        pytest.param(["+added", "-a b", "+a c"], ["+added", "-a [b]", "+a [c]"], id="after an added line"),
    ],
)
def test_changed_words(lines: list[str], wanted: list[str]) -> None:
    assert marked(*lines) == wanted


def test_the_names_of_the_sides_are_no_lines() -> None:
    assert changed_words(["--- one", "+++ two"]) == [[], []]
    assert changed_words([]) == []


def test_a_long_text_is_not_marked() -> None:
    assert changed_words([*HEAD, "-" + "a " * 5_000, "+" + "a " * 5_001]) == [[]] * 5
