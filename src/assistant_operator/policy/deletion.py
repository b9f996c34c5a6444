"""What is said of copies that cannot be withdrawn, and of a deletion that cannot go on because of that. Pure."""

from dataclasses import dataclass

from assistant_operator.api.assistant import AssistantStatus
from assistant_operator.api.reason import Reason

from .assistant_input import AssistantInput
from .conditions import ConditionDraft, Progress, conditions, with_progress
from .publication import ABANDON, FINALIZER, PATIENCE

_OURS = {"Ready", "Reconciling", "Stalled"}


@dataclass(frozen=True, slots=True)
class WithdrawalFailure:
    """Why a copy is not withdrawn, or why the finalizer stays."""

    reason: Reason
    words: str
    """What the server said."""
    progress: Progress
    server: str | None = None
    """Where the copy is; None if it is the finalizer that stays."""

    def of_deletion(self) -> str:
        """What an Assistant that is being deleted says."""
        if self.server is None:
            return f"Deletion waits: finalizer '{FINALIZER}' cannot be removed: {self.words}"
        minutes = f"{PATIENCE.total_seconds() / 60:g} minutes"
        return (
            f"Deletion waits for {self.server}, where the copy is to be withdrawn: {self.words}."
            f" It goes on after {minutes}, or at once with the annotation {ABANDON}"
        )

    def of_former_copy(self) -> str:
        """What an Assistant that goes on says."""
        if self.server is None:
            return f"finalizer '{FINALIZER}' is not needed any more, but cannot be removed: {self.words}"
        return f"the former copy on {self.server} is not withdrawn yet: {self.words}"


def status(world: AssistantInput) -> AssistantStatus:
    """The status of an Assistant that is being deleted: what it is, and why the deletion cannot go on."""
    before, known = world.assistant.status, world.outcome
    if known is None or known.holds:
        return before
    drafts = with_progress(ConditionDraft("Ready", False, known.reason, known.message), known.progress, ())
    ready, *progress = conditions(drafts, before.conditions, world.assistant.metadata.generation, world.now)
    others = (each for each in before.conditions if each.type not in _OURS)
    return before.model_copy(update={"conditions": (ready, *others, *progress)})
