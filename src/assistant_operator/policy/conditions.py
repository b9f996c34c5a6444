"""Findings as conditions, for all kinds. No other module creates a condition."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from assistant_operator.api.meta import Condition, ConditionStatus, condition
from assistant_operator.api.reason import Reason

LONGEST_MESSAGE = 2048


class Progress(StrEnum):
    """The state of an object as in kstatus: ready, reconciling (the operator continues by itself), stalled."""

    DONE = "Done"
    WAIT = "Wait"
    REJECT = "Reject"


@dataclass(frozen=True, slots=True)
class ConditionDraft:
    """A condition before it has a generation and a transition time."""

    type: str
    holds: bool | None
    reason: Reason
    message: str

    def condition(self) -> Condition:
        message = self.message if len(self.message) <= LONGEST_MESSAGE else self.message[: LONGEST_MESSAGE - 1] + "…"
        status = ConditionStatus.of(self.holds).value
        return Condition(type=self.type, status=status, reason=self.reason, message=message)


def restated(before: Condition) -> ConditionDraft:
    """The draft that results in the condition `before` again."""
    reason = next((reason for reason in Reason if reason == before.reason), Reason.PROBING)
    return ConditionDraft(before.type, {"True": True, "False": False}.get(before.status), reason, before.message)


def with_progress(
    ready: ConditionDraft, progress: Progress, others: Iterable[ConditionDraft]
) -> tuple[ConditionDraft, ...]:
    """Ready, the others, and Reconciling or Stalled with the reason and message of Ready."""
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
    """The conditions of `generation`. `before`: the present ones, for the transition times."""
    found = (draft.condition() for draft in drafts)
    return tuple(each.with_transition_time(generation, condition(before, each.type), now) for each in found)
