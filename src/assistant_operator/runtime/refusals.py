"""Backoff for steps that failed for one object: writes that the API server refused or that had no effect."""

import asyncio
import random
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from assistant_operator.clients.backoff import Backoff

T = TypeVar("T")

FIRST, LONGEST = 1.0, 300.0
"""Seconds until the first retry, and the longest pause."""
BACKOFF = Backoff(FIRST, LONGEST)
_KIND_THRESHOLD = 2
"""Number of held steps of one kind from which on the kind itself backs off: one step of it is tried at a time."""

StepId = tuple[str, Hashable]
"""Kind of a step, and an identifier within the kind, such as the number of a version."""


def _every_kind(_: str) -> bool:
    return True


@dataclass(slots=True)
class _Held:
    """The backoff of a step or of a kind. `until` is a time of the running loop."""

    message: str = ""
    attempts: int = 0
    until: float = 0.0

    def back_off(self, now: float) -> None:
        self.attempts += 1
        self.until = now + BACKOFF.delay(self.attempts) * random.uniform(0.8, 1.0)  # noqa: S311 (jitter, never longer)


class Refusals:
    """Backs off each step of one object separately, so that a refused step does not block the other steps.

    An admission policy may refuse one version or all of them. So a kind of step backs off as well: once two steps of a
    kind are held, one step of it is tried at a time, and the pause between those tries doubles too.
    """

    __slots__ = ("_kinds", "_steps")

    def __init__(self) -> None:
        self._steps: dict[StepId, _Held] = {}
        self._kinds: dict[str, _Held] = {}

    def refused(self, step: StepId, message: str) -> bool:
        """Hold `step`. Returns whether no step of its kind was held before.

        The first message is kept until the step succeeds: a message that changes on each retry would cause a status
        write on each retry.
        """
        now, kind = _now(), step[0]
        is_first = not self._of_kind(kind)
        self._steps.setdefault(step, _Held(message)).back_off(now)
        if len(self._of_kind(kind)) >= _KIND_THRESHOLD:
            self._kinds.setdefault(kind, _Held()).back_off(now)
        return is_first

    def succeeded(self, step: StepId) -> None:
        """Release the step and the backoff of its kind: the next step of the kind is due at once."""
        self._kinds.pop(step[0], None)
        self._drop([step])

    def is_held(self, step: StepId) -> bool:
        """Return whether the step was refused and has not succeeded since."""
        return step in self._steps

    def is_due(self, step: StepId) -> bool:
        """Return whether neither the step nor its kind is backing off."""
        return self._until(step, self._steps.get(step) or _Held()) <= _now()

    def pick(self, steps: Iterable[T], identify: Callable[[T], StepId]) -> T | None:
        """Return the due step with the fewest attempts among those of the same kind as the first due one, or None."""
        due = (step for step in steps if not self._steps or self.is_due(identify(step)))
        first = next(due, None)
        if first is None or not self._steps:
            return first
        kind = identify(first)[0]
        if not self._of_kind(kind):
            return first
        same = [first, *(step for step in due if identify(step)[0] == kind)]
        return min(same, key=lambda step: held.attempts if (held := self._steps.get(identify(step))) else 0)

    def keep(self, present: Iterable[StepId], is_ours: Callable[[str], bool] = _every_kind) -> bool:
        """Release all held steps except `present`. Returns whether any was released.

        `present`: read only if steps are held.
        `is_ours`: whether a kind of step is that of the caller: several controllers may take steps for one object.
        """
        ours = {step for step in self._steps if is_ours(step[0])}
        stale = ours.difference(present) if ours else ours
        self._drop(stale)
        return bool(stale)

    def messages(self) -> Mapping[str, str]:
        """Return, for each kind with a held step, the message of its first refusal."""
        messages: dict[str, str] = {}
        for (kind, _), held in self._steps.items():
            messages.setdefault(kind, held.message)
        return messages

    def wait(self, is_ours: Callable[[str], bool] = _every_kind) -> float | None:
        """Return the seconds until the next held step is due; None if none is backing off. `is_ours`: as above."""
        now = _now()
        ends = (self._until(step, held) for step, held in self._steps.items() if is_ours(step[0]))
        return min((end - now for end in ends if end > now), default=None)

    def _until(self, step: StepId, held: _Held) -> float:
        kind = self._kinds.get(step[0])
        return max(held.until, kind.until if kind else 0.0)

    def _drop(self, stale: Iterable[StepId]) -> None:
        for step in stale:
            self._steps.pop(step, None)
            if len(self._of_kind(step[0])) < _KIND_THRESHOLD:
                self._kinds.pop(step[0], None)

    def _of_kind(self, kind: str) -> list[StepId]:
        return [step for step in self._steps if step[0] == kind]


def _now() -> float:
    return asyncio.get_running_loop().time()
