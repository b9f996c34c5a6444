"""Writes that the API server refused or that had no effect: what was said, and when each is tried again."""

import asyncio
import random
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

FIRST, LONGEST = 1.0, 300.0
"""Seconds until the first retry, and the longest pause that doubling leads to."""
_WHOLE = 2
"""Refused steps of one kind from which on the kind counts as refused: then one step of it is tried at a time."""

StepId = tuple[str, Hashable]
"""Kind of a step, and what tells it from others of its kind: the number of a version, for example."""


@dataclass(slots=True)
class _Held:
    """What is held back. `until` is a time of the running loop."""

    words: str = ""
    attempts: int = 0
    until: float = 0.0

    def again(self, now: float) -> None:
        pause = min(FIRST * 2.0 ** min(self.attempts, 20), LONGEST)
        self.until = now + pause * random.uniform(0.8, 1.0)  # noqa: S311 (jitter)
        self.attempts += 1


class Refusals:
    """Holds back single steps of one object, so that its other steps go on. It backs off per step.

    A policy may refuse one version or all of them. So steps of one kind are tried in turn: once two are held back, one
    more of them is tried at a time, and the pause between them doubles, too.
    """

    __slots__ = ("_kinds", "_steps")

    def __init__(self) -> None:
        self._steps: dict[StepId, _Held] = {}
        self._kinds: dict[str, _Held] = {}

    def refused(self, step: StepId, words: str) -> bool:
        """Hold `step` back. Returns True if no step of its kind was held back before.

        The words of the first refusal stay until the step succeeds: a condition must not change with each retry.
        """
        now, kind = _now(), step[0]
        is_first = not self._of_kind(kind)
        self._steps.setdefault(step, _Held(words)).again(now)
        if len(self._of_kind(kind)) >= _WHOLE:
            self._kinds.setdefault(kind, _Held()).again(now)
        return is_first

    def succeeded(self, step: StepId) -> None:
        """The step was taken: the next of its kind may be taken at once."""
        self._kinds.pop(step[0], None)
        self._drop([step])

    def is_held(self, step: StepId) -> bool:
        """Whether the step was refused and did not succeed since."""
        return step in self._steps

    def is_due(self, step: StepId) -> bool:
        """Whether the step may be taken now."""
        held = self._steps.get(step)
        return self._until(step, held or _Held()) <= _now()

    def pick(self, steps: Iterable[T], identify: Callable[[T], StepId]) -> T | None:
        """The first step that is due; of its kind, the one that was tried least."""
        due = (each for each in steps if not self._steps or self.is_due(identify(each)))
        first = next(due, None)
        if first is None or not self._steps:
            return first
        kind = identify(first)[0]
        if not self._of_kind(kind):
            return first
        same = [first, *(each for each in due if identify(each)[0] == kind)]
        return min(same, key=lambda each: held.attempts if (held := self._steps.get(identify(each))) else 0)

    def keep(self, present: Collection[StepId]) -> bool:
        """Drop what is no longer to be done: all but `present`. Returns whether there was any."""
        stale = [step for step in self._steps if step not in present]
        self._drop(stale)
        return bool(stale)

    def messages(self) -> Mapping[str, str]:
        """Per kind of step that is held back, the words of the first refusal."""
        found: dict[str, str] = {}
        for (kind, _), held in self._steps.items():
            found.setdefault(kind, held.words)
        return found

    def wait(self) -> float | None:
        """Seconds until the next step is due again; None if none is held back."""
        now = _now()
        ends = (self._until(step, held) for step, held in self._steps.items())
        return min((end - now for end in ends if end > now), default=None)

    def _until(self, step: StepId, held: _Held) -> float:
        kind = self._kinds.get(step[0])
        return max(held.until, kind.until if kind else 0.0)

    def _drop(self, stale: Iterable[StepId]) -> None:
        for step in stale:
            self._steps.pop(step, None)
            if len(self._of_kind(step[0])) < _WHOLE:
                self._kinds.pop(step[0], None)

    def _of_kind(self, kind: str) -> list[StepId]:
        return [each for each in self._steps if each[0] == kind]


def _now() -> float:
    return asyncio.get_running_loop().time()
