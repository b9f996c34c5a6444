"""The messages about copies that cannot be withdrawn, and the status of an Assistant that is being deleted. Pure."""

from dataclasses import dataclass
from datetime import datetime

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.meta import Condition
from assistant_operator.api.reason import Reason

from .assistant_input import AssistantInput
from .conditions import conditions, with_progress
from .publication import ABANDON, FINALIZER, PATIENCE, PublishResult

_REPLACED = {"Ready", "Reconciling", "Stalled"}


@dataclass(frozen=True, slots=True)
class WithdrawalFailure:
    """Why a copy is not withdrawn, or why the finalizer is not removed."""

    reason: Reason
    words: str
    """The error of the server."""
    server: str | None = None
    """The server of the copy; None if the finalizer could not be removed."""

    def of_deletion(self) -> str:
        """The message of Ready of an Assistant that is being deleted."""
        if self.server is None:
            return f"Deletion waits: finalizer '{FINALIZER}' cannot be removed: {self.words}"
        minutes = f"{PATIENCE.total_seconds() / 60:g} minutes"
        return (
            f"Deletion waits for {self.server}, where the copy is to be withdrawn: {self.words}."
            f" It goes on after {minutes}, or at once with the annotation {ABANDON}"
        )

    def of_former_copy(self) -> str:
        """The message for an Assistant that is not being deleted."""
        if self.server is None:
            return f"finalizer '{FINALIZER}' is not needed any more, but cannot be removed: {self.words}"
        return f"the former copy on {self.server} is not withdrawn yet: {self.words}"


def status(input: AssistantInput) -> AssistantStatus:
    """The status of an Assistant that is being deleted: unchanged, but Ready has the reason why it still exists."""
    before, generation = input.assistant.status, input.assistant.metadata.generation
    found = conditions_of_deletion(before.conditions, generation, input.publish_result, input.now)
    return before if found is None else before.model_copy(update={"conditions": found})


def conditions_of_deletion(
    before: tuple[Condition, ...], generation: int, known: PublishResult | None, now: datetime
) -> tuple[Condition, ...] | None:
    """The conditions of an object that is being deleted; None if nothing keeps it from being deleted.

    `known`: what is known of its copies.
    """
    if known is None or known.holds:
        return None
    ready, *progress = conditions(with_progress(known, {}), before, generation, now)
    others = (condition for condition in before if condition.type not in _REPLACED)
    return (ready, *others, *progress)
