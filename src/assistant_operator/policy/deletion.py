"""The messages about copies that cannot be withdrawn, and the status of an Assistant that is being deleted. Pure."""

from dataclasses import dataclass

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.reason import Reason

from .assistant_input import AssistantInput
from .conditions import conditions, with_progress
from .publication import ABANDON, FINALIZER, PATIENCE

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
    before, known = input.assistant.status, input.publish_result
    if known is None or known.holds:
        return before
    findings = with_progress(known, {})
    ready, *progress = conditions(findings, before.conditions, input.assistant.metadata.generation, input.now)
    others = (condition for condition in before.conditions if condition.type not in _REPLACED)
    return before.model_copy(update={"conditions": (ready, *others, *progress)})
