"""Two texts side by side: a line diff, and within changed lines a word diff. Pure."""

import difflib
import re
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, zip_longest

CONTEXT = 3
"""Equal lines that are shown around a change."""
MOST_LINES, MOST_CHARACTERS = 4_000, 400_000
"""What is shown at most."""
_LINE_STEPS, _WORD_STEPS = 4_000_000, 4_000_000
"""Bounds on the work for the lines, and for the words of all lines: less than a second each."""
_SIMILAR = 0.5
"""The words of two lines with less in common are not compared."""
_MOST_PAIRS = 400
"""Blocks with more pairs of changed lines than that are paired in order."""
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_VISIBLE = re.compile(r"\w+|[^\w\s]")


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a line."""

    text: str
    is_changed: bool = False


Parts = tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of both sides; 0 and no parts where a side has none. `kind`: equal, changed, removed or added."""

    kind: str
    left_number: int
    left: Parts
    right_number: int
    right: Parts


@dataclass(frozen=True, slots=True)
class Fold:
    """Equal lines that are not shown."""

    count: int


@dataclass(frozen=True, slots=True)
class Code:
    """A stretch of both sides, from `left_start` to before `left_end`, that is equal or differs."""

    is_equal: bool
    left_start: int
    left_end: int
    right_start: int
    right_end: int


@dataclass(slots=True)
class Budget:
    """Steps that a diff may still take. What it does not reach counts as different."""

    steps: int

    def take(self, steps: int) -> bool:
        """Whether there are that many left. If so, they are taken."""
        is_enough = steps <= self.steps
        self.steps -= steps if is_enough else 0
        return is_enough


@dataclass(frozen=True, slots=True)
class Comparison:
    """`is_cut`: whether there is more than is shown."""

    rows: tuple[Line | Fold, ...]
    added: int
    removed: int
    is_cut: bool = False

    @property
    def is_equal(self) -> bool:
        return not self.added and not self.removed


def compare(left: str, right: str, *, unfold: bool = False) -> Comparison:
    """`unfold`: show all equal lines."""
    before, after = left.splitlines(), right.splitlines()
    codes = stretches(before, after, Budget(_LINE_STEPS))
    rows = _within_bounds(_rows(before, after, codes, unfold=unfold))
    different = [code for code in codes if not code.is_equal]
    return Comparison(
        tuple(row for row in rows if row),
        added=sum(code.right_end - code.right_start for code in different),
        removed=sum(code.left_end - code.left_start for code in different),
        is_cut=None in rows,
    )


def _rows(left: Sequence[str], right: Sequence[str], codes: Sequence[Code], *, unfold: bool) -> Iterator[Line | Fold]:
    words = Budget(_WORD_STEPS)
    for code in codes:
        if code.is_equal:
            head = 0 if code is codes[0] else CONTEXT
            tail = 0 if code is codes[-1] else CONTEXT
            yield from _equal(left, code, head, tail, unfold=unfold)
        else:
            yield from _changed(left, right, code, words)


def _equal(left: Sequence[str], code: Code, head: int, tail: int, *, unfold: bool) -> Iterator[Line | Fold]:
    """The lines, but for `head` at the beginning and `tail` at the end folded. One line is not worth a fold."""
    count = code.left_end - code.left_start
    is_folded = not unfold and count > head + tail + 1
    for offset in range(head if is_folded else count):
        yield _same(left, code, offset)
    if is_folded:
        yield Fold(count - head - tail)
        for offset in range(count - tail, count):
            yield _same(left, code, offset)


def _same(left: Sequence[str], code: Code, offset: int) -> Line:
    part = (Part(left[code.left_start + offset]),)
    return Line("equal", code.left_start + offset + 1, part, code.right_start + offset + 1, part)


def _changed(left: Sequence[str], right: Sequence[str], code: Code, words: Budget) -> Iterator[Line]:
    """The rows of lines that differ. Similar lines are in one row, with their words compared."""
    here, there = code.left_start, code.right_start
    for before, after in _similar(left, right, code):
        yield from _apart(left, right, range(here, before), range(there, after))
        lefts, rights = word_diff(left[before], right[after], words)
        yield Line("changed", before + 1, lefts, after + 1, rights)
        here, there = before + 1, after + 1
    yield from _apart(left, right, range(here, code.left_end), range(there, code.right_end))


def _apart(left: Sequence[str], right: Sequence[str], lefts: range, rights: range) -> Iterator[Line]:
    """Lines without a counterpart: side by side, and not compared."""
    for old, new in zip_longest(lefts, rights):
        kind = "removed" if new is None else "added" if old is None else "changed"
        before = (0, ()) if old is None else (old + 1, (Part(left[old]),))
        after = (0, ()) if new is None else (new + 1, (Part(right[new]),))
        yield Line(kind, *before, *after)


def _similar(left: Sequence[str], right: Sequence[str], code: Code) -> Iterable[tuple[int, int]]:
    """The pairs of similar lines, in order on both sides, with the greatest similarity in all."""
    lefts, rights = range(code.left_start, code.left_end), range(code.right_start, code.right_end)
    if len(lefts) * len(rights) > _MOST_PAIRS:
        return (pair for pair in zip(lefts, rights, strict=False) if _likeness(left[pair[0]], right[pair[1]]))
    best: list[list[tuple[float, tuple[tuple[int, int], ...]]]] = [[(0.0, ())] * (len(rights) + 1)]
    for row, before in enumerate(lefts):
        line: list[tuple[float, tuple[tuple[int, int], ...]]] = [(0.0, ())]
        for column, after in enumerate(rights):
            score, pairs = best[row][column]
            likeness = _likeness(left[before], right[after])
            paired = (score + likeness, (*pairs, (before, after)) if likeness else pairs)
            line.append(max(best[row][column + 1], line[column], paired, key=lambda choice: choice[0]))
        best.append(line)
    return best[-1][-1][1]


def _likeness(left: str, right: str) -> float:
    """The share of words that two lines have in common, from 0 to 1; 0 if it is small."""
    before, after = Counter(_VISIBLE.findall(left)), Counter(_VISIBLE.findall(right))
    count = before.total() + after.total()
    share = 2 * (before & after).total() / count if count else 0.0
    return share if share >= _SIMILAR else 0.0


def word_diff(left: str, right: str, budget: Budget) -> tuple[Parts, Parts]:
    """Both lines, with the words that differ."""
    before, after = _WORD.findall(left), _WORD.findall(right)
    codes = stretches(before, after, budget)
    lefts = (Part("".join(before[code.left_start : code.left_end]), not code.is_equal) for code in codes)
    rights = (Part("".join(after[code.right_start : code.right_end]), not code.is_equal) for code in codes)
    return tuple(part for part in lefts if part.text), tuple(part for part in rights if part.text)


def stretches(left: Sequence[str], right: Sequence[str], budget: Budget) -> list[Code]:
    """The equal and the different stretches in order; together they are both sides."""
    codes: list[Code] = []
    here, there = 0, 0
    for start, other, size in [*_matches(left, right, budget), (len(left), len(right), 0)]:
        if start > here or other > there:
            codes.append(Code(is_equal=False, left_start=here, left_end=start, right_start=there, right_end=other))
        if size:
            codes.append(
                Code(is_equal=True, left_start=start, left_end=start + size, right_start=other, right_end=other + size)
            )
        here, there = start + size, other + size
    return codes


def _matches(left: Sequence[str], right: Sequence[str], budget: Budget) -> list[tuple[int, int, int]]:
    """Equal stretches as left start, right start and length, in order, the next one never adjacent to the one before.

    difflib's algorithm, with a bound: its cost is not bounded by the size of the texts.
    """
    head = _common(left, right)
    tail = _common(left[head:][::-1], right[head:][::-1])
    matcher = difflib.SequenceMatcher(None, "", right, autojunk=False)
    matcher.set_seq1(left)
    counts = Counter(right)
    costs = [0, *accumulate(1 + counts[each] for each in left)]
    found = [(0, 0, head), (len(left) - tail, len(right) - tail, tail)]
    regions = deque([(head, len(left) - tail, head, len(right) - tail)])
    while regions:
        left_start, left_end, right_start, right_end = regions.popleft()
        is_empty = left_start >= left_end or right_start >= right_end
        if is_empty or not budget.take(costs[left_end] - costs[left_start]):
            continue
        match = matcher.find_longest_match(left_start, left_end, right_start, right_end)
        if match.size:
            found.append((match.a, match.b, match.size))
            regions.append((left_start, match.a, right_start, match.b))
            regions.append((match.a + match.size, left_end, match.b + match.size, right_end))
    return _joined(sorted(each for each in found if each[2]))


def _joined(matches: Iterable[tuple[int, int, int]]) -> list[tuple[int, int, int]]:
    """Adjacent stretches as one."""
    joined: list[tuple[int, int, int]] = []
    for start, other, size in matches:
        last = joined[-1] if joined else (0, 0, 0)
        if last[2] and (last[0] + last[2], last[1] + last[2]) == (start, other):
            joined[-1] = (last[0], last[1], last[2] + size)
        else:
            joined.append((start, other, size))
    return joined


def _common(left: Sequence[str], right: Sequence[str]) -> int:
    """Length of the common beginning."""
    for position, (one, other) in enumerate(zip(left, right, strict=False)):
        if one != other:
            return position
    return min(len(left), len(right))


def _within_bounds(rows: Iterable[Line | Fold]) -> list[Line | Fold | None]:
    """The first rows, as far as the bounds reach, at least one; None at the end if there are more."""
    shown: list[Line | Fold | None] = []
    characters = 0
    for row in rows:
        if isinstance(row, Line):
            characters += sum(len(part.text) for part in (*row.left, *row.right))
        if shown and (len(shown) == MOST_LINES or characters > MOST_CHARACTERS):
            return [*shown, None]
        shown.append(row)
    return shown
