"""By whose edit a version came into force, and why. Pure."""

from assistant_operator.api.assistant import Assistant
from assistant_operator.api.assistant_version import AssistantVersion

from .assistant_input import AssistantInput, Selection
from .versioning import cause_of

Attribution = tuple[str | None, str | None]
"""User and cause; each is None if it is not known."""


def attribution(input: AssistantInput, number: int) -> Attribution:
    """Whose edit activates that version now, and why.

    It is the edit that created the version, or a later one that selected it. If a version comes into force later, for
    another cause, it is the edit that created or pinned it.
    """
    head, selection = _head(input), input.recorded.selection
    is_pinned, is_head = input.assistant.pin == number, head is not None and head.number == number
    if selection and (head is None or selection.generation > head.spec.generation or (is_pinned and not is_head)):
        is_new = selection.generation > input.assistant.status.observed_generation
        if is_new or (is_pinned and selection.is_pin):
            return selection.user, selection.cause
    return (head.spec.change.user, head.spec.change.cause) if head and is_head else (None, None)


def _head(input: AssistantInput) -> AssistantVersion | None:
    """The newest version, if an edit of this very Assistant created it: an adopted one has another one's generation."""
    head = input.recorded.head
    return head if head and head.spec.assistant_ref.uid == input.assistant.metadata.uid else None


def selection(
    before: Assistant | None, state: Assistant, head: AssistantVersion | None, user: str | None
) -> Selection | None:
    """What the edit of `state` selected; None if it changed nothing that selects a version.

    `before`: the state before the edit; None if it is not known. Then an edit that created no version counts as one
    that selects. `head`: the newest version. `user`: who made the edit.
    """
    generation, pin, cause = state.metadata.generation, state.pin, cause_of(state)
    if before is None:
        if head and head.spec.assistant_ref.uid == state.metadata.uid and head.spec.generation == generation:
            return None
        return Selection(generation, pin is not None, user, cause if generation == 1 else None)
    if _selecting_fields(before) == _selecting_fields(state):
        return None
    is_pin = pin is not None and pin != before.pin
    return Selection(generation, is_pin, user, None if cause == cause_of(before) else cause)


def _selecting_fields(assistant: Assistant) -> tuple[object, ...]:
    spec = assistant.spec
    return spec.versioning.active_version, spec.versioning.activation, spec.suspend
