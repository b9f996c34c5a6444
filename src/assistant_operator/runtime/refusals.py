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
    """Holds back single steps of an object, so that its other steps go on. It backs off per step.

    A policy may refuse one version or all of them. So steps of one kind are tried in turn: once two are held back, one
    more of them is tried at a time, and the pause between them doubles, too.
    """

    def __init__(self) -> None:
        self._steps: dict[str, dict[StepId, _Held]] = {}
        self._kinds: dict[tuple[str, str], _Held] = {}

    def refused(self, owner: str, step: StepId, words: str) -> bool:
        """Hold `step` of the object with UID `owner` back. True if no step of its kind was held back before.

        The words of the first refusal stay until the step succeeds: a condition must not change with each retry.
        """
        now, kind = _now(), step[0]
        steps = self._steps.setdefault(owner, {})
        is_news = not _of_kind(steps, kind)
        steps.setdefault(step, _Held(words)).again(now)
        if len(_of_kind(steps, kind)) >= _WHOLE:
            self._kinds.setdefault((owner, kind), _Held()).again(now)
        return is_news

    def succeeded(self, owner: str, step: StepId) -> None:
        """The step was taken: the next of its kind may be taken at once."""
        self._kinds.pop((owner, step[0]), None)
        self._drop(owner, [step])

    def is_held(self, owner: str, step: StepId) -> bool:
        """Whether the step was refused and did not succeed since."""
        return step in self._steps.get(owner, ())

    def is_due(self, owner: str, step: StepId) -> bool:
        """Whether the step may be taken now."""
        held, kind = self._steps.get(owner, {}).get(step), self._kinds.get((owner, step[0]))
        now = _now()
        return not (held and held.until > now) and not (kind and kind.until > now)

    def pick(self, owner: str, steps: Iterable[T], identify: Callable[[T], StepId]) -> T | None:
        """The first step that is due; of its kind, the one that was tried least."""
        known = self._steps.get(owner)
        due = (each for each in steps if not known or self.is_due(owner, identify(each)))
        first = next(due, None)
        if first is None or not known:
            return first
        kind = identify(first)[0]
        if not _of_kind(known, kind):
            return first
        same = [first, *(each for each in due if identify(each)[0] == kind)]
        return min(same, key=lambda each: known[identify(each)].attempts if identify(each) in known else 0)

    def keep(self, owner: str, present: Collection[StepId]) -> bool:
        """Drop what is no longer to be done: all but `present`. Whether there was any."""
        stale = [step for step in self._steps.get(owner, ()) if step not in present]
        self._drop(owner, stale)
        return bool(stale)

    def messages(self, owner: str) -> Mapping[str, str]:
        """Per kind of step that is held back, the words of the first refusal."""
        found: dict[str, str] = {}
        for (kind, _), held in self._steps.get(owner, {}).items():
            found.setdefault(kind, held.words)
        return found

    def wait(self, owner: str) -> float | None:
        """Seconds until the next step is due again; None if none is held back."""
        now = _now()
        ends = (self._until(owner, step, held) for step, held in self._steps.get(owner, {}).items())
        return min((end - now for end in ends if end > now), default=None)

    def forget(self, owner: str) -> None:
        """The object is gone."""
        self._drop(owner, list(self._steps.get(owner, ())))

    def _until(self, owner: str, step: StepId, held: _Held) -> float:
        kind = self._kinds.get((owner, step[0]))
        return max(held.until, kind.until if kind else 0.0)

    def _drop(self, owner: str, stale: Iterable[StepId]) -> None:
        steps = self._steps.get(owner, {})
        for step in stale:
            steps.pop(step, None)
            if len(_of_kind(steps, step[0])) < _WHOLE:
                self._kinds.pop((owner, step[0]), None)
        if not steps:
            self._steps.pop(owner, None)


def _of_kind(steps: Iterable[StepId], kind: str) -> list[StepId]:
    return [each for each in steps if each[0] == kind]


def _now() -> float:
    return asyncio.get_running_loop().time()
