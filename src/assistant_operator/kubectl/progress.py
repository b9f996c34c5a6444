"""What `kubectl assistants status` makes of an Assistant: is it done, has it failed, or does it go on. Pure."""

from dataclasses import dataclass

from ..resources.assistant import Assistant
from ..resources.meta import ConditionStatus, condition
from .listing import is_observed, why


@dataclass(frozen=True, slots=True)
class Progress:
    """How far it is, in words; `is_ready` None while that is not decided."""

    message: str
    is_ready: bool | None = None


def progress(assistant: Assistant | None, name: str) -> Progress:
    """`assistant`: None once it is gone."""
    if assistant is None:
        return Progress(f"{name} was deleted", is_ready=False)
    if assistant.metadata.is_being_deleted:
        return Progress(f"{name} is being deleted", is_ready=False)
    ready = condition(assistant.status.conditions, "Ready")
    if ready is None or not is_observed(assistant):
        return Progress("the operator has not looked at the newest edit yet")
    if ready.status == ConditionStatus.TRUE:
        return Progress(ready.message, is_ready=not _is_held_back(assistant))
    stalled = condition(assistant.status.conditions, "Stalled")
    is_stuck = stalled is not None and stalled.status == ConditionStatus.TRUE
    return Progress(why(assistant), is_ready=False if is_stuck else None)


def _is_held_back(assistant: Assistant) -> bool:
    """Whether a suspended assistant, whose Ready stays as it was, has something to come into force."""
    active, versioning = assistant.status.active_version, assistant.spec.versioning
    latest = active if versioning.activation == "Manual" else assistant.status.latest_version
    return assistant.spec.suspend and active != (assistant.pin or latest)
