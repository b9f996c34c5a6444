"""Two texts side by side."""

import time

import pytest

from assistant_operator.kubectl.dashboard.compare import (
    MOST_LINES,
    Budget,
    Comparison,
    Fold,
    Line,
    compare,
    stretches,
    word_diff,
)


def shown(found: Comparison) -> list[str]:
    """A row as text: numbers, both sides, changed words in brackets."""
    return [f"… {row.count}" if isinstance(row, Fold) else _row(row) for row in found.rows]


def _row(row: Line) -> str:
    sides = [
        "".join(f"[{part.text}]" if part.is_changed else part.text for part in parts) for parts in (row.left, row.right)
    ]
    return f"{row.left_number or '-'} {sides[0]} | {row.right_number or '-'} {sides[1]}"


@pytest.mark.parametrize(
    ("left", "right", "rows"),
    [
        pytest.param("", "", [], id="nothing"),
        pytest.param("a\n", "a\n", ["1 a | 1 a"], id="one equal line is not folded"),
        pytest.param("a\nb\n", "a\nb\n", ["… 2"], id="equal"),
        pytest.param("", "a\n", ["-  | 1 a"], id="added"),
        pytest.param("a\n", "", ["1 a | - "], id="removed"),
        pytest.param(
            "say it in 3 words\n", "say it in 2 words\n", ["1 say it in [3] words | 1 say it in [2] words"], id="a word"
        ),
        pytest.param("one\n", "two\n", ["1 one | 1 two"], id="nothing in common: no word is marked"),
        pytest.param(
            "t: 0.4\nd: shop\n",
            "sign here\nt: 0.9\n",
            ["-  | 1 sign here", "1 t: 0.[4] | 2 t: 0.[9]", "2 d: shop | - "],
            id="similar lines are in one row, wherever they are",
        ),
        pytest.param("a b c d\n", "a c d\n", ["1 a [b ]c d | 1 a c d"], id="a word is removed"),
        pytest.param("<b>x</b>\n", "<i>x</i>\n", ["1 <[b]>x</[b]> | 1 <[i]>x</[i]>"], id="marks are text"),
    ],
)
def test_rows(left: str, right: str, rows: list[str]) -> None:
    assert shown(compare(left, right)) == rows


def test_equal_lines_are_folded_but_for_three_around_a_change() -> None:
    before = [f"line {number}" for number in range(20)]
    after = [*before[:10], "line ten", *before[11:]]
    rows = shown(compare("\n".join(before), "\n".join(after)))
    assert (rows[0], rows[-1], len(rows)) == ("… 7", "… 6", 9)
    assert len(compare("\n".join(before), "\n".join(after), unfold=True).rows) == 20


@pytest.mark.parametrize(
    ("left", "right", "added", "removed"), [("a\n", "a\n", 0, 0), ("a x\n", "a y\nb\n", 2, 1), ("a\nb\n", "b\n", 0, 1)]
)
def test_how_many_lines_differ(left: str, right: str, added: int, removed: int) -> None:
    found = compare(left, right)
    assert (found.added, found.removed, found.is_equal) == (added, removed, not added and not removed)


def test_both_sides_are_whole() -> None:
    left, right = "the quick brown fox", "the slow  brown ox."
    parts = word_diff(left, right, Budget(1000))
    assert ["".join(part.text for part in side) for side in parts] == [left, right]


LARGE = 900_000


@pytest.mark.parametrize(
    ("left", "right"),
    [
        pytest.param("a " * (LARGE // 2), "b " * (LARGE // 2), id="one line, all different"),
        pytest.param("a " * (LARGE // 2), "a " * (LARGE // 2 - 9) + "b", id="one line, the end differs"),
        pytest.param("x y\n" * (LARGE // 4), "y x\n" * (LARGE // 4), id="the same lines again and again"),
        pytest.param(
            "".join(f"{number % 700} x\n" for number in range(LARGE // 6)),
            "".join(f"{number % 699} y\n" for number in range(LARGE // 6)),
            id="a pattern against another",
        ),
        pytest.param(
            "".join(f"line {number}\n" for number in range(LARGE // 10)),
            "".join(f"line {number}\n" for number in range(0, LARGE // 5, 2)),
            id="half of the lines",
        ),
    ],
)
def test_a_prompt_of_900_kb_is_compared_in_seconds_and_cut(left: str, right: str) -> None:
    started = time.process_time()
    found = compare(left, right)
    assert time.process_time() - started < 10
    assert not found.is_equal
    assert len(found.rows) <= MOST_LINES


def test_a_cut_comparison_says_so() -> None:
    found = compare("", "x\n" * (MOST_LINES + 1))
    assert (found.is_cut, len(found.rows), found.added) == (True, MOST_LINES, MOST_LINES + 1)
    assert not compare("", "x\n" * MOST_LINES).is_cut


@pytest.mark.parametrize(
    ("left", "right", "equal"),
    [
        ("abc", "abc", [True]),
        ("abc", "abd", [True, False]),
        ("abc", "xbc", [False, True]),
        ("ab", "axb", [True, False, True]),
        ("aab", "ab", [True, False, True]),
        ("", "", []),
    ],
)
def test_stretches_cover_both_sides(left: str, right: str, equal: list[bool]) -> None:
    codes = stretches(list(left), list(right), Budget(100))
    assert [code.is_equal for code in codes] == equal
    assert "".join(left[code.left_start : code.left_end] for code in codes) == left
    assert "".join(right[code.right_start : code.right_end] for code in codes) == right


def test_what_the_budget_does_not_reach_differs() -> None:
    codes = stretches(list("axbxc"), list("aybyc"), Budget(0))
    assert [code.is_equal for code in codes] == [True, False, True]
    assert [code.is_equal for code in stretches(list("axbxc"), list("aybyc"), Budget(100))] == [True, False] * 2 + [
        True
    ]
