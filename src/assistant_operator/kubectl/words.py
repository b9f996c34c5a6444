"""The words that differ between the removed and the added lines of a unified diff. Pure."""

import re
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher

Span = tuple[int, int]
"""Begin and end of a stretch of a line, which is shown as changed."""

_WORD = re.compile(r"\w+|[^\w\s]")
_MOST_WORDS = 4_000
"""Words of a side up to which they are compared: that costs their number squared."""
_LEAST_ALIKE = 0.4
"""Below this ratio of equal words the lines have little in common, and no word is marked."""


def changed_words(lines: Sequence[str]) -> list[list[Span]]:
    """The spans of changed words in each line of a unified diff; none in lines that are only removed or only added."""
    spans: list[list[Span]] = [[] for _ in lines]
    for removed, added in _blocks(lines):
        left, right = [_words(lines, block) for block in (removed, added)]
        if max(len(left), len(right)) > _MOST_WORDS:
            continue
        matcher = SequenceMatcher(None, [word for word, _, _ in left], [word for word, _, _ in right], autojunk=False)
        if matcher.ratio() < _LEAST_ALIKE:
            continue
        for kind, first, last, begin, end in matcher.get_opcodes():
            if kind != "equal":
                _mark(spans, left[first:last])
                _mark(spans, right[begin:end])
    return spans


Word = tuple[str, int, Span]
"""A word, the number of its line, and where it is in that line."""


def _blocks(lines: Sequence[str]) -> Iterator[tuple[range, range]]:
    """Runs of removed lines that are followed by a run of added ones. The first two lines name the sides."""
    at = 2
    while at < len(lines):
        middle = _end_of_run(lines, at, "-")
        end = _end_of_run(lines, middle, "+")
        if at < middle < end:
            yield range(at, middle), range(middle, end)
        at = max(end, at + 1)


def _end_of_run(lines: Sequence[str], at: int, mark: str) -> int:
    while at < len(lines) and lines[at].startswith(mark):
        at += 1
    return at


def _words(lines: Sequence[str], block: range) -> list[Word]:
    return [(found[0], number, found.span()) for number in block for found in _WORD.finditer(lines[number], 1)]


def _mark(spans: list[list[Span]], words: Sequence[Word]) -> None:
    """Mark the words; words that follow one another in a line with the blanks between them."""
    before = -1
    for _, number, (begin, end) in words:
        if number == before:
            spans[number][-1] = (spans[number][-1][0], end)
        else:
            spans[number].append((begin, end))
        before = number
