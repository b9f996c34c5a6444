"""(world, verdict, now) → status and conditions, for every kind. Nobody else states a condition."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assistant_operator.api.meta import Condition, ConditionStatus, condition
from assistant_operator.api.reason import Reason

LONGEST_MESSAGE = 2048


class Progress(StrEnum):
    """What comes next: nothing, the operator goes on by itself, or somebody must act."""

    DONE = "Done"
    WAIT = "Wait"
    REJECT = "Reject"


@dataclass(frozen=True, slots=True)
class ConditionDraft:
    """What is to be said under one type of condition."""

    type: str
    holds: bool | None
    reason: Reason
    message: str

    def condition(self) -> Condition:
        short = self.message if len(self.message) <= LONGEST_MESSAGE else self.message[: LONGEST_MESSAGE - 1] + "…"
        return Condition(type=self.type, status=ConditionStatus.of(self.holds).value, reason=self.reason, message=short)


def restated(said: Condition) -> ConditionDraft:
    """What was said, said again."""
    reason = next((each for each in Reason if each == said.reason), Reason.PROBING)
    return ConditionDraft(said.type, {"True": True, "False": False}.get(said.status), reason, said.message)


def with_progress(
    ready: ConditionDraft, progress: Progress, others: Iterable[ConditionDraft]
) -> tuple[ConditionDraft, ...]:
    """Ready, the others, and while Ready is not True what kstatus reads: Reconciling or Stalled."""
    match progress:
        case Progress.DONE:
            return (ready, *others)
        case Progress.WAIT:
            return (ready, *others, ConditionDraft("Reconciling", True, ready.reason, ready.message))
        case Progress.REJECT:
            return (ready, *others, ConditionDraft("Stalled", True, ready.reason, ready.message))


def conditions(
    drafts: Iterable[ConditionDraft], before: tuple[Condition, ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """`claims` as conditions of `generation`, each with the time of its last real change."""
    stated = (draft.condition() for draft in drafts)
    return tuple(each.seen(generation, condition(before, each.type), now) for each in stated)
