"""Backoff for steps that failed for one object: writes that the API server refused or that had no effect."""

import asyncio
import random
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

FIRST, LONGEST = 1.0, 300.0
"""Seconds until the first retry, and the longest pause that doubling leads to."""
_KIND_THRESHOLD = 2
"""Number of held steps of one kind from which on the kind itself backs off: one step of it is tried at a time."""

StepId = tuple[str, Hashable]
"""Kind of a step, and an identifier within the kind, such as the number of a version."""


@dataclass(slots=True)
class _Held:
    """The backoff of a step or of a kind. `until` is a time of the running loop."""

    message: str = ""
    attempts: int = 0
    until: float = 0.0

    def back_off(self, now: float) -> None:
        pause = min(FIRST * 2.0 ** min(self.attempts, 20), LONGEST)
        self.until = now + pause * random.uniform(0.8, 1.0)  # noqa: S311 (jitter)
        self.attempts += 1


class Refusals:
    """Backs off each step of each object separately, so that a refused step does not block the other steps.

    An admission policy may refuse one version or all of them. So a kind of step backs off as well: once two steps of a
    kind are held, one step of it is tried at a time, and the pause between those tries doubles too.
    """

    def __init__(self) -> None:
        self._steps: dict[str, dict[StepId, _Held]] = {}
        self._kinds: dict[tuple[str, str], _Held] = {}

    def refused(self, owner: str, step: StepId, message: str) -> bool:
        """Hold `step` of the object with UID `owner`. Returns whether no step of its kind was held before.

        The first message is kept until the step succeeds: a message that changes on each retry would cause a status
        write on each retry.
        """
        now, kind = _now(), step[0]
        steps = self._steps.setdefault(owner, {})
        is_first = not _of_kind(steps, kind)
        steps.setdefault(step, _Held(message)).back_off(now)
        if len(_of_kind(steps, kind)) >= _KIND_THRESHOLD:
            self._kinds.setdefault((owner, kind), _Held()).back_off(now)
        return is_first

    def succeeded(self, owner: str, step: StepId) -> None:
        """Release the step and the backoff of its kind: the next step of the kind is due at once."""
        self._kinds.pop((owner, step[0]), None)
        self._drop(owner, [step])

    def is_held(self, owner: str, step: StepId) -> bool:
        """Return whether the step was refused and has not succeeded since."""
        return step in self._steps.get(owner, ())

    def is_due(self, owner: str, step: StepId) -> bool:
        """Return whether neither the step nor its kind is backing off."""
        held, kind = self._steps.get(owner, {}).get(step), self._kinds.get((owner, step[0]))
        now = _now()
        return not (held and held.until > now) and not (kind and kind.until > now)

    def pick(self, owner: str, steps: Iterable[T], identify: Callable[[T], StepId]) -> T | None:
        """Return the due step with the fewest attempts among those of the same kind as the first due one, or None."""
        known = self._steps.get(owner)
        due = (step for step in steps if not known or self.is_due(owner, identify(step)))
        first = next(due, None)
        if first is None or not known:
            return first
        kind = identify(first)[0]
        if not _of_kind(known, kind):
            return first
        same = [first, *(step for step in due if identify(step)[0] == kind)]
        return min(same, key=lambda step: known[identify(step)].attempts if identify(step) in known else 0)

    def keep(self, owner: str, present: Collection[StepId]) -> bool:
        """Release all held steps except `present`. Returns whether any was released."""
        stale = [step for step in self._steps.get(owner, ()) if step not in present]
        self._drop(owner, stale)
        return bool(stale)

    def messages(self, owner: str) -> Mapping[str, str]:
        """Return, for each kind with a held step, the message of its first refusal."""
        messages: dict[str, str] = {}
        for (kind, _), held in self._steps.get(owner, {}).items():
            messages.setdefault(kind, held.message)
        return messages

    def wait(self, owner: str) -> float | None:
        """Return the seconds until the next held step is due; None if none is backing off."""
        now = _now()
        ends = (self._until(owner, step, held) for step, held in self._steps.get(owner, {}).items())
        return min((end - now for end in ends if end > now), default=None)

    def forget(self, owner: str) -> None:
        """Release all steps of a deleted object."""
        self._drop(owner, list(self._steps.get(owner, ())))

    def _until(self, owner: str, step: StepId, held: _Held) -> float:
        kind = self._kinds.get((owner, step[0]))
        return max(held.until, kind.until if kind else 0.0)

    def _drop(self, owner: str, stale: Iterable[StepId]) -> None:
        steps = self._steps.get(owner, {})
        for step in stale:
            steps.pop(step, None)
            if len(_of_kind(steps, step[0])) < _KIND_THRESHOLD:
                self._kinds.pop((owner, step[0]), None)
        if not steps:
            self._steps.pop(owner, None)


def _of_kind(steps: Iterable[StepId], kind: str) -> list[StepId]:
    return [step for step in steps if step[0] == kind]


def _now() -> float:
    return asyncio.get_running_loop().time()
