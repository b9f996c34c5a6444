"""What is worth an event: each turn of an object for the better or the worse, and each activation."""

from assistant_operator.api.assistant import Assistant, AssistantStatus
from assistant_operator.api.graph import Graph, GraphStatus
from assistant_operator.api.meta import Condition, condition
from assistant_operator.api.reason import Reason
from assistant_operator.policy.assistant_input import AssistantInput
from assistant_operator.policy.deletion import WithdrawalFailure
from assistant_operator.runtime.event_recorder import EventRecorder

_MOST_FIELDS = 8


class EventPublisher:
    """Tells of changes between two statuses of an object."""

    def __init__(self, events: EventRecorder) -> None:
        self._events = events

    def reported(self, before: Assistant | Graph, after: AssistantStatus | GraphStatus) -> None:
        """An object has a new status."""
        was, now = condition(before.status.conditions, "Ready"), condition(after.conditions, "Ready")
        if now and now.status == "False" and now.reason != (was.reason if was else None) and _is_stalled(after):
            self._events.warning(before, Reason(now.reason), "Decide", now.message)
        if isinstance(after, AssistantStatus) and isinstance(before, Assistant):
            self._activated(before, after)

    def refused(self, about: Assistant | Graph, reason: Reason, action: str, words: str) -> None:
        """A write about an object is refused, or has no effect; it was not before."""
        self._events.warning(about, reason, action, words, is_new=True)

    def restored(self, world: AssistantInput, number: int, *, is_lost: bool) -> None:
        """A version that was deleted by hand came back, or could not."""
        name = world.name(number)
        if is_lost:
            note = f"Could not bring back {name}: it was deleted and the API server no longer holds its content"
            self._events.warning(world.assistant, Reason.VERSION_LOST, "Restore", note)
        else:
            note = f"Brought back {name}: it was deleted, and is the latest or the active version"
            self._events.normal(world.assistant, Reason.VERSION_RESTORED, "Restore", note)

    def drifted(self, assistant: Assistant, server: str, fields: tuple[str, ...]) -> None:
        """The copy on a server was put right."""
        what = f"it was changed there at {', '.join(fields[:_MOST_FIELDS])}" if fields else "it was gone"
        note = f"Repaired the copy of '{assistant.metadata.name}' on {server}: {what}"
        self._events.warning(assistant, Reason.COPY_DRIFTED, "Publish", note, is_new=True)

    def hindered(self, assistant: Assistant, hindrance: WithdrawalFailure) -> None:
        """A copy cannot be withdrawn, or the finalizer not be removed."""
        if assistant.metadata.is_being_deleted:
            self._events.warning(assistant, hindrance.reason, "Withdraw", hindrance.of_deletion())
        elif not hindrance.reason.is_transient:  # what passes by itself is no news while the Assistant goes on
            self._events.warning(assistant, hindrance.reason, "Withdraw", hindrance.of_former_copy())

    def not_held(self, assistant: Assistant, trouble: str) -> None:
        """The finalizer cannot be added, and the status has no condition that could say so."""
        self._events.warning(assistant, Reason.FINALIZER_REFUSED, "Publish", trouble)

    def not_recorded(self, assistant: Assistant, trouble: str) -> None:
        """The server's own number of a version cannot be written into its status."""
        self._events.warning(assistant, Reason.SERVER_VERSION_REFUSED, "Publish", trouble)

    def abandoned(self, assistant: Assistant, servers: list[str]) -> None:
        """The deletion of an Assistant waits no longer for its servers."""
        note = f"Abandoned the copy on {', '.join(servers)}: the server did not let it be withdrawn"
        self._events.warning(assistant, Reason.COPY_ABANDONED, "Withdraw", note)

    def made_default(self, graph: Graph, name: str) -> None:
        self._events.normal(graph, Reason.DEFAULT_ASSISTANT_APPLIED, "Apply", f"Made default assistant '{name}'")

    def _activated(self, before: Assistant, after: AssistantStatus) -> None:
        """Only a turn that a person should know of: an edit that comes into force at once is no news."""
        old, new = before.status.active_version, after.active_version
        is_edit = new == after.latest_version != before.status.latest_version
        if new is None or old is None or new == old or is_edit:
            return
        name = before.metadata.name
        self._events.normal(before, Reason.ACTIVATED, "Activate", f"Activated {name}-v{new} in place of {name}-v{old}")


def _is_stalled(status: AssistantStatus | GraphStatus) -> bool:
    stalled: Condition | None = condition(status.conditions, "Stalled")
    return stalled is not None
