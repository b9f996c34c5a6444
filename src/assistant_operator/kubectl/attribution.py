"""Which version introduced each field, and each line of a text: a fold over the versions. Pure."""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any

from assistant_operator.api.canonical import canonical
from assistant_operator.policy.versioning import LONGEST_PATH, Path, pointer

from .edits import RecordedEdit, is_same

_MOST_EXACT = 2_000
"""Lines or items up to which frequent ones are compared, too: that costs their number squared."""


@dataclass(frozen=True, slots=True)
class Origin:
    """The version that introduced a value: one of `first` to `last`, which are equal if it is known exactly."""

    first: int
    last: int

    @property
    def is_exact(self) -> bool:
        return self.first == self.last


Origins = Any
"""The origins of a value: a dict or a list of them for a dict or a list with content, a tuple for the lines of a text,
otherwise one Origin.
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """A field, or a line of a text, with its origin. `line`: counted from 1; 0 for a value that is no text of lines."""

    path: Path
    line: int
    value: Any
    origin: Origin


@dataclass(frozen=True, slots=True)
class _Step:
    """An edit and the first of the versions before it that are missing; 0 if none is."""

    edit: RecordedEdit
    missing: int = 0

    def origin(self, path: Path, *, is_part: bool) -> Origin:
        """The origin of what is new at `path`. `is_part`: it is only a part of the value there.

        Where versions are missing, the recorded paths separate what this edit changed from what was there before it.
        """
        number = self.edit.number
        if not self.missing:
            return Origin(number, number)
        at = [step for step in range(1, len(path) + 1) if pointer(path[:step])[:LONGEST_PATH] in self.edit.paths]
        if not at:
            return Origin(self.missing, number - 1 if self.edit.has_all_paths else number)
        # A recorded path above it: the object there is new, with all that it has.
        is_certain = len(pointer(path[: at[0]])) < LONGEST_PATH and (at[0] < len(path) or not is_part)
        return Origin(number if is_certain else self.missing, number)

    def repeats(self, path: Path) -> bool:
        """Whether the edit changed this value, although the kept version before has the same."""
        return bool(self.missing) and pointer(path) in self.edit.paths


def attribute(edits: Sequence[RecordedEdit]) -> list[Entry]:
    """The entries of the content of the last of these edits, in the order of the content. `edits`: by number."""
    before: Any = None
    origins: Origins = None
    previous = 0
    for edit in edits:
        if edit.is_first:
            origins = _new(edit.snapshot, (), _Step(edit))
        elif not previous:
            origins = _new(edit.snapshot, (), _Step(edit, 1))
        else:
            missing = 0 if previous == edit.number - 1 else previous + 1
            origins = _carried(before, origins, edit.snapshot, (), _Step(edit, missing))
        before, previous = edit.snapshot, edit.number
    return list(_entries(before, origins, ())) if edits else []


def lines_of(text: str) -> list[str]:
    """The lines of a text without their ends; a line end at its end begins no line."""
    return text.removesuffix("\n").split("\n")


def _new(value: Any, path: Path, step: _Step, *, is_part: bool = False) -> Origins:
    if isinstance(value, dict) and value:
        return {name: _new(each, _below(path, name, is_part), step, is_part=is_part) for name, each in value.items()}
    if isinstance(value, list) and value:
        return [_new(each, path, step, is_part=True) for each in value]
    if isinstance(value, str) and len(lines := lines_of(value)) > 1:
        return (step.origin(path, is_part=True),) * len(lines)
    return step.origin(path, is_part=is_part)


def _carried(before: Any, origins: Origins, after: Any, path: Path, step: _Step, *, is_part: bool = False) -> Origins:
    """The origins of `after`: those of `before`, where it has the same."""
    if isinstance(before, dict) and isinstance(after, dict) and before and after:
        return {
            name: _carried(before[name], origins[name], each, _below(path, name, is_part), step, is_part=is_part)
            if name in before
            else _new(each, _below(path, name, is_part), step, is_part=is_part)
            for name, each in after.items()
        }
    if is_same(before, after):
        return _new(after, path, step, is_part=is_part) if step.repeats(path) and not is_part else origins
    if isinstance(before, list) and isinstance(after, list) and before and after:
        return _carried_items(before, origins, after, path, step)
    if isinstance(before, str) and isinstance(after, str):
        return _carried_lines(before, origins, after, path, step, is_part=is_part)
    return _new(after, path, step, is_part=is_part)


def _below(path: Path, name: str, is_part: bool) -> Path:  # noqa: FBT001 (as its callers have it)
    """Within a list the path remains that of the list: versions record the change of a list as a whole."""
    return path if is_part else (*path, name)


def _carried_lines(before: str, origins: Origins, after: str, path: Path, step: _Step, *, is_part: bool) -> Origins:
    old, new = lines_of(before), lines_of(after)
    of_old = origins if isinstance(origins, tuple) else (origins,)
    of_new = [step.origin(path, is_part=is_part or len(new) > 1)] * len(new)
    for first, second, size in matches(old, new):
        of_new[second : second + size] = of_old[first : first + size]
    return tuple(of_new) if len(new) > 1 else of_new[0]


def _carried_items(before: list[Any], origins: list[Origins], after: list[Any], path: Path, step: _Step) -> Origins:
    """Equal items keep their origins. Those between are compared in order: an item may have changed in part."""
    found: list[Origins] = []
    done = 0
    keys = [[canonical(item) for item in items] for items in (before, after)]
    for first, second, size in (*matches(*keys), (len(before), len(after), 0)):
        for old, new in zip(range(done, first), range(len(found), second), strict=False):
            found.append(_carried(before[old], origins[old], after[new], path, step, is_part=True))
        found += [_new(each, path, step, is_part=True) for each in after[len(found) : second]]
        found += origins[first : first + size]
        done = first + size
    return found


def matches(old: Sequence[Hashable], new: Sequence[Hashable]) -> Iterator[tuple[int, int, int]]:
    """Where `new` has the same as `old`: begin in `old`, begin in `new`, length; ascending."""
    most = min(len(old), len(new))
    start = next((at for at in range(most) if old[at] != new[at]), most)
    end = next((at for at in range(most - start) if old[-1 - at] != new[-1 - at]), most - start)
    if start:
        yield 0, 0, start
    between = old[start : len(old) - end], new[start : len(new) - end]
    matcher = SequenceMatcher(None, *between, autojunk=max(map(len, between)) > _MOST_EXACT)
    for first, second, size in matcher.get_matching_blocks():
        if size:
            yield start + first, start + second, size
    if end:
        yield len(old) - end, len(new) - end, end


def _entries(value: Any, origins: Origins, path: Path) -> Iterator[Entry]:
    if isinstance(origins, dict):
        for name, each in value.items():
            yield from _entries(each, origins[name], (*path, name))
    elif isinstance(origins, list):
        for index, each in enumerate(value):
            yield from _entries(each, origins[index], (*path, str(index)))
    elif isinstance(origins, tuple):
        for number, (line, origin) in enumerate(zip(lines_of(value), origins, strict=True), 1):
            yield Entry(path, number, line, origin)
    else:
        yield Entry(path, 0, value, origins)
