"""Findings, and the conditions that report them, for all kinds. No other module creates a condition."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from assistant_operator.api.meta import Condition, ConditionStatus, condition
from assistant_operator.api.reason import Reason

LONGEST_MESSAGE = 2048


class Progress(StrEnum):
    """The state of an object as in kstatus: ready, reconciling (the operator continues by itself), stalled."""

    READY = "Ready"
    RECONCILING = "Reconciling"
    STALLED = "Stalled"


@dataclass(frozen=True, slots=True)
class Finding:
    """Status, reason and message: what one condition reports. What is more specific is a subclass."""

    holds: bool | None
    """None: unknown, which is not False."""
    reason: Reason
    message: str
    is_transient: bool = False
    """Whether the operator continues by itself, for a reason that does not always imply it."""

    @property
    def progress(self) -> Progress:
        """What an object reports beside Ready, if Ready has this finding."""
        if self.holds:
            return Progress.READY
        return Progress.RECONCILING if self.is_transient or self.reason.is_transient else Progress.STALLED

    def condition(self, name: str) -> Condition:
        """The condition of the type `name`, without generation and transition time."""
        message = self.message if len(self.message) <= LONGEST_MESSAGE else self.message[: LONGEST_MESSAGE - 1] + "…"
        status = ConditionStatus.of(self.holds).value
        return Condition(type=name, status=status, reason=self.reason, message=message)


def restated(before: Condition) -> Finding:
    """The finding that results in the condition `before` again."""
    reason = next((reason for reason in Reason if reason == before.reason), Reason.PROBING)
    return Finding({"True": True, "False": False}.get(before.status), reason, before.message)


def with_progress(ready: Finding, others: Mapping[str, Finding]) -> dict[str, Finding]:
    """Ready, the others, and Reconciling or Stalled with the reason and message of Ready."""
    progress = {} if ready.progress is Progress.READY else {ready.progress.value: replace(ready, holds=True)}
    return {"Ready": ready, **others, **progress}


def conditions(
    findings: Mapping[str, Finding], before: tuple[Condition, ...], generation: int, now: datetime
) -> tuple[Condition, ...]:
    """The conditions of `generation`, by type. `before`: the present ones, for the transition times."""
    return tuple(
        finding.condition(name).with_transition_time(generation, condition(before, name), now)
        for name, finding in findings.items()
    )
